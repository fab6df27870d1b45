import { setTimeout as pause } from 'node:timers/promises';
import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import type { Config } from '../config/config.js';
import { checkHandshake, diagnoseConnection, UnreachableError } from './diagnose.js';
import type { ConnectionSettings } from './settings.js';

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 15_000;
/** The time that a server has to answer. The SDK has no limit for a TLS handshake. */
const CONNECT_TIMEOUT_MS = 15_000;

/** Reports that a worker was asked to stop while it waited for its server. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
}

/** The wait of a worker for a server that does not answer. */
export interface ServerWait {
  /** Gets the reason of each attempt that failed. */
  readonly log: Pick<Logger, 'warn'>;
  /** Ends the wait. */
  readonly signal: AbortSignal;
}

/** Connects. A worker that serves health endpoints waits for the server until it receives a signal. */
export async function connectUntilStopped(
  config: Config,
  settings: ConnectionSettings,
  { log, handleSignals }: { readonly log: Logger; readonly handleSignals: boolean | undefined },
): Promise<NativeConnection> {
  if (config.healthAddress === undefined || handleSignals === false) return connectWorker(config, settings, undefined);
  const asked = new AbortController();
  // The SDK listens as well, and tells workers only.
  const stop = (): void => {
    asked.abort();
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, stop);
  try {
    return await connectWorker(config, settings, { log, signal: asked.signal });
  } finally {
    for (const signal of signals) process.off(signal, stop);
  }
}

/**
 * Connects a worker. With a wait, it tries again for as long as no server answers: what started the worker sees by its
 * health that it lives and is not ready, and restarting it would not help. A mistake in the settings ends at once.
 *
 * @throws UnreachableError, ConfigError, and StoppedError where the wait was ended
 */
async function connectWorker(
  config: Config,
  settings: ConnectionSettings,
  wait: ServerWait | undefined,
): Promise<NativeConnection> {
  for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(MAX_DELAY_MS, delayMs * 2)) {
    try {
      if (delayMs > FIRST_DELAY_MS) await checkHandshake(settings, config);
      return await connectOnce(config, settings);
    } catch (error) {
      if (wait === undefined || !(error instanceof UnreachableError)) throw error;
      if (!wait.signal.aborted) {
        wait.log.warn({ reason: error.message, retryInMs: delayMs }, 'Not connected to Temporal, trying again');
        // An abort ends the pause, and is seen below.
        await pause(delayMs, undefined, { signal: wait.signal }).catch(() => undefined);
      }
      if (wait.signal.aborted) throw new StoppedError();
    }
  }
}

/**
 * Connects once and disconnects, to find out whether Temporal accepts the settings.
 *
 * @throws UnreachableError, ConfigError
 */
export async function tryConnection(config: Config, settings: ConnectionSettings): Promise<void> {
  await checkHandshake(settings, config);
  const connection = await connectOnce(config, settings);
  await connection.close();
}

async function connectOnce(config: Config, settings: ConnectionSettings): Promise<NativeConnection> {
  const { connectionOptions } = settings;
  const connecting = NativeConnection.connect({ ...connectionOptions, ...proxyOf(config, connectionOptions) });
  const limit = new AbortController();
  const timeout = pause(CONNECT_TIMEOUT_MS, undefined, { signal: limit.signal }).then(() => {
    throw new Error('no answer');
  });
  try {
    return await Promise.race([connecting, timeout]);
  } catch (error) {
    // The SDK cannot end an attempt.
    void connecting.then((late) => late.close()).catch(() => undefined);
    throw await diagnoseConnection(settings, config, error);
  } finally {
    limit.abort();
  }
}

/** Returns the proxy in the form of the worker's own gRPC library. */
function proxyOf(
  { network }: Config,
  { address }: { readonly address: string },
): Pick<NativeConnectionOptions, 'proxy'> {
  const proxy = network.grpcProxy(address);
  if (proxy === undefined) return {};
  const { credentials: basicAuth } = proxy;
  return {
    proxy: { type: 'http-connect', targetHost: proxy.address, ...(basicAuth === undefined ? {} : { basicAuth }) },
  };
}
