import { spawn, type ChildProcess } from 'node:child_process';
import { once as onceEvent } from 'node:events';
import { mkdir, open, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exists } from './cache.js';
import { EmbeddedError, reasonOf } from './error.js';
import { bytesField, call, GrpcStatus, intField } from './grpc.js';
import { freePort, isFree, LOOPBACK } from './ports.js';
import { terminate } from './process.js';

const NAMESPACE = 'default';
const START_TIMEOUT_MS = 60_000;
/** The dev server's own choice is a day: too short to look up last week's run. */
const RETENTION_SECONDS = 30 * 24 * 3600;
const LOG_LIMIT_BYTES = 10_000_000;
/** How often it is tried to start a server that fails by a mischance. */
const ATTEMPTS = 3;

/** Search attribute types by name, with their numbers in Temporal's protocol. */
const SEARCH_ATTRIBUTE_TYPES = {
  Text: 1,
  Keyword: 2,
  Int: 3,
  Double: 4,
  Bool: 5,
  Datetime: 6,
  KeywordList: 7,
} as const;

/** A search attribute that the server has to know. */
export interface SearchAttribute {
  readonly name: string;
  readonly type: keyof typeof SEARCH_ATTRIBUTE_TYPES;
}

/** How a Temporal dev server is run. */
export interface TemporalServerOptions {
  /** The Temporal CLI, as {@link findTemporalCli} found it. */
  readonly cli: string;
  /** Default: a free port, as for {@link uiPort}. */
  readonly port?: number | undefined;
  readonly uiPort?: number | undefined;
  /** Without a web UI. */
  readonly headless?: boolean | undefined;
  /** Keeps everything in this file, over restarts. Default: in memory. */
  readonly databaseFile?: string | undefined;
  readonly searchAttributes: readonly SearchAttribute[];
  /** What the server says goes here. */
  readonly logFile: string;
  /** Outlives this process. Otherwise the server ends with it, even where it is killed. */
  readonly detached?: boolean | undefined;
  /** Where the server notes its process number, before anything else that it does. Only with {@link detached}. */
  readonly pidFile?: string | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
}

/** A Temporal dev server that serves. */
export interface TemporalServer {
  /** `host:port`, as `TEMPORAL_ADDRESS` wants it. */
  readonly address: string;
  readonly uiUrl: string | undefined;
  readonly pid: number;
  /** Settles when the server has ended, for whatever reason. */
  readonly exited: Promise<void>;
  /** At once and without asking: the database survives that, as it has to, and asking would take it seconds. */
  stop(): Promise<void>;
}

/**
 * Starts a Temporal dev server on the loopback interface and returns when it serves.
 *
 * It has a session of its own: Ctrl-C on the terminal does not reach it, so that a run can still end in good order.
 */
export async function startTemporalServer(options: TemporalServerOptions): Promise<TemporalServer> {
  await requireFree(options.port, 'port');
  if (options.headless !== true) await requireFree(options.uiPort, 'ui port');
  await mkdir(dirname(options.logFile), { recursive: true });
  const { databaseFile } = options;
  for (let attempt = 1; ; attempt += 1) {
    if (databaseFile !== undefined) await prepareDatabase(databaseFile);
    try {
      const server = await startOnce(options);
      if (databaseFile !== undefined) await rm(incompleteMark(databaseFile), { force: true });
      return server;
    } catch (error) {
      if (!(error instanceof Mischance) || attempt === ATTEMPTS) throw error;
    }
  }
}

/** Whether a Temporal server answers at this address. */
export async function answers(address: string, timeoutMs = 2_000): Promise<boolean> {
  try {
    const describeNamespace = '/temporal.api.workflowservice.v1.WorkflowService/DescribeNamespace';
    const { status } = await call(address, describeNamespace, bytesField(1, NAMESPACE), timeoutMs);
    return status === GrpcStatus.Ok;
  } catch {
    return false;
  }
}

/** The server was killed, or somebody took a port between our choosing it and the server's listening on it. */
class Mischance extends EmbeddedError {}

