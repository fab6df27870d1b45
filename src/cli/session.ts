import { join } from 'node:path';
import type { Logger } from 'pino';
import { type Config, isDebugLevel } from '../config/config.js';
import { entityId } from '../contract/entity.js';
import type { Report } from '../contract/report.js';
import { SEARCH_ATTRIBUTES } from '../contract/search-attributes.js';
import type { EmbeddedError } from '../embedded/options.js';
import { isFree } from '../embedded/ports.js';
import { connectTemporal, type TemporalConnection } from '../temporal/connect.js';
import type { RunningWorker } from '../worker.js';
import { note, plain } from './terminal.js';

const DEFAULT_PORT = 7233;

/** A connection to Temporal for the length of one command. */
export interface Session {
  readonly temporal: TemporalConnection;
  /** True where the server is embedded: it stops with this command. */
  readonly embedded: boolean;
  /** Returns the reason of an error that a full disk of the embedded server explains, otherwise the error itself. */
  explain(error: unknown): Promise<unknown>;
  close(): Promise<void>;
}

/** Options of a session. */
interface SessionOptions {
  /** Starts a worker in this process where the server is embedded. Default: true. */
  readonly worker?: boolean;
  /** Called once where the disk of an embedded server has become too full for it to go on. Default: it is announced. */
  readonly onFull?: (error: EmbeddedError) => void;
}

/**
 * Opens Temporal: the server that the configuration names, or one on the default port, or else an embedded one with a
 * worker in this process. An embedded server keeps its database in the state folder, so that the next command continues
 * an interrupted run.
 */
export async function openSession(
  config: Config,
  announce: (line: string) => void,
  options: SessionOptions = {},
): Promise<Session> {
  const { iamEndpoint } = config;
  if (iamEndpoint !== undefined) announce(`IAM endpoint: ${iamEndpoint.value} (from ${iamEndpoint.source}; not AWS)`);
  if (!config.temporalConfigured && (await isFree(DEFAULT_PORT))) return openEmbedded(config, announce, options);
  const temporal = await connect(config, await openDebugLog(config));
  return { temporal, embedded: false, explain: (error) => Promise.resolve(error), close: () => temporal.close() };
}

async function openEmbedded(
  config: Config,
  announce: (line: string) => void,
  { worker: needsWorker = true, onFull }: SessionOptions,
): Promise<Session> {
  const { acquireEmbeddedServer } = await import('../embedded/runtime.js');
  const { findTemporalCli } = await import('../embedded/temporal-cli.js');
  if (needsWorker) {
    announce('No Temporal server configured: using an embedded one, with a worker in this process.');
    announce('Its UI stops with this command; `iam-bootstrap dev`, in this folder, opens it again.');
  }
  const { environment, cacheDirectory, stateDirectory } = config;
  const { withStateKeys } = await import('../embedded/state-keys.js');
  const keyed = await withStateKeys(config, announce);
  const server = await acquireEmbeddedServer({
    stateDirectory,
    cli: async () => (await findTemporalCli({ path: config.temporalCli, cacheDirectory, environment, announce })).path,
    searchAttributes: SEARCH_ATTRIBUTES,
    environment,
    announce,
    onFull,
  });
  try {
    const log = await openDebugLog(config);
    const worker = needsWorker ? await startEmbeddedWorker(keyed, server.address, log) : undefined;
    // The UI ends with this command, so that its links would be dead.
    const temporal = { ...(await connect(keyed, log, server)), runUrl: () => null };
    return {
      temporal,
      embedded: true,
      explain: async (error) => (await server.fullDisk()) ?? error,
      close: async () => {
        await temporal.close();
        await worker?.stop();
        await server.release();
      },
    };
  } catch (error) {
    await server.release();
    throw error;
  }
}

async function connect(
  config: Config,
  log: Logger | undefined,
  server?: Parameters<typeof connectTemporal>[1],
): Promise<TemporalConnection> {
  if (log === undefined) return connectTemporal(config, server);
  const { logTemporalMessages } = await import('../observability/logging.js');
  return connectTemporal(config, server, [logTemporalMessages(log)]);
}

async function startEmbeddedWorker(config: Config, address: string, log: Logger | undefined): Promise<RunningWorker> {
  const { startWorker } = await import('../worker.js');
  const logFile = join(config.stateDirectory, 'worker.log');
  const secretsFolder = config.secretsFolder ?? join(config.stateDirectory, 'secrets');
  return startWorker({ ...config, secretsFolder }, { address, log, logFile, handleSignals: false });
}

/** Returns the logger of `--debug`, which writes text lines to standard error. Undefined without `--debug`. */
export async function openDebugLog({ logLevel }: Pick<Config, 'logLevel'>): Promise<Logger | undefined> {
  if (!isDebugLevel(logLevel)) return undefined;
  const { createLogger } = await import('../observability/logging.js');
  return createLogger(logLevel, {
    write: (line) => {
      note(formatLine(JSON.parse(line) as Readonly<Record<string, unknown>>));
    },
  });
}

/** Logs the decision on each entity of a report, with the AWS request ID of each write. */
export function logDecisions(log: Logger | undefined, { entities }: Report): void {
  for (const entity of entities) {
    const { decision, outcome, reason, writes } = entity;
    log?.debug({ entity: entityId(entity), decision, outcome, reason }, 'decision');
    for (const { operation, requestId } of writes) {
      log?.debug({ entity: entityId(entity), operation, requestId }, 'AWS write');
    }
  }
}

const LEVELS: Readonly<Record<number, string>> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'warn', 50: 'error' };

function formatLine({ level, time, msg, ...fields }: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(fields).flatMap(([name, value]) =>
    value === null ? [] : [`${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`],
  );
  const start = [`${LEVELS[Number(level)] ?? 'debug'}:`, String(time).slice(11, 23), String(msg)];
  return plain([...start, ...pairs].join(' '));
}
