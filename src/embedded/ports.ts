import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { hasCode } from './error.js';

/** The one interface that the embedded servers listen on. */
export const LOOPBACK = '127.0.0.1';

/**
 * Whether nobody listens on this port of this machine. Asked by a connection: to listen there for a moment, as the
 * servers do, would look to others who ask at that moment as if somebody did.
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

/** A port on which nobody listens at this moment. Somebody may take it before its user does. */
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
