import { createServer } from 'node:net';
import { hasCode } from './error.js';

/** The one interface that the embedded servers listen on. */
export const LOOPBACK = '127.0.0.1';

/** Whether nobody listens on this port of this machine. */
export async function isFree(port: number): Promise<boolean> {
  try {
    await listen(port);
    return true;
  } catch (error) {
    if (hasCode(error, 'EADDRINUSE')) return false;
    throw error;
  }
}

/** A port on which nobody listens at this moment. Somebody may take it before its user does. */
export async function freePort(): Promise<number> {
  return listen(0);
}

function listen(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  });
}
