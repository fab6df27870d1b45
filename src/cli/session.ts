import { join } from 'node:path';
import { connectTemporal } from '../temporal/connect.js';
import type { TemporalConnection } from '../temporal/connect.js';
import type { Config } from '../config/config.js';
import { SEARCH_ATTRIBUTES } from '../contract/search-attributes.js';
import { isFree } from '../embedded/ports.js';
import type { RunningWorker } from '../worker.js';

/** Where a Temporal server listens unless it is told otherwise. */
const DEFAULT_PORT = 7233;

/** Temporal, wherever it runs, for the length of one command. */
export interface Session {
  readonly temporal: TemporalConnection;
  /** A worker runs inside of this process, against an embedded server. */
  readonly embedded: boolean;
  close(): Promise<void>;
}

/**
 * Opens Temporal: the server that the configuration names; else one on the default port; else an embedded one with a
 * worker in this process, whose database stays in the project's state folder, so that an interrupted run goes on at
 * the next call.
 */
export async function openSession(
  config: Config,
  say: (line: string) => void,
  options: { readonly worker: boolean } = { worker: true },
): Promise<Session> {
  if (config.iamEndpoint !== undefined) say(`IAM endpoint: ${config.iamEndpoint} (AWS_ENDPOINT_URL, not AWS's own)`);
  if (!config.temporalConfigured && (await isFree(DEFAULT_PORT))) return openEmbedded(config, say, options);
  const temporal = await connectTemporal(config);
  return { temporal, embedded: false, close: () => temporal.close() };
}

async function openEmbedded(
  config: Config,
  say: (line: string) => void,
  options: { readonly worker: boolean },
): Promise<Session> {
  const { acquireEmbeddedServer } = await import('../embedded/runtime.js');
  const { findTemporalCli } = await import('../embedded/temporal-cli.js');
  if (options.worker) say('no Temporal server is configured: running an embedded one, with a worker in this process');
  const { environment, cacheDirectory, stateDirectory } = config;
  const server = await acquireEmbeddedServer({
    stateDirectory,
    cli: async () =>
      (await findTemporalCli({ path: config.temporalCli, cacheDirectory, environment, announce: say })).path,
    searchAttributes: SEARCH_ATTRIBUTES,
    environment,
    announce: say,
  });
  try {
    const worker = options.worker ? await embeddedWorker(config, server.address) : undefined;
    const temporal = await connectTemporal(config, server);
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

async function embeddedWorker(config: Config, address: string): Promise<RunningWorker> {
  const { startWorker } = await import('../worker.js');
  const logFile = join(config.stateDirectory, 'worker.log');
  const secretsFolder = config.secretsFolder ?? join(config.stateDirectory, 'secrets');
  return startWorker({ ...config, secretsFolder }, { address, logFile, handleSignals: false });
}
