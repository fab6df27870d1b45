import { truncate } from '../text.js';

/** A place in a file, as editors count: from 1. Line and column are 0 where the file has no text (TypeScript). */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong in a manifest, where, and what to do about it. */
export interface Problem extends SourcePosition {
  /** Where in the manifest's structure: `entities[3].assumeRolePolicyDocument.Statement[0]`. */
  readonly path: string;
  /** Lower case, without a full stop. */
  readonly message: string;
  /** What a person can do, as a sentence without its full stop. */
  readonly remedy: string;
}

/** The file that problems of command-line options name. */
const COMMAND_LINE = '(command line)';

/** A problem of an option; there is no line to show. */
export function optionProblem(option: string, message: string, remedy: string): Problem {
  return { file: COMMAND_LINE, line: 0, column: 0, path: option, message, remedy };
}

/** A field of what a program threw: anything can be thrown, of another realm too, and reading it may throw again. */
export function thrownField(thrown: unknown, field: string): unknown {
  try {
    return typeof thrown === 'object' && thrown !== null ? Reflect.get(thrown, field) : undefined;
  } catch {
    return undefined;
  }
}

/** What a program threw, in words. */
export function thrownText(thrown: unknown): string {
  const message = thrownField(thrown, 'message');
  if (typeof message === 'string') return message;
  try {
    return String(thrown);
  } catch {
    return 'something that does not say what it is';
  }
}

/** Names are mostly shorter; a key may be a megabyte of whatever was pasted, or a whole mapping. */
const MAX_SEGMENT_LENGTH = 100;

/** `['entities', 3, 'a.b']` as `entities[3]["a.b"]`. Keys that would fill a page are cut. */
export function pathText(path: readonly PropertyKey[]): string {
  let text = '';
  for (const key of path) {
    const segment = typeof key === 'string' ? truncate(key, MAX_SEGMENT_LENGTH) : key;
    if (typeof segment === 'number') text += `[${String(segment)}]`;
    else if (/^[\w$-]+$/.test(String(segment))) text += text === '' ? String(segment) : `.${String(segment)}`;
    else text += `[${JSON.stringify(String(segment))}]`;
  }
  return text;
}

/** `file:line:column`, without what is unknown. */
export function positionText(place: SourcePosition): string {
  return place.line === 0 ? place.file : `${place.file}:${String(place.line)}:${String(place.column)}`;
}

/** Problems in the order of their places, files in the order given, each only once. */
export function sortProblems(problems: readonly Problem[], files: readonly string[]): Problem[] {
  const rank = new Map(files.map((file, index) => [file, index] as const));
  const rankOf = (problem: Problem): number =>
    problem.file === COMMAND_LINE ? -1 : (rank.get(problem.file) ?? files.length);
  const seen = new Set<string>();
  return problems
    .filter((problem) => {
      // The structural path may differ for one place: a default is checked once for each entity that takes it.
      const place = problem.line === 0 ? problem.path : '';
      const mark = JSON.stringify([problem.file, problem.line, problem.column, place, problem.message]);
      if (seen.has(mark)) return false;
      seen.add(mark);
      return true;
    })
    .sort(
      (a, b) =>
        rankOf(a) - rankOf(b) ||
        (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) ||
        a.line - b.line ||
        a.column - b.column,
    );
}
