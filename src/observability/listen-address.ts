import { createServer } from 'node:net';

const WILDCARD = '[::]:';

/** Codes of a bind to it where the system has no IPv6. */
const NO_IPV6 = ['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'];

/**
 * Returns the addresses to listen on: `0.0.0.0` in place of `[::]` where the system has IPv6 disabled, as a node that was
 * started with `ipv6.disable=1`. Both mean all addresses of this machine.
 */
export async function listenAddresses<T extends readonly (string | undefined)[]>(
  addresses: T,
  log: { info(fields: object, text: string): void },
): Promise<{ [K in keyof T]: string | undefined }> {
  const isWildcard = (address: string | undefined): boolean => address?.startsWith(WILDCARD) === true;
  if (!addresses.some(isWildcard) || (await hasIpv6())) return [...addresses] as never;
  log.info({ addresses: addresses.filter(isWildcard) }, 'IPv6 is disabled here: listening on 0.0.0.0 in place of [::]');
  return addresses.map((address) => (isWildcard(address) ? address?.replace(WILDCARD, '0.0.0.0:') : address)) as never;
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
