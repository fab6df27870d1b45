import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type EmbeddedOptions, type Environment, hasCode, reasonOf } from './options.js';
import { execFileAsync } from './process.js';

/** Returns why a file is not a Temporal CLI that runs on this machine; `undefined` where it is one. */
export async function unusableReason(path: string, environment: Environment | undefined): Promise<string | undefined> {
  try {
    const { stdout } = await execFileAsync(path, ['--version'], { env: environment, timeout: 30_000 });
    return stdout.startsWith('temporal version') ? undefined : 'it is another program: it reports no Temporal version';
  } catch (error) {
    return hasCode(error, 'ENOENT') ? 'no such file' : `it does not run: ${lastLineOf(error)}`;
  }
}

/** Throws unless the file is a Temporal CLI that runs on this machine. */
export async function requireUsable(path: string, environment: Environment | undefined): Promise<void> {
  const reason = await unusableReason(path, environment);
  if (reason !== undefined) throw new Error(`${path} is not usable: ${reason}`);
}

/** Returns the absolute path of a program on PATH; `undefined` where PATH has no such program. */
export async function locateProgram(name: string, environment: Environment | undefined): Promise<string | undefined> {
  try {
    const { stdout } = await execFileAsync('/bin/sh', ['-c', 'command -v "$1"', 'sh', name], { env: environment });
    return resolve(stdout.trim());
  } catch {
    return undefined;
  }
}

/**
 * Returns the folder of the cache for one version of the Temporal CLI. Machines of several platforms may share the
 * cache, since it lies in the home directory.
 */
export function cliDirectory({ cacheDirectory }: EmbeddedOptions, version: string): string {
  return join(cacheDirectory, 'temporal-cli', `${version}-${process.platform}-${process.arch}`);
}

/**
 * Returns the path of the Temporal CLI in a folder of the cache; `undefined` where it has none. A binary that does not
 * run is removed, so that its source makes it again.
 */
export async function cachedCli(directory: string, environment: Environment | undefined): Promise<string | undefined> {
  const path = join(directory, 'temporal');
  if ((await unusableReason(path, environment)) === undefined) return path;
  await rm(directory, { recursive: true, force: true });
  return undefined;
}

/** Returns the last line that a failed child process wrote to standard error, or else the error's own message. */
export function lastLineOf(error: unknown): string {
  const { stderr } = error as { readonly stderr?: string };
  const line = stderr?.trim().split('\n').at(-1);
  return line === undefined || line === '' ? reasonOf(error) : line;
}
