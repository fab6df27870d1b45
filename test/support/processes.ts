import { execFile } from 'node:child_process';
import { CLI, type CommandResult } from './world.js';

/** The output and exit code of a process. */
export type Ended = Pick<CommandResult, 'code' | 'stdout' | 'stderr'>;

/** The environment of a process, and its folder. */
interface ProcessOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** Runs a script in which `$CLI` is the built command line. It has PATH and no other variable than the given ones. */
export function runScript(script: string, { env = {}, cwd }: ProcessOptions): Promise<Ended> {
  const variables = { PATH: process.env['PATH'] ?? '', CLI: `${process.execPath} ${CLI}`, ...env };
  return new Promise((done) => {
    const child = execFile('bash', ['--norc', '-c', script], { env: variables, cwd }, (_error, stdout, stderr) => {
      done({ code: child.exitCode, stdout, stderr });
    });
  });
}

/** A command prefix that runs a command as a user whom the system does not know, as containers do. */
export const AS_UNKNOWN_USER =
  process.getuid?.() === 0
    ? 'setpriv --reuid=54321 --regid=54321 --clear-groups'
    : 'unshare --user --map-user=54321 --map-group=54321';
