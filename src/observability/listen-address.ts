import { createServer } from 'node:net';

const WILDCARD = '[::]:';

/** Codes of a bind to it where the system has no IPv6. */
const NO_IPV6 = ['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'];

/**
 * Returns the address to listen on: `0.0.0.0` in place of `[::]` where the system has IPv6 disabled, as a node that was
 * started with `ipv6.disable=1`. Both mean all addresses of this machine.
 */
export async function listenAddress(
  address: string | undefined,
  log: { info(fields: object, text: string): void },
): Promise<string | undefined> {
  if (address?.startsWith(WILDCARD) !== true || (await hasIpv6())) return address;
  log.info({ address }, 'IPv6 is disabled here: listening on 0.0.0.0 in place of [::]');
  return address.replace(WILDCARD, '0.0.0.0:');
}

/** Reports whether all addresses of this machine can be listened on by IPv6. */
async function hasIpv6(): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', ({ code = '' }: NodeJS.ErrnoException) => {
      resolve(!NO_IPV6.includes(code));
    });
    server.listen(0, '::', () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
