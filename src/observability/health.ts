import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Worker } from '@temporalio/worker';
import { ConfigError } from '../contract/user-facing-error.js';
import type { Readiness } from './readiness.js';

/** Limits against slow clients, in milliseconds: a health check is one short request. */
const HEALTH_LIMITS = {
  headersTimeout: 5_000,
  requestTimeout: 5_000,
  keepAliveTimeout: 1_000,
  connectionsCheckingInterval: 1_000,
};

const MAX_HEALTH_CONNECTIONS = 256;

/** A worker, and what it needs to do its work. */
export interface ServedWorker {
  readonly worker: Pick<Worker, 'getState' | 'getStatus'>;
  readonly readiness: Pick<Readiness, 'read'>;
}

/** The answer of a health endpoint. */
interface Answer {
  readonly isOk: boolean;
  readonly body: object;
}

/** Answers by path. The worker is undefined until it has connected to Temporal. */
const ANSWERS: Readonly<Record<string, (served: ServedWorker | undefined) => Answer | Promise<Answer>>> = {
  '/health': (served) => {
    const { state, isPolling } = readLifecycle(served);
    return { isOk: isPolling, body: { state, pid: process.pid, ...served?.worker.getStatus() } };
  },
  '/livez': (served) => {
    const { state, isAlive } = readLifecycle(served);
    return { isOk: isAlive, body: { state, pid: process.pid } };
  },
  '/readyz': async (served) => {
    const { state, isPolling, isAlive } = readLifecycle(served);
    if (served === undefined || !isPolling || !isAlive) return { isOk: false, body: { state, pid: process.pid } };
    const needs = await served.readiness.read();
    return { isOk: Object.values(needs).every((need) => need === 'ok'), body: { state, pid: process.pid, ...needs } };
  },
};

/** Returns the state of a worker, whether it polls, and whether it is alive: starting, polling, or draining. */
function readLifecycle(served: ServedWorker | undefined): { state: string; isPolling: boolean; isAlive: boolean } {
  if (served === undefined) return { state: 'INITIALIZED', isPolling: false, isAlive: true };
  const state = served.worker.getState();
  const { workflowPollerState, activityPollerState } = served.worker.getStatus();
  const pollers = [workflowPollerState, activityPollerState];
  const hasLostPoller = pollers.some((poller) => poller === 'FAILED' || (state === 'RUNNING' && poller !== 'POLLING'));
  return {
    state,
    isPolling: state === 'RUNNING',
    isAlive: state !== 'FAILED' && state !== 'STOPPED' && !hasLostPoller,
  };
}

/**
 * Serves the health endpoints of a worker. Each answers 200 or 503, with the process ID:
 * `GET /health`, 200 while the worker polls; `GET /livez`, 503 once it cannot recover without a restart;
 * `GET /readyz`, 200 while it polls, Temporal answers, and AWS has accepted its credentials.
 *
 * @throws ConfigError where the address cannot be served
 */
export async function serveHealth(
  address: string | undefined,
  served: () => ServedWorker | undefined,
): Promise<() => Promise<void>> {
  if (address === undefined) return () => Promise.resolve();
  const separator = address.lastIndexOf(':');
  // An IPv6 address is written in brackets.
  const host = address.slice(0, separator).replace(/^\[(.*)\]$/, '$1');
  const server = createServer(HEALTH_LIMITS, (request, response) => {
    const path = request.method === 'GET' ? (request.url ?? '') : '';
    const answer = Object.hasOwn(ANSWERS, path) ? ANSWERS[path] : undefined;
    void Promise.resolve(answer?.(served())).then((found) => {
      response.writeHead(found === undefined ? 404 : found.isOk ? 200 : 503, { 'content-type': 'application/json' });
      response.end(JSON.stringify(found?.body ?? {}));
    });
  });
  server.maxConnections = MAX_HEALTH_CONNECTIONS;
  try {
    await new Promise<AddressInfo>((resolve, reject) => {
      server.once('error', reject);
      server.listen(Number(address.slice(separator + 1)), host || '127.0.0.1', () => {
        resolve(server.address() as AddressInfo);
      });
    });
  } catch (error) {
    throw new ConfigError(
      `cannot serve health at IAM_BOOTSTRAP_HEALTH=${address}: ${(error as Error).message}`,
      'choose a free address of this machine, such as 127.0.0.1:8080',
      { cause: error },
    );
  }
  return () =>
    new Promise((resolve) => {
      server.close(() => {
        resolve();
      });
      server.closeAllConnections();
    });
}
