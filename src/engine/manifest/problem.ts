import { truncate } from '../text.js';

/** A position in a file, counted from 1 as in editors. Line and column are 0 if the file has no text (TypeScript). */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One problem of a manifest, with its position and its remedy. */
export interface Problem extends SourcePosition {
  /** The path in the manifest's structure: `entities[3].assumeRolePolicyDocument.Statement[0]`. */
  readonly path: string;
  /** Lower case, without a full stop. */
  readonly message: string;
  /** The next step for a person, as a sentence without its full stop. */
  readonly remedy: string;
  /** The text of the line, where the file has text. */
  readonly sourceLine?: string;
}

/** Takes a problem that was found. */
export type Report = (problem: Problem) => void;

/** The remedy for a limit of the manifest as a whole. The place of such a problem is where it was passed, which is not to blame. */
export const SPLIT_MANIFEST = 'repeat less, or split it';

/** The file name in problems of command-line options. */
const COMMAND_LINE = '(command line)';

/** Returns a problem of a command-line option, which has no line. */
export function optionProblem(option: string, message: string, remedy: string): Problem {
  return { file: COMMAND_LINE, line: 0, column: 0, path: option, message, remedy };
}

/** Returns a field of a thrown value. Anything can be thrown, and reading a field can throw again. */
export function thrownField(thrown: unknown, field: string): unknown {
  try {
    return typeof thrown === 'object' && thrown !== null ? Reflect.get(thrown, field) : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the message of a thrown value. */
export function thrownText(thrown: unknown): string {
  const message = thrownField(thrown, 'message');
  if (typeof message === 'string') return message;
  try {
    return String(thrown);
  } catch {
    return 'a value that cannot be shown';
  }
}

/** A key can be very long: pasted text, or a whole mapping. */
const MAX_SEGMENT_LENGTH = 100;

/** Formats `['entities', 3, 'a.b']` as `entities[3]["a.b"]`. Long keys are cut. */
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

/** Formats where a problem is: as position, as `file: path` without a line, and as the option of a command line. */
export function placeText(problem: Problem): string {
  const { file, line, path, message } = problem;
  if (file === COMMAND_LINE && path !== '') return path;
  return line > 0 || path === '' || message.startsWith(path) ? positionText(problem) : `${file}: ${path}`;
}

/** Formats a position as `file:line:column`; as `file` if the line is unknown. */
export function positionText({ file, line, column }: SourcePosition): string {
  return line === 0 ? file : `${file}:${String(line)}:${String(column)}`;
}

/** Sorts problems by position, files in the given order, and removes duplicates. */
export function sortProblems(problems: readonly Problem[], files: readonly string[]): Problem[] {
  const rank = new Map(files.map((file, index) => [file, index] as const));
  const rankOf = (problem: Problem): number =>
    problem.file === COMMAND_LINE ? -1 : (rank.get(problem.file) ?? files.length);
  const found = new Set<string>();
  return problems
    .filter((problem) => {
      // One position can have several paths: a default is checked once for each entity that takes it.
      const path = problem.line === 0 ? problem.path : '';
      const key = JSON.stringify([problem.file, problem.line, problem.column, path, problem.message]);
      if (found.has(key)) return false;
      found.add(key);
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

/** Lower-cases the first letter of a sentence, as all messages are written; acronyms stay. */
export function lowerFirst(message: string): string {
  return /^[A-Z][a-z]/.test(message) ? message.charAt(0).toLowerCase() + message.slice(1) : message;
}

/** Returns text in quotes, cut if it is long. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
