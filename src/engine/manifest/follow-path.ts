import type { SourceOffset, Tree } from './tree.js';

/** The end of a path. */
export interface Found {
  /** The value. Undefined if it does not exist. */
  readonly tree: Tree | undefined;
  readonly at: SourceOffset;
  /** The offset of the key, if the value is in a map. */
  readonly keyAt: SourceOffset;
  readonly path: readonly PropertyKey[];
}

/**
 * Follows a path as far as it exists. A key with dots may come as several segments, because checks of documents write
 * paths as text.
 */
export function follow(tree: Tree, path: readonly PropertyKey[]): Found {
  let here = tree;
  let keyAt = tree.at;
  const walked: PropertyKey[] = [];
  for (let index = 0; index < path.length;) {
    const segment = path[index] ?? '';
    if (here.type === 'list' && typeof segment === 'number') {
      const item = here.items[segment];
      if (item === undefined) return { tree: undefined, at: here.at, keyAt, path: [...walked, segment] };
      here = item;
      keyAt = item.at;
      walked.push(segment);
      index++;
      continue;
    }
    if (here.type !== 'map') return { tree: here, at: here.at, keyAt, path: walked };
    let key = String(segment);
    let end = index + 1;
    while (!here.entries.has(key) && end < path.length) key += `.${String(path[end++])}`;
    const entry = here.entries.get(key);
    if (entry === undefined) {
      return { tree: undefined, at: here.at, keyAt, path: [...walked, segment] };
    }
    here = entry.value;
    keyAt = entry.at;
    walked.push(key);
    index = end;
  }
  return { tree: here, at: here.at, keyAt, path: walked };
}
