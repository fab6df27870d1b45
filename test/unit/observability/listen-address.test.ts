import { Server } from 'node:net';
import { listenAddress } from '../../../src/observability/listen-address.js';

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

/** Returns the address that is used, and the lines that are logged. */
async function used(given: string | undefined): Promise<{ address: string | undefined; lines: string[] }> {
  const lines: string[] = [];
  const log = { info: (_fields: object, text: string): unknown => lines.push(text) };
  return { address: await listenAddress(given, log), lines };
}

test.each(['[::]:8080', undefined])('the address %s stays as it is where IPv6 is there', async (address) => {
  expect(await used(address)).toEqual({ address, lines: [] });
});

test.each(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'])(
  'where IPv6 is disabled (%s), all addresses of IPv4 are used in place of [::], and the log says so',
  async (code) => {
    failIpv6(code);
    const { address, lines } = await used('[::]:8080');
    expect(address).toBe('0.0.0.0:8080');
    expect(lines).toEqual(['IPv6 is disabled here: listening on 0.0.0.0 in place of [::]']);
  },
);

test('an address that a person has chosen is used as it is, and another failure is left to its listener', async () => {
  failIpv6('EAFNOSUPPORT');
  for (const address of ['[::1]:8080', '127.0.0.1:9464']) expect(await used(address)).toEqual({ address, lines: [] });
  failIpv6('EMFILE');
  expect(await used('[::]:8080')).toEqual({ address: '[::]:8080', lines: [] });
});
