import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from '../files/make-folder.js';
import { exists } from './lock.js';
import { EmbeddedError, type Environment, reasonOf } from './options.js';
import { freePort, isFree, LOOPBACK } from './ports.js';
import { terminate } from './process.js';
import { FILE_MODE } from './state-folder.js';
import { registerSearchAttributes, type SearchAttribute, setRetention, waitUntilServing } from './server-api.js';

/** The number of attempts to start a server, where an attempt fails for a reason that may not recur. */
const MAX_START_ATTEMPTS = 3;

/** The wait before the next attempt, in milliseconds. */
const START_RETRY_MS = 500;

/** Options of a Temporal dev server. */
export interface TemporalServerOptions extends ServerProcessOptions {
  /** The port to listen on. Default: a free one. */
  readonly port?: number | undefined;
  /** The port of the UI. Default: a free one. */
  readonly uiPort?: number | undefined;
  readonly headless?: boolean | undefined;
  /** The address of a codec server, which the UI asks to decrypt payloads. Default: none. */
  readonly codecEndpoint?: string | undefined;
  /** The file that keeps the server's data across restarts. Default: the data stays in memory. */
  readonly databaseFile?: string | undefined;
  readonly searchAttributes: readonly SearchAttribute[];
  readonly logFile: string;
}

/** A running Temporal dev server. */
export interface TemporalServer {
  readonly address: string;
  readonly uiUrl: string | undefined;
  readonly pid: number;
  readonly exited: Promise<void>;
  /** Kills the server. Its database must survive a kill anyway, and an orderly shutdown takes seconds. */
  stop(): Promise<void>;
}

/**
 * Starts a Temporal dev server on the loopback interface and returns once it serves.
 *
 * The server has a session of its own: Ctrl-C in the terminal does not reach it, so that a run can still end in order.
 */
export async function startTemporalServer(options: TemporalServerOptions): Promise<TemporalServer> {
  await requireFree(options.port, 'port');
  if (options.headless !== true) await requireFree(options.uiPort, 'UI port');
  await makeFolder(dirname(options.logFile));
  const { databaseFile } = options;
  for (let attempt = 1; ; attempt += 1) {
    if (databaseFile !== undefined) await prepareDatabase(databaseFile);
    try {
      const server = await startOnce(options);
      if (databaseFile !== undefined) await rm(incompleteMarker(databaseFile), { force: true });
      return server;
    } catch (error) {
      if (!(error instanceof TransientStartError) || attempt === MAX_START_ATTEMPTS) throw error;
      await sleep(START_RETRY_MS);
    }
  }
}

/**
 * The server was killed, another process took a port between its choice and the moment the server listens on it, or a
 * server that was killed still holds the database.
 */
class TransientStartError extends EmbeddedError {}

async function requireFree(port: number | undefined, name: string): Promise<void> {
  if (port === undefined || (await isFree(port))) return;
  throw new EmbeddedError(
    `Temporal dev server: ${name} ${String(port)} of ${LOOPBACK} is already in use; ` +
      'stop the process that listens there, or choose another port',
  );
}

/** Returns the path of a marker that stays beside a database file until a server has served from it. */
function incompleteMarker(databaseFile: string): string {
  return `${databaseFile}.incomplete`;
}

/** Removes an incomplete database: a server that died while it made the tables cannot be started on them again. */
async function prepareDatabase(databaseFile: string): Promise<void> {
  const marker = incompleteMarker(databaseFile);
  if ((await exists(databaseFile)) && !(await exists(marker))) return;
  await makeFolder(dirname(databaseFile));
  await writeFile(marker, '', { mode: FILE_MODE });
  for (const suffix of ['', '-wal', '-shm', '-journal']) await rm(`${databaseFile}${suffix}`, { force: true });
}

async function startOnce(options: TemporalServerOptions): Promise<TemporalServer> {
  const port = options.port ?? (await freePort());
  const uiPort = options.headless === true ? undefined : (options.uiPort ?? (await freePort()));
  const address = `${LOOPBACK}:${String(port)}`;
  const log = await openLog(options.logFile);
  try {
    const child = spawnServer(options, serverArguments(options, port, uiPort), log.fd);
    const exited = exitOf(child);
    const pid = await serverPid(child, options);
    const stop = async (): Promise<void> => {
      await terminate(pid);
      await exited;
    };
    try {
      await waitUntilServing(address, exited);
      await registerSearchAttributes(address, options.searchAttributes);
      if (options.databaseFile !== undefined) await setRetention(address);
    } catch (error) {
      const hasEnded = child.exitCode !== null || child.signalCode !== null;
      await stop();
      throw await startError(options, log, hasEnded, error);
    }
    const uiUrl = uiPort === undefined ? undefined : `http://${LOOPBACK}:${String(uiPort)}`;
    return { address, uiUrl, pid, exited, stop };
  } finally {
    await log.close();
  }
}

function exitOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => {
      resolve();
    });
    child.once('error', () => {
      resolve();
    });
  });
}

function serverArguments(options: TemporalServerOptions, port: number, uiPort: number | undefined): string[] {
  const { databaseFile, searchAttributes, codecEndpoint } = options;
  return [
    'server',
    'start-dev',
    ...['--ip', LOOPBACK, '--port', String(port)],
    ...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)]),
    ...(uiPort === undefined || codecEndpoint === undefined ? [] : ['--ui-codec-endpoint', codecEndpoint]),
    ...['--log-level', 'warn', '--color', 'never'],
    // The check for newer versions sends a request to Temporal, and fills the log where no network is.
    ...['--dynamic-config-value', 'frontend.enableServerVersionCheck=false'],
    // A worker may get an activity with the response to its workflow task, without a trip through the task queue.
    ...['--dynamic-config-value', 'system.enableActivityEagerExecution=true'],
    // With the default pragmas a database file stalls under load.
    ...(databaseFile === undefined
      ? []
      : [
          '--db-filename',
          databaseFile,
          '--sqlite-pragma',
          'journal_mode=wal',
          '--sqlite-pragma',
          'synchronous=normal',
        ]),
    ...searchAttributes.flatMap(({ name, type }) => ['--search-attribute', `${name}=${type}`]),
  ];
}

async function startError(
  options: TemporalServerOptions,
  log: ServerLog,
  hasEnded: boolean,
  error: unknown,
): Promise<EmbeddedError> {
  const output = await log.read();
  const message =
    `Temporal dev server: ${options.cli} cannot be started: ${reasonOf(error)}\n` +
    `${lastLines(output)}(log: ${options.logFile})`;
  const isTransient =
    output.trim() === '' || /address already in use|can't (set|use) .*port|database is locked/.test(output);
  if (hasEnded && isTransient) return new TransientStartError(`${message}; try again`, { cause: error });
  const remedy =
    options.databaseFile === undefined
      ? 'try another version of the Temporal CLI'
      : `if the database file is broken or was made by another server version, remove ${options.databaseFile}*`;
  return new EmbeddedError(`${message}; ${remedy}`, { cause: error });
}

function lastLines(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines
    .map((line) => `  ${line}\n`)
    .slice(-10)
    .join('');
}

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
const DETACHED_SCRIPT = `umask 077 && printf '%s' "$$" >"$1" && shift && exec "$@"`;

/**
 * Runs the server, prints its PID, and kills the server when standard input ends. The kernel closes standard input when
 * the parent dies, even by SIGKILL.
 */
const WATCHED_SCRIPT = `
umask 077
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
  const handle = await open(path, 'a+', FILE_MODE);
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
