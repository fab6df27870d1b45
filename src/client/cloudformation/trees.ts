import {
  listTree,
  mapTree,
  scalarTree,
  type MapEntry,
  type ScalarTree,
  type SourceOffset,
  type Tree,
} from '../../engine/manifest/tree.js';

/** Replaces every text of a tree, keys included. */
export function mapTexts(tree: Tree, change: (text: string) => string): Tree {
  const changed = (one: ScalarTree): Tree =>
    typeof one.value === 'string' ? scalarTree(one.at, change(one.value)) : one;
  return mapScalars(tree, changed, change);
}

/** Replaces every single value of a tree, and its keys. */
export function mapScalars(
  tree: Tree,
  change: (scalar: ScalarTree) => Tree,
  changeKey: (key: string, at: SourceOffset) => string,
): Tree {
  if (tree.type === 'scalar') return change(tree);
  if (tree.type === 'list')
    return listTree(
      tree.at,
      tree.items.map((item) => mapScalars(item, change, changeKey)),
    );
  const entries = [...tree.entries].map(([key, { at, value }]): [string, MapEntry] => [
    changeKey(key, at),
    { at, value: mapScalars(value, change, changeKey) },
  ]);
  return mapTree(tree.at, new Map(entries));
}

/** Reports whether a tree has a text for which a condition holds. */
export function hasText(tree: Tree, test: (text: string) => boolean): boolean {
  if (tree.type === 'scalar') return typeof tree.value === 'string' && test(tree.value);
  const members = tree.type === 'list' ? tree.items : [...tree.entries.values()].map(({ value }) => value);
  return members.some((member) => hasText(member, test));
}
