import type { LineCounter } from 'yaml';
import type { Json } from '../../contract/entity.js';
import type { SourcePosition } from './problem.js';

/** Bounds that no manifest comes near to, and that keep a hostile one from taking the process down. */
export const Limit = {
  /** Characters of one file. */
  Characters: 2_000_000,
  /** Maps and lists inside of each other. */
  Depth: 100,
  /** Values that aliases repeat, or that a whole manifest has once its files are read in. */
  Values: 500_000,
  /** Syntax errors that are reported of one file; one mistake may cause thousands. */
  SyntaxErrors: 20,
  /** Characters of a message. */
  Message: 400,
} as const;

/** A file, with what is needed to tell lines. */
export interface Origin {
  readonly name: string;
  readonly lines: LineCounter | null;
}

/** Where a value stands. */
export interface SourceOffset {
  readonly origin: Origin;
  /** Characters from the beginning of the file; -1 for a value that has no text. */
  readonly offset: number;
}

interface TreeBase {
  readonly at: SourceOffset;
  /** Values in it, itself included, those that aliases repeat each time. */
  readonly size: number;
  /** Maps and lists from here down. */
  readonly depth: number;
}
/** A single value. */
export interface ScalarTree extends TreeBase {
  readonly type: 'scalar';
  readonly value: string | number | boolean | null;
  /** The characters that were written, where they were not quoted. */
  readonly raw: string | null;
}
/** A list. */
export interface ListTree extends TreeBase {
  readonly type: 'list';
  readonly items: readonly Tree[];
}
/** A map; each key knows its own place. */
export interface MapTree extends TreeBase {
  readonly type: 'map';
  readonly entries: ReadonlyMap<string, MapEntry>;
}
/** A key and what it holds. */
export interface MapEntry {
  readonly at: SourceOffset;
  readonly value: Tree;
}
/** A parsed value of which every part knows where it was written. */
export type Tree = ScalarTree | ListTree | MapTree;

/** The place in words of an editor. */
export function positionOf(at: SourceOffset): SourcePosition {
  if (at.origin.lines === null || at.offset < 0) return { file: at.origin.name, line: 0, column: 0 };
  const { line, col } = at.origin.lines.linePos(at.offset);
  return { file: at.origin.name, line: Math.max(line, 1), column: Math.max(col, 1) };
}

/** A map with its size and depth counted. */
export function mapTree(at: SourceOffset, entries: ReadonlyMap<string, MapEntry>): MapTree {
  let size = 1;
  let depth = 0;
  for (const { value } of entries.values()) {
    size += value.size;
    depth = Math.max(depth, value.depth);
  }
  return { type: 'map', at, entries, size, depth: depth + 1 };
}

/** A list with its size and depth counted. */
export function listTree(at: SourceOffset, items: readonly Tree[]): ListTree {
  let size = 1;
  let depth = 0;
  for (const item of items) {
    size += item.size;
    depth = Math.max(depth, item.depth);
  }
  return { type: 'list', at, items, size, depth: depth + 1 };
}

/** A single value. */
export function scalarTree(at: SourceOffset, value: ScalarTree['value'], raw: string | null = null): ScalarTree {
  return { type: 'scalar', at, value, raw, size: 1, depth: 0 };
}

/** The plain value of a tree. */
export function toJson(tree: Tree, text: (value: string) => string = (value) => value): Json {
  if (tree.type === 'scalar') return typeof tree.value === 'string' ? text(tree.value) : tree.value;
  if (tree.type === 'list') return tree.items.map((item) => toJson(item, text));
  const members: [string, Json][] = [];
  for (const [key, { value }] of tree.entries) members.push([text(key), toJson(value, text)]);
  return Object.fromEntries(members);
}
