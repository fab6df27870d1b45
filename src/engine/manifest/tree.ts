import type { LineCounter } from 'yaml';
import type { Json } from '../../contract/entity.js';
import { pathText, type Problem, type SourcePosition } from './problem.js';

/** Limits far beyond any real manifest. They keep a hostile one from exhausting the process. */
export const Limit = {
  Characters: 2_000_000,
  /** Levels of nested maps and lists. */
  Depth: 100,
  /** Values that aliases repeat, or that a manifest has with all its files. */
  Values: 500_000,
  Message: 400,
} as const;

/** Stops parsing: further problems would only be consequences of the first. */
export class StopParsing extends Error {}

/** Takes a problem of a text, at an offset in it. */
export type ReportAt = (offset: number, message: string, remedy: string) => void;

/** A file, with the offsets of its lines. */
export interface Origin {
  readonly name: string;
  /** Null for a value that a program made. */
  readonly lines: LineCounter | null;
  readonly text?: string;
}

/** Reports whether problems may show the text of a file. */
export function isShown({ text }: Origin): boolean {
  return text !== undefined;
}

/** Words of a problem in text that cannot be parsed and must not be shown. */
export const UNSHOWN_SYNTAX = {
  message: 'the text cannot be parsed here; it is not shown, as the file may hold a secret',
  remedy: 'correct the syntax at this position',
} as const;

/** The offset of a value in its file. */
export interface SourceOffset {
  readonly origin: Origin;
  /** Characters from the beginning of the file; -1 for a value that has no text. */
  readonly offset: number;
}

interface TreeBase {
  readonly at: SourceOffset;
  /** The number of values in it, including itself; repeated aliases count each time. */
  readonly size: number;
  /** Levels of maps and lists from here down. */
  readonly depth: number;
}
/** A single value. */
export interface ScalarTree extends TreeBase {
  readonly type: 'scalar';
  readonly value: string | number | boolean | null;
  /** The characters as written, if they were not quoted. */
  readonly raw: string | null;
}
/** A list. */
export interface ListTree extends TreeBase {
  readonly type: 'list';
  readonly items: readonly Tree[];
}
/** A map; each key has its own offset. */
export interface MapTree extends TreeBase {
  readonly type: 'map';
  readonly entries: ReadonlyMap<string, MapEntry>;
}
/** The value of a key, and the offset of the key. */
export interface MapEntry {
  readonly at: SourceOffset;
  readonly value: Tree;
}
/** A parsed value; every part has its offset in the file. */
export type Tree = ScalarTree | ListTree | MapTree;

/** Returns line and column of an offset. */
export function positionOf(at: SourceOffset): SourcePosition {
  if (at.origin.lines === null || at.offset < 0) return { file: at.origin.name, line: 0, column: 0 };
  const { line, col } = at.origin.lines.linePos(at.offset);
  return { file: at.origin.name, line: Math.max(line, 1), column: Math.max(col, 1) };
}

/** Returns a problem of the value at an offset; `path` is the path to it in the manifest. */
export function problemAt(at: SourceOffset, path: readonly PropertyKey[], message: string, remedy: string): Problem {
  const sourceLine = sourceLineOf(at);
  const problem = { ...positionOf(at), path: pathText(path), message, remedy };
  return sourceLine === undefined ? problem : { ...problem, sourceLine };
}

/** Reports whether a value, by its label or by its text, may be a secret, which no message may show. */
export function mayBeSecret(label: string, text: string): boolean {
  return /password|secret|private_?key/i.test(label) || text.includes('PRIVATE KEY-----');
}

/** The longest line that a problem carries. A document can be one line. */
const MAX_LINE = 2_000;

/**
 * Returns the text of the line of an offset. Undefined for a value that has no text, for a line that is too long, and
 * for what may be a secret.
 */
function sourceLineOf({ origin: { text }, offset }: SourceOffset): string | undefined {
  if (text === undefined || offset < 0) return undefined;
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const end = text.indexOf('\n', offset);
  const line = text.slice(start, end === -1 ? undefined : end).replace(/\r$/, '');
  return line.length > MAX_LINE || mayBeSecret(line, line) || mayBeSecret('', text) ? undefined : line;
}

/** Returns a map with its size and depth. */
export function mapTree(at: SourceOffset, entries: ReadonlyMap<string, MapEntry>): MapTree {
  let size = 1;
  let depth = 0;
  for (const { value } of entries.values()) {
    size += value.size;
    depth = Math.max(depth, value.depth);
  }
  return { type: 'map', at, entries, size, depth: depth + 1 };
}

/** Returns a list with its size and depth. */
export function listTree(at: SourceOffset, items: readonly Tree[]): ListTree {
  let size = 1;
  let depth = 0;
  for (const item of items) {
    size += item.size;
    depth = Math.max(depth, item.depth);
  }
  return { type: 'list', at, items, size, depth: depth + 1 };
}

/** Returns a single value. */
export function scalarTree(at: SourceOffset, value: ScalarTree['value'], raw: string | null = null): ScalarTree {
  return { type: 'scalar', at, value, raw, size: 1, depth: 0 };
}

/** Returns the tree of a plain value, all of it at one offset. */
export function treeOf(value: Json, at: SourceOffset): Tree {
  if (Array.isArray(value))
    return listTree(
      at,
      (value as readonly Json[]).map((member) => treeOf(member, at)),
    );
  if (typeof value !== 'object' || value === null) return scalarTree(at, value);
  const entries = Object.entries(value).map(([key, member]): [string, MapEntry] => [
    key,
    { at, value: treeOf(member, at) },
  ]);
  return mapTree(at, new Map(entries));
}

/** Returns the plain value of a tree. */
export function toJson(tree: Tree, text: (value: string) => string = (value) => value): Json {
  if (tree.type === 'scalar') return typeof tree.value === 'string' ? text(tree.value) : tree.value;
  if (tree.type === 'list') return tree.items.map((item) => toJson(item, text));
  const members: [string, Json][] = [];
  for (const [key, { value }] of tree.entries) members.push([text(key), toJson(value, text)]);
  return Object.fromEntries(members);
}

/** Returns the text of a tree. Null if it is not text. */
export function stringOf(tree: Tree | undefined): string | null {
  return tree?.type === 'scalar' && typeof tree.value === 'string' ? tree.value : null;
}

/** The end of a path. */
export interface Found {
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
