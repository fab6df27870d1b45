import type { MapTree, Tree } from '../../engine/manifest/tree.js';

type Path = readonly PropertyKey[];

/** One call of a function. */
export interface Call {
  readonly argument: Tree;
  readonly path: Path;
  readonly name: string;
}

/** Returns the call that a map is. */
export function callOf({ entries }: MapTree, path: Path): Call | undefined {
  const [first] = entries;
  if (entries.size !== 1 || first === undefined) return undefined;
  const [name, { value }] = first;
  return name === 'Ref' || name.startsWith('Fn::') ? { name, argument: value, path: [...path, name] } : undefined;
}

/** Splits `LogicalId.Attribute`. */
export function splitOnce(text: string | null): readonly string[] {
  if (text === null) return [];
  const dot = text.indexOf('.');
  return dot === -1 ? [text] : [text.slice(0, dot), text.slice(dot + 1)];
}
