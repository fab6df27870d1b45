import { type AddressInfo, connect, createServer } from 'node:net';
import { hasCode } from './options.js';

/** The only interface that the embedded servers listen on. */
export const LOOPBACK = '127.0.0.1';

/**
 * Reports whether a port of this machine is free. It tries to connect. To listen for a moment instead would make the
 * port look taken to other processes that ask at the same time.
 */
export async function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: LOOPBACK });
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error) => {
      if (hasCode(error, 'ECONNREFUSED')) resolve(true);
      else reject(error);
    });
  });
}

/** Returns a port that is free at this moment. Another process may take it before the caller does. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port: 0, host: LOOPBACK, exclusive: true }, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => {
        resolve(port);
      });
    });
  });
}
