import { isJson } from '../../engine/manifest/json.js';
import { quoted } from '../../engine/manifest/problem.js';
import { parseText } from '../../engine/manifest/source.js';
import {
  listTree,
  mapTree,
  scalarTree,
  stringOf,
  toJson,
  treeOf,
  type MapEntry,
  type SourceOffset,
  type Tree,
} from '../../engine/manifest/tree.js';
import { nearest } from '../../engine/text.js';
import { NO_VALUE, type Value } from './calls.js';
import { textOf } from './parameters.js';
import type { PropertyRule } from './resource-types.js';
import type { StackScope } from './scope.js';
import { mapTexts } from './trees.js';
import { withUncheckedArn } from '../manifest/template-text.js';

type Path = readonly PropertyKey[];
type Reader = (value: Tree, scope: StackScope, path: Path) => Tree | undefined;

/** Returns the value of a property in the form of a manifest. Null without a value, undefined if it has a problem. */
export function readProperty(
  tree: Tree,
  as: PropertyRule['as'],
  scope: StackScope,
  path: Path,
): Tree | null | undefined {
  const value: Value = scope.evaluator.evaluate(tree, path);
  if (value === undefined || value === NO_VALUE) return value === undefined ? undefined : null;
  return (READERS[as] ?? text)(value, scope, path);
}

/** Returns the texts of a property that {@link readProperty} has read. */
export function textsOf(value: Tree): readonly string[] {
  return (value.type === 'list' ? value.items : [value]).flatMap((item) => textOf(item) ?? []);
}

const text: Reader = (value, scope, path) => {
  const found = textOf(value);
  if (found !== undefined) return scalarTree(value.at, scope.referring(found));
  scope.refuse(value.at, path, 'this is not a text', 'write a text');
};

const texts: Reader = (value, scope, path) => {
  const items = value.type === 'list' ? value.items : [];
  const found = items.map((item) => [item.at, textOf(item)] as const);
  if (value.type === 'list' && found.every(([, item]) => item !== undefined))
    return listTree(
      value.at,
      found.map(([at, item = '']) => scalarTree(at, scope.referring(item))),
    );
  scope.refuse(value.at, path, 'this is not a list of texts', 'write a list of texts');
};

const number: Reader = (value, scope, path) => {
  const written = textOf(value) ?? '';
  if (/^\d+$/.test(written)) return scalarTree(value.at, Number(written));
  scope.refuse(value.at, path, 'this is not a whole number', 'write digits only');
};

const boolean: Reader = (value, scope, path) => {
  const written = textOf(value);
  if (written === 'true' || written === 'false') return scalarTree(value.at, written === 'true');
  scope.refuse(value.at, path, 'this is neither true nor false', 'write true or false');
};

const first: Reader = (value, scope, path) => {
  const found = texts(value, scope, path);
  if (found?.type !== 'list') return undefined;
  const [item] = found.items;
  if (item !== undefined && found.items.length === 1) return item;
  scope.refuse(value.at, path, `${String(found.items.length)} names, and an entity takes one`, 'write one name');
};

const trust: Reader = (value, scope, path) => {
  const found = value.type === 'scalar' ? documentOf(stringOf(value) ?? '', value.at) : value;
  if (found?.type === 'map') return plainOf(found, scope);
  scope.refuse(value.at, path, 'this is not a policy document', 'write a map with Version and Statement');
};

/** Returns a document that is written as JSON in a text. Undefined where it is none. */
function documentOf(text: string, at: SourceOffset): Tree | undefined {
  // An escape would make a character that stands for a template of a manifest.
  if (/\\ufdd[01]/i.test(text)) return undefined;
  // A manifest takes the content of a file for a member $file.
  const { tree } = isJson(text) ? parseText('', text) : { tree: null };
  const document = tree === null ? null : toJson(tree);
  return document === null || JSON.stringify(document).includes('"$file":') ? undefined : treeOf(document, at);
}

const document: Reader = (value, scope, path) => {
  const found = trust(value, scope, path);
  return found === undefined ? undefined : mapTexts(found, withUncheckedArn);
};

const tags: Reader = (value, scope, path) =>
  named(value, scope, path, { what: 'tags', name: 'Key', value: 'Value' }, text);

const policies: Reader = (value, scope, path) =>
  named(value, scope, path, { what: 'policies', name: 'PolicyName', value: 'PolicyDocument' }, document);

const READERS: Partial<Record<PropertyRule['as'], Reader>> = {
  texts,
  attached: texts,
  member: texts,
  number,
  boolean,
  first,
  trust,
  document,
  tags,
  policies,
};

/** The form of a list whose items have a name and a value. */
interface Form {
  readonly what: string;
  readonly name: string;
  readonly value: string;
}

/** Returns a list of names and values as a map. */
function named(value: Tree, scope: StackScope, path: Path, form: Form, read: Reader): Tree | undefined {
  const found = new Map<string, MapEntry>();
  const names = new Set<string>();
  let isBroken = false;
  const refuse = (at: SourceOffset, message: string, remedy: string): void => {
    scope.refuse(at, path, message, remedy);
    isBroken = true;
  };
  for (const item of value.type === 'list' ? value.items : [value]) {
    const entries = item.type === 'map' ? item.entries : new Map<string, MapEntry>();
    const name = textOf(entries.get(form.name)?.value);
    const member = entries.get(form.value)?.value;
    const [unknown] = [...entries].filter(([key]) => key !== form.name && key !== form.value);
    if (value.type === 'list' && unknown !== undefined) {
      const message = `${quoted(unknown[0])} is not known in ${form.what}`;
      const meant = nearest(unknown[0], [form.name, form.value]);
      const remedy = meant === undefined ? `write only ${form.name} and ${form.value}` : `did you mean ${meant}?`;
      refuse(unknown[1].at, message, remedy);
    } else if (value.type !== 'list' || name === undefined || member === undefined) {
      refuse(item.at, `invalid ${form.what}`, `write a list of ${form.name} and ${form.value}`);
    } else {
      const key = scope.literal(name);
      if (names.has(key)) refuse(item.at, `${key} is written twice`, 'remove one of them');
      names.add(key);
      const given = read(member, scope, path);
      if (given === undefined) isBroken = true;
      else found.set(name, { at: item.at, value: given });
    }
  }
  return isBroken ? undefined : mapTree(value.at, found);
}

/** Returns a plain value. A number that has another form as text, such as an account with a leading zero, is text. */
function plainOf(tree: Tree, scope: StackScope): Tree {
  if (tree.type === 'list')
    return listTree(
      tree.at,
      tree.items.map((item) => plainOf(item, scope)),
    );
  if (tree.type === 'map') {
    const entries = [...tree.entries].map(([key, { at, value }]): [string, MapEntry] => [
      key,
      { at, value: plainOf(value, scope) },
    ]);
    return mapTree(tree.at, new Map(entries));
  }
  if (typeof tree.value === 'string') return scalarTree(tree.at, scope.referring(tree.value));
  const isOther = typeof tree.value === 'number' && tree.raw !== null && tree.raw !== String(tree.value);
  return isOther ? scalarTree(tree.at, tree.raw) : tree;
}
