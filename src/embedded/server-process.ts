import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, stat, truncate } from 'node:fs/promises';
import { EmbeddedError, type Environment } from './options.js';

const MAX_LOG_BYTES = 10_000_000;

/** Options of the server's process. */
export interface ServerProcessOptions {
  readonly cli: string;
  /** The server outlives this process. Otherwise it ends with this process, even if that is killed. */
  readonly detached?: boolean | undefined;
  /** The file that the server writes its PID to before it does anything else. Only with {@link detached}. */
  readonly pidFile?: string | undefined;
  readonly environment?: Environment | undefined;
}

/** Writes the PID to a file, then becomes the server. */
const DETACHED_SCRIPT = `printf '%s' "$$" >"$1" && shift && exec "$@"`;

/**
 * Runs the server, prints its PID, and kills the server when standard input ends. The kernel closes standard input when
 * the parent dies, whatever it dies of.
 */
const WATCHED_SCRIPT = `
exec 3<&0
"$@" </dev/null 3<&- >&2 &
server=$!
echo "$server"
exec >&2
{ read -r _ <&3; kill -KILL "$server"; } 2>/dev/null &
watch=$!
exec 3<&-
wait "$server"
code=$?
kill "$watch" 2>/dev/null
exit "$code"`;

/** Starts the server's process with a session of its own. Its output goes to the open file `log`. */
export function spawnServer(options: ServerProcessOptions, args: readonly string[], log: number): ChildProcess {
  const command = [options.cli, ...args];
  const shared = { detached: true, env: options.environment };
  if (options.detached !== true) {
    return spawn('/bin/sh', ['-c', WATCHED_SCRIPT, 'sh', ...command], { ...shared, stdio: ['pipe', 'pipe', log] });
  }
  const detached = ['-c', DETACHED_SCRIPT, 'sh', options.pidFile ?? '/dev/null', ...command];
  const child = spawn('/bin/sh', detached, { ...shared, stdio: ['ignore', log, log] });
  child.unref();
  return child;
}

/** Returns the PID of the server that {@link spawnServer} started. */
export async function serverPid(child: ChildProcess, options: ServerProcessOptions): Promise<number> {
  if (child.pid === undefined) {
    const [error] = (await once(child, 'error')) as [Error];
    throw new EmbeddedError(`Temporal dev server: ${options.cli} cannot be run: ${error.message}`, { cause: error });
  }
  if (child.stdout === null) return child.pid;
  let line = '';
  for await (const chunk of child.stdout) line += String(chunk);
  return Number(line);
}

/** The server's log, open for the server to append to. */
export interface ServerLog {
  readonly fd: number;
  readonly close: () => Promise<void>;
  /** Reads what was written since the log was opened. */
  readonly read: () => Promise<string>;
}

/** Opens the server's log. A log that has grown too long is emptied first. */
export async function openLog(path: string): Promise<ServerLog> {
  const size = await stat(path).then(
    (stats) => stats.size,
    () => 0,
  );
  if (size > MAX_LOG_BYTES) await truncate(path);
  const start = size > MAX_LOG_BYTES ? 0 : size;
  const handle = await open(path, 'a+');
  return {
    fd: handle.fd,
    close: () => handle.close(),
    read: async () => {
      const buffer = Buffer.alloc(Math.max(0, (await handle.stat()).size - start));
      await handle.read(buffer, 0, buffer.length, start);
      return buffer.toString('utf8');
    },
  };
}
