import {
  listTree,
  mapTree,
  scalarTree,
  type MapEntry,
  type MapTree,
  type SourceOffset,
  type Tree,
} from '../../engine/manifest/tree.js';
import { NO_VALUE, type Value } from './evaluate.js';
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
  if (found !== undefined) return scalarTree(value.at, found);
  scope.refuse(value.at, path, 'this is not a text', 'write a text');
};

const texts: Reader = (value, scope, path) => {
  const items = value.type === 'list' ? value.items : [];
  const found = items.map((item) => [item.at, textOf(item)] as const);
  if (value.type === 'list' && found.every(([, item]) => item !== undefined))
    return listTree(
      value.at,
      found.map(([at, item = '']) => scalarTree(at, item)),
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
  if (value.type === 'map') return plainOf(value);
  scope.refuse(value.at, path, 'this is not a policy document', 'write a map with Version and Statement');
};

const document: Reader = (value, scope, path) => {
  const found = trust(value, scope, path);
  return found === undefined ? undefined : mapTexts(found, withUncheckedArn);
};

const tags: Reader = (value, scope, path) => {
  const pairs = pairsOf(value, 'Key', 'Value');
  if (pairs !== undefined)
    return unique(value.at, pairs, scope, path, (tree) => scalarTree(tree.at, textOf(tree) ?? ''));
  scope.refuse(value.at, path, 'these are no tags', 'write a list of Key and Value');
};

const policies: Reader = (value, scope, path) => {
  const pairs = pairsOf(value, 'PolicyName', 'PolicyDocument');
  if (pairs !== undefined) return unique(value.at, pairs, scope, path, (tree) => document(tree, scope, path));
  scope.refuse(value.at, path, 'these are no policies', 'write a list of PolicyName and PolicyDocument');
};

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

type Pair = readonly [name: string, value: Tree, at: SourceOffset];

/** Returns the names and values of a list of maps; undefined if it is something else. */
function pairsOf(value: Tree, nameField: string, valueField: string): readonly Pair[] | undefined {
  if (value.type !== 'list') return undefined;
  const pairs = value.items.flatMap((item): Pair[] => {
    const [name, member] = item.type === 'map' ? fieldsOf(item, nameField, valueField) : [];
    return name === undefined || member === undefined ? [] : [[name, member, item.at]];
  });
  return pairs.length === value.items.length ? pairs : undefined;
}

function fieldsOf({ entries }: MapTree, nameField: string, valueField: string): [string | undefined, Tree | undefined] {
  return [textOf(entries.get(nameField)?.value), entries.get(valueField)?.value];
}

function unique(
  listAt: SourceOffset,
  pairs: readonly Pair[],
  scope: StackScope,
  path: Path,
  read: (tree: Tree) => Tree | undefined,
): MapTree | undefined {
  const found = new Map<string, MapEntry>();
  let isBroken = false;
  for (const [name, tree, at] of pairs) {
    if (found.has(name)) {
      scope.refuse(at, path, `${name} is written twice`, 'remove one of them');
      isBroken = true;
    }
    const value = read(tree);
    if (value === undefined) isBroken = true;
    else found.set(name, { at, value });
  }
  return isBroken ? undefined : mapTree(listAt, found);
}

/** Returns a plain value. A number that has another form as text, such as an account with a leading zero, is text. */
function plainOf(tree: Tree): Tree {
  if (tree.type === 'list') return listTree(tree.at, tree.items.map(plainOf));
  if (tree.type === 'map') {
    const entries = [...tree.entries].map(([key, { at, value }]): [string, MapEntry] => [
      key,
      { at, value: plainOf(value) },
    ]);
    return mapTree(tree.at, new Map(entries));
  }
  const isOther = typeof tree.value === 'number' && tree.raw !== null && tree.raw !== String(tree.value);
  return isOther ? scalarTree(tree.at, tree.raw) : tree;
}
