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

/**
 * Connects a worker. With health endpoints and a signal, it tries again for as long as no server answers: what started
 * it sees that it lives and is not ready, and restarting it would not help. The log gets the reason of each attempt. A
 * mistake in the settings ends at once.
 *
 * @throws UnreachableError, ConfigError, and the reason of the signal where that ended the wait
 */
export async function connectWorker(
  config: Config,
  settings: ConnectionSettings,
  { log, signal }: { readonly log: Pick<Logger, 'warn'>; readonly signal?: AbortSignal | undefined },
): Promise<NativeConnection> {
  for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(MAX_DELAY_MS, delayMs * 2)) {
    try {
      if (delayMs > FIRST_DELAY_MS) await checkHandshake(settings, config);
      return await connectOnce(config, settings);
    } catch (error) {
      signal?.throwIfAborted();
      const waits = signal !== undefined && config.healthAddress !== undefined;
      if (!waits || !(error instanceof UnreachableError)) throw error;
      log.warn({ reason: error.message, retryInMs: delayMs }, 'Not connected to Temporal, trying again');
      await pause(delayMs, undefined, { signal }).catch(() => undefined);
      signal.throwIfAborted();
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
