import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readNetwork } from '../../../src/config/network.js';

/** Proxies and certificates, by variables. */

/** Returns the proxy for Temporal at an address. */
function proxyFor(address: string, no_proxy = ''): string | undefined {
  return readNetwork({ https_proxy: 'http://proxy:3128', no_proxy }).grpcProxy(address)?.address;
}

test.each([
  ['a.com', 'a.com:7233'],
  ['a.com', 'b.a.com:7233'],
  ['a.com.', 'a.com:7233'],
  ['.a.com.', 'b.a.com:7233'],
  ['a.com', 'a.com.:7233'],
  ['a.com.:7233', 'a.com:7233'],
  ['2001:db8::1', '[2001:db8:0:0:0:0:0:1]:7233'],
  ['2001:0DB8:0:0::1', '[2001:db8::1]:7233'],
  ['[2001:db8:0::1]:7233', '[2001:db8::1]:7233'],
  ['2001:db8:0::/32', '[2001:db8::1]:7233'],
  ['::ffff:10.1.2.3', '10.1.2.3:7233'],
  ['10.0.0.0/8', '[::ffff:10.1.2.3]:7233'],
])('no_proxy %s excludes %s', (list, address) => {
  expect(proxyFor(address, list)).toBeUndefined();
});

test.each([
  ['a.com', 'ba.com:7233'],
  ['a.com.:443', 'a.com:7233'],
  ['.', 'a.com:7233'],
  ['2001:db8::1', '[2001:db8::2]:7233'],
  ['::ffff:10.1.2.3', '10.1.2.4:7233'],
])('no_proxy %s does not exclude %s', (list, address) => {
  expect(proxyFor(address, list)).toBe('proxy:3128');
});

test('a list with a lone dot excludes no host, and the one that has no name yet neither', () => {
  const { httpProxy } = readNetwork({ https_proxy: 'http://proxy:3128', no_proxy: '.' });
  expect(httpProxy('https:', '', 0)).toBeDefined();
});

test.each(['localhost', 'localhost.', '127.1.2.3', '[::1]', '[0:0:0:0:0:0:0:1]', '[::ffff:127.0.0.1]'])(
  '%s is this machine, which is never reached through a proxy',
  (host) => {
    expect(proxyFor(`${host}:7233`)).toBeUndefined();
    const { httpProxy } = readNetwork({ https_proxy: 'http://proxy:3128' });
    expect(httpProxy('https:', host, 443)).toBeUndefined();
  },
);

test.each(['AWS_CA_BUNDLE', 'NODE_EXTRA_CA_CERTS'])('%s that names a folder is a mistake with its path', (variable) => {
  const folder = mkdtempSync(join(tmpdir(), 'iam-bootstrap-network-'));
  expect(() => readNetwork({ [variable]: folder })).toThrow(`${variable}: ${folder} is a folder`);
  rmSync(folder, { recursive: true });
});
