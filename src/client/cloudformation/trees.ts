import { listTree, mapTree, scalarTree, type MapEntry, type Tree } from '../../engine/manifest/tree.js';

/** Replaces every text of a tree, keys included. */
export function mapTexts(tree: Tree, change: (text: string) => string): Tree {
  if (tree.type === 'scalar') return typeof tree.value === 'string' ? scalarTree(tree.at, change(tree.value)) : tree;
  if (tree.type === 'list')
    return listTree(
      tree.at,
      tree.items.map((item) => mapTexts(item, change)),
    );
  const entries = [...tree.entries].map(([key, { at, value }]): [string, MapEntry] => [
    change(key),
    { at, value: mapTexts(value, change) },
  ]);
  return mapTree(tree.at, new Map(entries));
}