async function requireFree(port: number | undefined, what: string): Promise<void> {
  if (port === undefined || (await isFree(port))) return;
  throw new EmbeddedError(
    `temporal dev server: ${what} ${String(port)} of ${LOOPBACK} is already in use; ` +
      'end the process that listens there, or choose another port',
  );
}

/** Is beside a database file from before it is made until a server has served from it. */
function incompleteMark(databaseFile: string): string {
  return `${databaseFile}.incomplete`;
}

/** A server that died while it made its tables cannot be started on them again. Nothing ran on it yet. */
async function prepareDatabase(databaseFile: string): Promise<void> {
  const mark = incompleteMark(databaseFile);
  if ((await exists(databaseFile)) && !(await exists(mark))) return;
  await mkdir(dirname(databaseFile), { recursive: true });
  await writeFile(mark, '');
  for (const suffix of ['', '-wal', '-shm', '-journal']) await rm(`${databaseFile}${suffix}`, { force: true });
}

async function startOnce(options: TemporalServerOptions): Promise<TemporalServer> {
  const port = options.port ?? (await freePort());
  const uiPort = options.headless === true ? undefined : (options.uiPort ?? (await freePort()));
  const address = `${LOOPBACK}:${String(port)}`;
  const log = await openLog(options.logFile);
  try {
    const child = spawnServer(options, serverArguments(options, port, uiPort), log.fd);
    const exited = new Promise<void>((resolve) => {
      child.once('exit', () => {
        resolve();
      });
      child.once('error', () => {
        resolve();
      });
    });
    const pid = await serverPid(child, options);
    const stop = async (): Promise<void> => {
      await terminate(pid);
      await exited;
    };
    try {
      await serving(address, exited);
      await registerSearchAttributes(address, options.searchAttributes);
      if (options.databaseFile !== undefined) await keepHistory(address);
    } catch (error) {
      const died = child.exitCode !== null || child.signalCode !== null;
      await stop();
      throw await startError(options, log.start, died, error);
    }
    const uiUrl = uiPort === undefined ? undefined : `http://${LOOPBACK}:${String(uiPort)}`;
    return { address, uiUrl, pid, exited, stop };
  } finally {
    await log.close();
  }
}

function serverArguments(options: TemporalServerOptions, port: number, uiPort: number | undefined): string[] {
  const { databaseFile, searchAttributes } = options;
  return [
    'server',
    'start-dev',
    ...['--ip', LOOPBACK, '--port', String(port)],
    ...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)]),
    ...['--log-level', 'warn', '--color', 'never'],
    // No question to Temporal's home about newer versions: it leaves the machine, and offline it fills the log.
    ...['--dynamic-config-value', 'frontend.enableServerVersionCheck=false'],
    // A worker that asks for a step gets it with the answer, without a way through the queue.
    ...['--dynamic-config-value', 'system.enableActivityEagerExecution=true'],
    // With its default pragmas a file stalls under load.
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

/** Notes the process number, then becomes the server. */
const DETACHED = `printf '%s' "$$" >"$1" && shift && exec "$@"`;

/**
 * Runs the server, tells its process number, and ends it when standard input ends: the kernel closes that when the
 * parent dies, however it dies.
 */
