import { join } from 'node:path';
import type { Logger } from 'pino';
import { connectTemporal } from '../temporal/connect.js';
import type { TemporalConnection } from '../temporal/connect.js';
import type { Config } from '../config/config.js';
import { SEARCH_ATTRIBUTES } from '../contract/search-attributes.js';
import { isFree } from '../embedded/ports.js';
import { openDebugLog } from './debug.js';
import type { RunningWorker } from '../worker.js';

/** The default port of a Temporal server. */
const DEFAULT_PORT = 7233;

/** A connection to Temporal for the length of one command. */
export interface Session {
  readonly temporal: TemporalConnection;
  /** True where the server is embedded: it stops with this command. */
  readonly embedded: boolean;
  close(): Promise<void>;
}

/**
 * Opens Temporal: the server that the configuration names, or one on the default port, or else an embedded one with a
 * worker in this process. An embedded server keeps its database in the state folder, so that the next command continues
 * an interrupted run.
 */
export async function openSession(
  config: Config,
  announce: (line: string) => void,
  options: { readonly worker: boolean } = { worker: true },
): Promise<Session> {
  if (config.iamEndpoint !== undefined)
    announce(`IAM endpoint: ${config.iamEndpoint} (from AWS_ENDPOINT_URL; not AWS)`);
  if (!config.temporalConfigured && (await isFree(DEFAULT_PORT))) return openEmbedded(config, announce, options);
  const temporal = await connect(config, await openDebugLog(config));
  return { temporal, embedded: false, close: () => temporal.close() };
}

async function openEmbedded(
  config: Config,
  announce: (line: string) => void,
  options: { readonly worker: boolean },
): Promise<Session> {
  const { acquireEmbeddedServer } = await import('../embedded/runtime.js');
  const { findTemporalCli } = await import('../embedded/temporal-cli.js');
  if (options.worker) announce('No Temporal server configured: using an embedded one, with a worker in this process.');
  const { environment, cacheDirectory, stateDirectory } = config;
  const server = await acquireEmbeddedServer({
    stateDirectory,
    cli: async () => (await findTemporalCli({ path: config.temporalCli, cacheDirectory, environment, announce })).path,
    searchAttributes: SEARCH_ATTRIBUTES,
    environment,
    announce,
  });
  try {
    const log = await openDebugLog(config);
    const worker = options.worker ? await startEmbeddedWorker(config, server.address, log) : undefined;
    const temporal = await connect(config, log, server);
    return {
      temporal,
      embedded: true,
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
