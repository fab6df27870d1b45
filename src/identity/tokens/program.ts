import { execFile } from 'node:child_process';

/** Time that a program has for its token, in milliseconds. */
const TIMEOUT_MS = 60_000;

/** The maximum size of a program's output, in bytes. A token has some thousand. */
const MAX_BYTES = 100_000;

type Environment = Readonly<Record<string, string | undefined>>;

/** A program that prints a token. */
export interface Program {
  readonly file: string;
  readonly args: readonly string[];
  readonly environment: Environment;
}

/** The end of a program: what it printed, or why it printed nothing of use. */
export type ProgramResult =
  | { readonly ok: true; readonly output: string }
  | { readonly ok: false; readonly isMissing: boolean; readonly reason: string; readonly stderr: string };

/** Runs a program without input and returns what it printed. */
export function runProgram({ file, args, environment }: Program, signal?: AbortSignal): Promise<ProgramResult> {
  return new Promise((resolve) => {
    const options = { env: { ...environment }, timeout: TIMEOUT_MS, maxBuffer: MAX_BYTES, signal, windowsHide: true };
    const child = execFile(file, args, options, (error, stdout, stderr) => {
      const output = stdout.trim();
      if (error === null && output !== '') {
        resolve({ ok: true, output });
        return;
      }
      const isMissing = error?.code === 'ENOENT';
      resolve({ ok: false, isMissing, reason: reasonOf(error), stderr });
    });
    child.stdin?.end();
  });
}

function reasonOf(error: Parameters<NonNullable<Parameters<typeof execFile>[3]>>[0]): string {
  if (error === null) return 'it printed nothing';
  if (error.code === 'ENOENT') return 'it is not on the PATH';
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return 'it printed more than a token';
  if (error.killed === true) return `it did not end within ${String(TIMEOUT_MS / 1_000)} s`;
  return typeof error.code === 'number' ? `it ended with exit code ${String(error.code)}` : `it failed`;
}