const WATCHED = `
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

function spawnServer(options: TemporalServerOptions, args: readonly string[], log: number): ChildProcess {
  const command = [options.cli, ...args];
  const shared = { detached: true, env: options.environment };
  if (options.detached !== true) {
    return spawn('/bin/sh', ['-c', WATCHED, 'sh', ...command], { ...shared, stdio: ['pipe', 'pipe', log] });
  }
  const noted = ['-c', DETACHED, 'sh', options.pidFile ?? '/dev/null', ...command];
  const child = spawn('/bin/sh', noted, { ...shared, stdio: ['ignore', log, log] });
  child.unref();
  return child;
}

async function serverPid(child: ChildProcess, options: TemporalServerOptions): Promise<number> {
  if (child.pid === undefined) {
    const [error] = (await onceEvent(child, 'error')) as [Error];
    throw new EmbeddedError(`temporal dev server: ${options.cli} cannot be run: ${error.message}`, { cause: error });
  }
  if (child.stdout === null) return child.pid;
  let line = '';
  for await (const chunk of child.stdout) line += String(chunk);
  return Number(line);
}

async function serving(address: string, exited: Promise<void>): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  const ended = exited.then(() => 'ended' as const);
  while (!(await answers(address))) {
    if ((await Promise.race([ended, sleep(50)])) === 'ended') throw new Error('it ended before it served');
    if (Date.now() > deadline) throw new Error(`it does not serve within ${String(START_TIMEOUT_MS / 1000)} s`);
  }
}

/** A database file keeps the attributes it was made with: those that came with a later version are added. */
async function registerSearchAttributes(address: string, wanted: readonly SearchAttribute[]): Promise<void> {
  const service = '/temporal.api.operatorservice.v1.OperatorService';
  const known = await call(address, `${service}/ListSearchAttributes`, bytesField(1, NAMESPACE), 10_000);
  const missing = wanted.filter(({ name }) => !known.response.includes(bytesField(1, name)));
  if (missing.length === 0) return;
  const entries = missing.map(({ name, type }) =>
    bytesField(1, Buffer.concat([bytesField(1, name), intField(2, SEARCH_ATTRIBUTE_TYPES[type])])),
  );
  const request = Buffer.concat([...entries, bytesField(2, NAMESPACE)]);
  const { status, detail } = await call(address, `${service}/AddSearchAttributes`, request, 10_000);
  if (status !== GrpcStatus.Ok && status !== GrpcStatus.AlreadyExists) {
    throw new Error(`search attributes ${missing.map(({ name }) => name).join(', ')} cannot be added: ${detail}`);
  }
}

async function keepHistory(address: string): Promise<void> {
  const path = '/temporal.api.workflowservice.v1.WorkflowService/UpdateNamespace';
  const config = bytesField(1, intField(1, RETENTION_SECONDS));
  const { status, detail } = await call(
    address,
    path,
    Buffer.concat([bytesField(1, NAMESPACE), bytesField(3, config)]),
    10_000,
  );
  if (status !== GrpcStatus.Ok) throw new Error(`its retention cannot be set: ${detail}`);
}

async function openLog(path: string): Promise<{ fd: number; start: number; close: () => Promise<void> }> {
  const size = await stat(path).then(
    (stats) => stats.size,
    () => 0,
  );
  if (size > LOG_LIMIT_BYTES) await truncate(path);
  const handle = await open(path, 'a');
  return { fd: handle.fd, start: size > LOG_LIMIT_BYTES ? 0 : size, close: () => handle.close() };
}

async function startError(
  options: TemporalServerOptions,
  logStart: number,
  died: boolean,
  error: unknown,
): Promise<EmbeddedError> {
  const said = await readFrom(options.logFile, logStart);
  const message =
    `temporal dev server: ${options.cli} cannot be started: ${reasonOf(error)}\n` +
    `${lastLines(said)}(log: ${options.logFile})`;
  const mischance = said.trim() === '' || /address already in use|can't (set|use) .*port/.test(said);
  if (died && mischance) return new Mischance(`${message}; try again`, { cause: error });
  const remedy =
    options.databaseFile === undefined
      ? 'try another version of the Temporal CLI'
      : `if the database file is broken, or of another server version, remove ${options.databaseFile}*`;
  return new EmbeddedError(`${message}; ${remedy}`, { cause: error });
}

async function readFrom(path: string, start: number): Promise<string> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const buffer = Buffer.alloc(Math.max(0, size - start));
    await handle.read(buffer, 0, buffer.length, start);
    return buffer.toString('utf8');
  } finally {
    await handle.close();
  }
}

function lastLines(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines
    .map((line) => `  ${line}\n`)
    .slice(-10)
    .join('');
}
