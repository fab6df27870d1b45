import { Server } from 'node:net';
import { listenAddresses } from '../../../src/observability/listen-address.js';

afterEach(() => {
  jest.restoreAllMocks();
});

/** Has every bind to an IPv6 address fail with a code. */
function failIpv6(code: string): void {
  jest.spyOn(Server.prototype, 'listen').mockImplementation(function (this: Server) {
    process.nextTick(() => this.emit('error', Object.assign(new Error(code), { code })));
    return this;
  });
}

/** Returns the addresses that are used, and the lines that are logged. */
async function used(addresses: readonly (string | undefined)[]): Promise<{ addresses: unknown; lines: string[] }> {
  const lines: string[] = [];
  const log = { info: (_fields: object, text: string): unknown => lines.push(text) };
  return { addresses: await listenAddresses(addresses, log), lines };
}

test('addresses stay as they are where IPv6 is there', async () => {
  const given = ['[::]:8080', undefined];
  expect(await used(given)).toEqual({ addresses: given, lines: [] });
});

test.each(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'])(
  'where IPv6 is disabled (%s), all addresses of IPv4 are used in place of [::], and the log says so',
  async (code) => {
    failIpv6(code);
    const { addresses, lines } = await used(['[::]:8080', '[::]:9464']);
    expect(addresses).toEqual(['0.0.0.0:8080', '0.0.0.0:9464']);
    expect(lines).toEqual(['IPv6 is disabled here: listening on 0.0.0.0 in place of [::]']);
  },
);

test('an address that a person has chosen is used as it is, and another failure is left to its listener', async () => {
  failIpv6('EAFNOSUPPORT');
  const chosen = ['[::1]:8080', '127.0.0.1:9464'];
  expect(await used(chosen)).toEqual({ addresses: chosen, lines: [] });
  failIpv6('EMFILE');
  expect(await used(['[::]:8080'])).toEqual({ addresses: ['[::]:8080'], lines: [] });
});
