import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { loadConfig } from '../../src/config/config.js';
import { runOnTerminal } from './terminal.js';
import type { Answer } from './terminal.js';
import type { World } from './world.js';

const ROOT = resolve(__dirname, '../..');

/** The result of a script. */
export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** The place of a checkout: a {@link World}, or a folder and an environment. */
export type Surroundings = Pick<World, 'directory' | 'env'>;

/** Makes a folder with the installed package. Its command is on the path of {@link inShell}. */
export async function makeCheckout(world: Surroundings, name = 'checkout'): Promise<string> {
  const checkout = join(world.directory, name);
  await mkdir(join(checkout, 'node_modules/.bin'), { recursive: true });
  await mkdir(join(checkout, 'node_modules/@iam-bootstrap'));
  await symlink(ROOT, join(checkout, 'node_modules/@iam-bootstrap/iam-bootstrap'));
  const bin = `#!/bin/sh\nexec node ${JSON.stringify(join(ROOT, 'dist/cli/main.js'))} "$@"\n`;
  await writeFile(join(checkout, 'node_modules/.bin/iam-bootstrap'), bin, { mode: 0o755 });
  await writeFile(join(checkout, 'package.json'), '{ "private": true }');
  return checkout;
}

/** Options of a script. */
interface ShellOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Input for its questions. With it, the script runs on a terminal. */
  readonly answers?: readonly Answer[];
  /** A command prefix of the shell, such as that of {@link ownNetwork}. */
  readonly prefix?: string;
}

/** Runs a script as CI services do: in one shell, which stops at the first command that fails. */
export async function inShell(
  world: Surroundings,
  checkout: string,
  script: string,
  { env = {}, answers, prefix = '' }: ShellOptions = {},
): Promise<Ended> {
  const { command, options } = await shellFor(world, checkout, script, env);
  if (answers !== undefined) {
    const { code, text } = await runOnTerminal(command, { ...options, answers });
    return { code, output: text };
  }
  return new Promise((done) => {
    const child = execFile('sh', ['-c', `exec ${prefix} "$@"`, 'sh', ...command], options, (_error, stdout, stderr) => {
      done({ code: child.exitCode, output: stdout + stderr });
    });
  });
}

/** Reports whether a program is installed: not every machine has every shell. */
export function has(program: string): boolean {
  const { environment } = loadConfig();
  return (environment['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));
}

/** A command that runs until it is stopped. */
interface Running {
  readonly child: ChildProcess;
  /** Returns its output. */
  output(): string;
  /** Resolves when its output contains a text. */
  shows(pattern: RegExp): Promise<void>;
}

/** Starts a command and returns its process. */
export async function startInShell(world: Surroundings, checkout: string, line: string): Promise<Running> {
  const { command, options } = await shellFor(world, checkout, `exec ${line}`);
  const [shell, ...args] = command;
  const child = spawn(shell, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (printed += part.toString()));
  return {
    child,
    output: () => printed,
    shows: async (pattern) => {
      while (!pattern.test(printed)) {
        const ended = await Promise.race([
          once(child.stdout, 'data'),
          once(child.stderr, 'data'),
          once(child, 'close'),
        ]);
        if (ended.length === 2) throw new Error(`it ended before it printed ${String(pattern)}: ${printed}`);
      }
    },
  };
}

/**
 * Returns a command prefix that gives a command its own network, in which every port is free: for commands with fixed
 * ports. Returns nothing where the system does not support it.
 */
export async function ownNetwork(): Promise<string> {
  const prefix = `unshare --user --map-root-user --net sh -c 'ip link set lo up && exec "$@"' sh`;
  return new Promise((done) => {
    execFile('sh', ['-c', `${prefix} true`], (error) => {
      done(error === null ? prefix : '');
    });
  });
}

async function shellFor(
  world: Surroundings,
  checkout: string,
  script: string,
  more: Readonly<Record<string, string>> = {},
): Promise<{
  command: readonly [string, ...string[]];
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> };
}> {
  const path = join(world.directory, 'script.sh');
  await writeFile(path, script);
  const PATH = [join(checkout, 'node_modules/.bin'), world.env['PATH'] ?? ''].join(delimiter);
  return {
    command: ['bash', '--noprofile', '--norc', '-eo', 'pipefail', path],
    options: { cwd: checkout, env: { ...world.env, PATH, npm_config_update_notifier: 'false', ...more } },
  };
}
