import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { stripVTControlCharacters } from 'node:util';
import pc from 'picocolors';
import { supportsHyperlink } from 'supports-hyperlinks';
import { terminalSettings } from '../config/terminal.js';
import { ExitCode } from '../contract/failures.js';
import { safeJson, UNSAFE } from '../report/safe-json.js';
import { breakLine, widthOf } from './width.js';

/** Commands to a CI service in a line of its log: GitHub's at the start, others' anywhere. */
const CI_COMMAND = /^(\s*):(?=:)|##(?=\[|[a-z]+\[)/g;

/**
 * Makes untrusted text safe to print on one line: a second line would look like our own output. Every name, message, tag
 * and path passes through here before a person sees it.
 */
export function plain(text: string): string {
  return text
    .replace(/[\r\n\t\u2028\u2029]+/g, ' ')
    .replace(UNSAFE, '\ufffd')
    .replace(CI_COMMAND, (start) => (start === '##' ? '# #' : `${start} `));
}

type Stream = Pick<NodeJS.WriteStream, 'isTTY'>;

/**
 * Returns true where a stream shows text alone: a file or a pipe, a terminal that knows no escape sequences, and where the
 * user wants no colors.
 */
export function isPlain({ isTTY }: Stream): boolean {
  const { isDumb, noColor } = terminalSettings();
  // isTTY is undefined for files and pipes.
  return !(isTTY as boolean | undefined) || isDumb || noColor;
}

/** Returns text for a stream: without colors where it shows none, unless `FORCE_COLOR` asks for them. */
function textFor(text: string, stream: Stream): string {
  return isPlain(stream) && !terminalSettings().forcesColor ? stripVTControlCharacters(text) : text;
}

/** Returns a text that opens a link where the stream is a terminal that can; null elsewhere. */
export function linkText(text: string, url: string, stream: Stream): string | null {
  if (!/^https?:/.test(url) || isPlain(stream) || !supportsHyperlink(stream)) return null;
  const target = url.replace(UNSAFE, '').replace(/[^\u0021-\u007e]/gu, encodeURIComponent);
  return `\u001b]8;;${target}\u0007${text}\u001b]8;;\u0007`;
}

/** Prints a line for people on standard error, where everything but results goes. */
export function note(line: string): void {
  process.stderr.write(`${textFor(line, process.stderr)}\n`);
}

/** Standard output, for results alone. {@link reserveStandardOutput} sets it. */
let writeResult = (text: string): boolean => process.stdout.write(text);

/** Reserves standard output for results: what other code prints, such as a manifest, goes to standard error. */
export function reserveStandardOutput(): void {
  writeResult = process.stdout.write.bind(process.stdout);
  process.stdout.write = process.stderr.write.bind(process.stderr);
}

/** True once a result, or its start, was written. */
let hasResult = false;

/** Returns true once a result, or its start, was written to standard output. */
export function isResultWritten(): boolean {
  return hasResult;
}

/** Writes text to standard output as it is. */
export function write(text: string): void {
  hasResult = true;
  writeResult(text);
}

/** Prints a result on standard output, where nothing else goes. */
export function print(text: string): void {
  const shown = textFor(text, process.stdout);
  write(shown.endsWith('\n') ? shown : `${shown}\n`);
}

/** Prints a result as JSON. Unsafe characters are escaped, so that a terminal is safe and programs read equal values. */
export function printJson(value: unknown): void {
  print(safeJson(JSON.stringify(value, null, 2)));
}

/** Prints a result as JSON on one line. */
export function printJsonLine(value: unknown): void {
  print(safeJson(JSON.stringify(value)));
}

/**
 * Drops output that cannot be written. The command still finishes and cleans up. A reader that has gone, as in
 * `| head -1`, has read what it wanted; any other error of standard output is reported, and fails a command that
 * succeeded.
 */
export function survivePipeErrors(): void {
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || process.listenerCount('exit', failExit) > 0) return;
    printError(
      `the output is incomplete: standard output cannot be written: ${error.message}`,
      'free space on its disk, or write it elsewhere; the report is also in Temporal',
    );
    process.once('exit', failExit);
  });
}

function failExit(): void {
  if (process.exitCode === undefined || process.exitCode === ExitCode.Converged) process.exitCode = ExitCode.Failed;
}

/** Prints an error and its remedy. An error of our own may have several lines. */
export function printError(message: string | readonly string[], remedy: string | null): void {
  const text = [message].flat().map(plain).join('\n');
  note(wrapped(`${pc.red('error:')} ${text}`, process.stderr));
  if (remedy !== null) note(wrapped(`${pc.dim('remedy:')} ${plain(remedy)}`, process.stderr));
}

/** Breaks lines that are too long for a terminal. Text for a file or a pipe is not changed. */
export function wrapped(text: string, { isTTY, columns }: Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>): string {
  // isTTY is undefined for files and pipes.
  if (!(isTTY as boolean | undefined) || columns < MIN_COLUMNS) return text;
  return text
    .split('\n')
    .flatMap((line) => breakLine(line, columns))
    .join('\n');
}

const MIN_COLUMNS = 40;

/** Asks questions on a terminal. */
export interface Prompt {
  /** Resolves to the trimmed answer, or to undefined once Ctrl-C or Ctrl-D closed the terminal. */
  ask(question: string): Promise<string | undefined>;
  close(): void;
}

/** Opens a prompt that reads standard input and writes to standard error. */
export function openPrompt(): Prompt {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Some versions of Node.js reject the question when the terminal closes, others never settle it.
  const closed = once(terminal, 'close').then(() => undefined);
  return {
    ask: async (question) => {
      const answer = terminal.question(question).catch(() => undefined);
      return (await Promise.race([answer, closed]))?.trim();
    },
    close: () => {
      terminal.close();
    },
  };
}

/** Returns true if a person types exactly the expected text. */
export async function confirm(question: string, expected: string): Promise<boolean> {
  const prompt = openPrompt();
  try {
    return (await prompt.ask(question)) === expected;
  } finally {
    prompt.close();
  }
}

/** Aligns cells in columns as wide as their longest cell. Cells may have colors. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_cell, column) => Math.max(...rows.map((row) => widthOf(row[column] ?? ''))));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === row.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell) + 2),
      )
      .join('')
      .trimEnd(),
  );
}
