import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Worker } from '@temporalio/worker';
import { ConfigError } from '../contract/user-facing-error.js';

/** Limits against slow clients, in milliseconds: a health check is one short request. */
const HEALTH_LIMITS = {
  headersTimeout: 5_000,
  requestTimeout: 5_000,
  keepAliveTimeout: 1_000,
  connectionsCheckingInterval: 1_000,
};

const MAX_HEALTH_CONNECTIONS = 256;

/** Serves `GET /health`: 200 while the worker polls, 503 otherwise. The reply has the process ID. */
export async function serveHealth(
  address: string | undefined,
  worker: () => Worker | undefined,
): Promise<() => Promise<void>> {
  if (address === undefined) return () => Promise.resolve();
  const separator = address.lastIndexOf(':');
  const server = createServer(HEALTH_LIMITS, (request, response) => {
    const state = worker()?.getState() ?? 'INITIALIZED';
    const found = request.method === 'GET' && request.url === '/health';
    response.writeHead(found ? (state === 'RUNNING' ? 200 : 503) : 404, { 'content-type': 'application/json' });
    response.end(found ? JSON.stringify({ state, pid: process.pid, ...worker()?.getStatus() }) : '{}');
  });
  server.maxConnections = MAX_HEALTH_CONNECTIONS;
  try {
    await new Promise<AddressInfo>((resolve, reject) => {
      server.once('error', reject);
      server.listen(Number(address.slice(separator + 1)), address.slice(0, separator) || '127.0.0.1', () => {
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
