import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { Terminal } from '@xterm/headless';
import { findPython } from './sandbox.js';
import { CLI } from './world.js';
import type { World } from './world.js';

const SCRIPT = join(__dirname, 'terminal.py');

/** The size of the terminal of terminal.py. */
const ROWS = 40;

/** The output of a terminal and the exit code of its command. */
export interface Shown {
  readonly code: number | null;
  readonly text: string;
}

/** A question, as a regular expression, and its answer. */
export type Answer = readonly [question: string, typed: string];

/** The screen during and after a command. */
export interface Screen extends Shown {
  /** The lines at the end, including those scrolled away, without trailing spaces. */
  readonly lines: readonly string[];
  /** The screen after each write that changed it. */
  readonly frames: readonly (readonly string[])[];
  /** Words in a colour, bold or dim, at the end. */
  readonly styled: readonly string[];
}

/** Options of a command on a terminal. */
export interface TerminalOptions {
  /** Default: 80. */
  readonly columns?: number;
  /** Default: none. */
  readonly answers?: readonly Answer[];
  /** Undefined variables are removed. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** Runs a command on a terminal, and answers what it asks. */
export async function runOnTerminal(
  command: readonly string[],
  { columns = 80, answers = [], env, cwd }: TerminalOptions,
  onPart: (part: string) => void = () => undefined,
): Promise<Shown> {
  const python = await findPython();
  return new Promise((done) => {
    const args = [SCRIPT, String(columns), JSON.stringify(answers), ...command];
    const child = execFile(python, args, { env: { TERM: 'xterm-256color', ...env }, cwd }, (_error, stdout) => {
      done({ code: child.exitCode, text: stdout });
    });
    child.stdout?.on('data', onPart);
  });
}

/** Runs the built command line on a terminal and answers its question. */
export async function onTerminal(world: World, args: readonly string[], answer: string): Promise<Shown> {
  const answers: readonly Answer[] = [['Type \\S+ to \\w+ [^\\r\\n]*: ', answer]];
  return runOnTerminal([process.execPath, CLI, ...args], { answers, env: world.env, cwd: world.directory });
}

/** Runs the built command line on an emulated terminal and returns what a person sees. */
export async function onScreen(
  { env, directory }: World,
  args: readonly string[],
  options: Partial<TerminalOptions> = {},
): Promise<Screen> {
  const terminal = new Terminal({
    cols: options.columns ?? 80,
    rows: ROWS,
    scrollback: 10_000,
    allowProposedApi: true,
  });
  const frames: string[][] = [];
  let drawn = Promise.resolve();
  const draw = (part: string): Promise<void> =>
    new Promise((done) => {
      terminal.write(part, () => {
        const lines = linesOf(terminal);
        if (lines.join('\n') !== frames.at(-1)?.join('\n')) frames.push(lines);
        done();
      });
    });
  const command = [process.execPath, CLI, ...args];
  const shown = await runOnTerminal(
    command,
    { cwd: directory, ...options, env: { ...env, ...options.env } },
    (part) => {
      drawn = drawn.then(() => draw(part));
    },
  );
  await drawn;
  const screen = { ...shown, lines: linesOf(terminal), frames, styled: styledOf(terminal) };
  terminal.dispose();
  return screen;
}

function linesOf({ buffer: { active } }: Terminal): string[] {
  const lines = Array.from({ length: active.length }, (_, row) => active.getLine(row)?.translateToString(true) ?? '');
  return lines.slice(0, lines.findLastIndex((line) => line !== '') + 1);
}

/** Returns runs of cells with a style. */
function styledOf({ buffer: { active } }: Terminal): string[] {
  const words: string[] = [];
  for (let row = 0; row < active.length; row += 1) {
    let word = '';
    let look = '';
    const line = active.getLine(row);
    for (let column = 0; line !== undefined && column <= line.length; column += 1) {
      const cell = line.getCell(column);
      const now =
        cell === undefined ? '' : lookOf(cell.isFgDefault() ? -1 : cell.getFgColor(), cell.isBold(), cell.isDim());
      if (now !== look) {
        if (look !== '' && word.trim() !== '') words.push(`${look}: ${word.trim()}`);
        [word, look] = ['', now];
      }
      word += cell?.getChars() === '' ? ' ' : (cell?.getChars() ?? '');
    }
  }
  return words;
}

const COLOURS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];

function lookOf(colour: number, bold: number, dim: number): string {
  return [colour < 0 ? '' : (COLOURS[colour] ?? String(colour)), bold === 0 ? '' : 'bold', dim === 0 ? '' : 'dim']
    .filter((part) => part !== '')
    .join(' ');
}
