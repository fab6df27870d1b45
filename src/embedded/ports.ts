import { randomInt } from 'node:crypto';
import { connect } from 'node:net';
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

/**
 * The ports to choose from: none that a system gives to outgoing connections (from 32768 on Linux, from 49152
 * elsewhere). Such a connection could take the port before the caller listens on it.
 */
const CHOICE = { from: 20_000, to: 32_767 } as const;

/** Returns a port that is free at this moment, chosen at random: processes that ask at the same time get different ones. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(CHOICE.from, CHOICE.to);
    if (await isFree(port)) return port;
  }
}
