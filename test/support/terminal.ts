import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { findPython } from './sandbox.js';
import type { World } from './world.js';

const SCRIPT = join(__dirname, 'terminal.py');
const CLI = resolve(__dirname, '../../dist/cli/main.js');

/** What a terminal has shown, and how the command ended. */
export interface Shown {
  readonly code: number | null;
  readonly text: string;
}

/** Runs the command line, as built, on a terminal, and types an answer to its question. */
export async function onTerminal(world: World, args: readonly string[], answer: string): Promise<Shown> {
  const python = await findPython();
  return new Promise((done) => {
    const command = [SCRIPT, answer, process.execPath, CLI, ...args];
    const child = execFile(python, command, { env: world.env, cwd: world.directory }, (_error, stdout) => {
      done({ code: child.exitCode, text: stdout });
    });
  });
}
