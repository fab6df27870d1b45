import { join } from 'node:path';
import { connectTemporal, UnreachableError } from '../client/connect.js';
import type { TemporalConnection } from '../client/connect.js';
import type { Config } from '../config.js';
import { SEARCH_ATTRIBUTES } from '../contract/messages.js';

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
export async function openSession(config: Config, say: (line: string) => void): Promise<Session> {
  if (config.iamEndpoint !== undefined) say(`IAM endpoint: ${config.iamEndpoint} (AWS_ENDPOINT_URL, not AWS's own)`);
  try {
    const temporal = await connectTemporal(config);
    return { temporal, embedded: false, close: () => temporal.close() };
  } catch (error) {
    if (config.temporalConfigured || !(error instanceof UnreachableError)) throw error;
  }
  return openEmbedded(config, say);
}

async function openEmbedded(config: Config, say: (line: string) => void): Promise<Session> {
  const { acquireEmbeddedServer } = await import('../embedded/runtime.js');
  const { findTemporalCli } = await import('../embedded/temporal-cli.js');
  say('no Temporal server is configured: running an embedded one, with a worker in this process');
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
    const { startWorker } = await import('../worker.js');
    const worker = await startWorker(config, {
      address: server.address,
      logFile: join(stateDirectory, 'worker.log'),
      handleSignals: false,
    });
    const temporal = await connectTemporal(config, server);
    return {
      temporal,
      embedded: true,
      close: async () => {
        await temporal.close();
        await worker.stop();
        await server.release();
      },
    };
  } catch (error) {
    await server.release();
    throw error;
  }
}
