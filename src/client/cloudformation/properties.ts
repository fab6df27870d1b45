import type { Json, JsonObject } from '../../contract/entity.js';
import { stringOf, type MapTree, type SourceOffset, type Tree } from '../../engine/manifest/tree.js';
import { NO_VALUE, type Value } from './evaluate.js';
import { textOf } from './parameters.js';
import type { PropertyRule } from './resource-types.js';
import type { StackScope } from './scope.js';
import { withUncheckedArns } from '../manifest/template-text.js';

type Path = readonly PropertyKey[];
type Reader = (value: Tree, scope: StackScope, path: Path) => Json | undefined;

/** Returns the value of a property in the form of a manifest. Null without a value, undefined if it has a problem. */
export function readProperty(tree: Tree, as: PropertyRule['as'], scope: StackScope, path: Path): Json | undefined {
  const value: Value = scope.evaluator.evaluate(tree, path);
  if (value === undefined || value === NO_VALUE) return value === undefined ? undefined : null;
  return (READERS[as] ?? text)(value, scope, path);
}

const text: Reader = (value, scope, path) => {
  const found = textOf(value);
  if (found === undefined) scope.refuse(value.at, path, 'this is not a text', 'write a text');
  return found;
};

const texts: Reader = (value, scope, path) => {
  const items = value.type === 'list' ? value.items.map(textOf) : [undefined];
  const found = items.filter((item) => item !== undefined);
  if (found.length === items.length) return found;
  scope.refuse(value.at, path, 'this is not a list of texts', 'write a list of texts');
};

const number: Reader = (value, scope, path) => {
  const written = textOf(value) ?? '';
  if (/^\d+$/.test(written)) return Number(written);
  scope.refuse(value.at, path, 'this is not a whole number', 'write digits only');
};

const first: Reader = (value, scope, path) => {
  const found = texts(value, scope, path) as readonly string[] | undefined;
  if (found === undefined || found.length === 1) return found?.[0];
  scope.refuse(value.at, path, `${String(found.length)} names, and an entity takes one`, 'write one name');
};

const trust: Reader = (value, scope, path) => {
  if (value.type === 'map') return jsonOf(value);
  scope.refuse(value.at, path, 'this is not a policy document', 'write a map with Version and Statement');
};

const document: Reader = (value, scope, path) => {
  const found = trust(value, scope, path);
  return found === undefined ? undefined : withUncheckedArns(found);
};

const tags: Reader = (value, scope, path) => {
  const pairs = pairsOf(value, 'Key', 'Value');
  if (pairs === undefined) {
    scope.refuse(value.at, path, 'these are no tags', 'write a list of Key and Value');
    return;
  }
  return unique(pairs, scope, path, (_, tree) => textOf(tree) ?? '');
};

const policies: Reader = (value, scope, path) => {
  const pairs = pairsOf(value, 'PolicyName', 'PolicyDocument');
  if (pairs !== undefined) return unique(pairs, scope, path, (_, tree) => document(tree, scope, path));
  scope.refuse(value.at, path, 'these are no policies', 'write a list of PolicyName and PolicyDocument');
};

const READERS: Partial<Record<PropertyRule['as'], Reader>> = {
  texts,
  attached: texts,
  member: texts,
  number,
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
  pairs: readonly Pair[],
  scope: StackScope,
  path: Path,
  read: (name: string, tree: Tree) => Json | undefined,
): JsonObject | undefined {
  const found = new Map<string, Json>();
  let isBroken = false;
  for (const [name, tree, at] of pairs) {
    if (found.has(name)) {
      scope.refuse(at, path, `${name} is written twice`, 'remove one of them');
      isBroken = true;
    }
    const value = read(name, tree);
    if (value === undefined) isBroken = true;
    else found.set(name, value);
  }
  return isBroken ? undefined : Object.fromEntries(found);
}

/** Returns a plain value. A number that has another form as text, such as an account with a leading zero, is text. */
function jsonOf(tree: Tree): Json {
  if (tree.type === 'list') return tree.items.map(jsonOf);
  if (tree.type === 'map') {
    return Object.fromEntries([...tree.entries].map(([key, { value }]) => [key, jsonOf(value)]));
  }
  const isOther = typeof tree.value === 'number' && tree.raw !== null && tree.raw !== String(tree.value);
  return isOther ? tree.raw : (stringOf(tree) ?? tree.value);
}
