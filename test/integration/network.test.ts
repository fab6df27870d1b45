import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Check } from '../../src/cli/commands/doctor.js';
import { type ConnectProxy, startConnectProxy } from '../support/connect-proxy.js';
import { manifestOf, role } from '../support/manifests-of.js';
import { type Ended, runScript } from '../support/processes.js';
import { ACCOUNT } from '../support/world.js';

/** Connections of the built package: proxies, sources of credentials, and mistakes in the settings. */

const START_URL = 'https://acme.awsapps.com/start';

let cwd: string;
let proxy: ConnectProxy;

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'iam-bootstrap-network-'));
  proxy = await startConnectProxy();
  writeFileSync(
    join(cwd, 'iam.json'),
    JSON.stringify(manifestOf({ namespace: 'ci', account: ACCOUNT, entities: [role('a')] })),
  );
  mkdirSync(join(cwd, '.aws/sso/cache'), { recursive: true });
  writeFileSync(
    join(cwd, '.aws/config'),
    [
      '[profile sso]',
      `sso_start_url = ${START_URL}`,
      'sso_region = eu-central-1',
      `sso_account_id = ${ACCOUNT}`,
      'sso_role_name = admin',
      '[profile process]',
      'credential_process = sh -c "echo the vault is sealed >&2; exit 3" --secret hunter2',
      '',
    ].join('\n'),
  );
  const token = { accessToken: 'token', expiresAt: new Date(Date.now() + 3_600_000).toISOString() };
  const name = createHash('sha1').update(START_URL).digest('hex');
  writeFileSync(join(cwd, `.aws/sso/cache/${name}.json`), JSON.stringify(token));
});

afterAll(() => {
  proxy.stop();
  rmSync(cwd, { recursive: true });
});

/** Runs `doctor` where no Temporal server is, and returns its check of the credentials. */
async function credentials(env: Readonly<Record<string, string>>): Promise<Check | undefined> {
  const base = { HOME: cwd, TEMPORAL_ADDRESS: '127.0.0.1:1', AWS_EC2_METADATA_DISABLED: 'true' };
  const { stdout } = await runScript('$CLI doctor -o json', { cwd, env: { ...base, ...env } });
  return (JSON.parse(stdout) as { checks: Check[] }).checks.find(({ name }) => name === 'credentials');
}

test('an SSO portal is asked in its own region, through the proxy, and this machine never is', async () => {
  await credentials({ AWS_PROFILE: 'sso', AWS_REGION: 'eu-west-1', HTTPS_PROXY: proxy.url });
  expect(new Set(proxy.targets)).toEqual(new Set(['portal.sso.eu-central-1.amazonaws.com:443']));
});

test('STS is asked in the configured region; a host of NO_PROXY is not reached through the proxy', async () => {
  const keys = { AWS_ACCESS_KEY_ID: 'AKIATEST', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'eu-west-1' };
  const before = proxy.targets.length;
  await credentials({ ...keys, https_proxy: proxy.url });
  expect(new Set(proxy.targets.slice(before))).toEqual(new Set(['sts.eu-west-1.amazonaws.com:443']));
  const after = proxy.targets.length;
  await credentials({ ...keys, https_proxy: proxy.url, NO_PROXY: 'example.com, .amazonaws.com' });
  expect(proxy.targets).toHaveLength(after);
});

test('the message of a credential_process reaches the user, and its command line does not', async () => {
  const { message = '' } = (await credentials({ AWS_PROFILE: 'process' })) ?? {};
  expect(message).toContain('credential_process failed: the vault is sealed');
  expect(message).not.toContain('hunter2');
});

describe('a mistake in the connection to Temporal ends with 64 and names the setting', () => {
  const plan = (env: Readonly<Record<string, string>>): Promise<Ended> =>
    runScript('$CLI plan -f iam.json', { cwd, env: { HOME: cwd, ...env } });

  test.each([
    ['an address with a scheme', { TEMPORAL_ADDRESS: 'https://temporal.example.com' }, 'TEMPORAL_ADDRESS'],
    ['a key with a line break', { TEMPORAL_API_KEY: 'key\n' }, 'TEMPORAL_API_KEY'],
    ['a missing file of a CA', { TEMPORAL_TLS_SERVER_CA_CERT_PATH: '/none.pem' }, '/none.pem'],
    ['a missing profile', { TEMPORAL_PROFILE: 'none' }, "Profile 'none'"],
    ['a proxy that is none', { TEMPORAL_ADDRESS: 'temporal.example.com', https_proxy: 'socks5://a' }, 'https_proxy'],
    ['a CA of AWS that is missing', { TEMPORAL_ADDRESS: '127.0.0.1:1', AWS_CA_BUNDLE: '/none.pem' }, 'AWS_CA_BUNDLE'],
  ] as const)('%s', async (_title, env, named) => {
    const { code, stderr } = await plan({ TEMPORAL_ADDRESS: '127.0.0.1:1', ...env });
    expect(stderr).toContain(named);
    expect(stderr).not.toContain('report it');
    expect(code).toBe(64);
  });

  test('an API key, which switches TLS on, for a server without TLS', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined).end('not TLS');
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    const { code, stderr } = await plan({ TEMPORAL_ADDRESS: `127.0.0.1:${String(port)}`, TEMPORAL_API_KEY: 'key' });
    server.close();
    expect(stderr).toContain('does not speak TLS');
    expect(code).toBe(64);
  });

  test('a server that is not there is none: it is tried again later, and a proxy on the way is named', async () => {
    const away = await plan({ TEMPORAL_ADDRESS: 'temporal.example.com:7233', HTTPS_PROXY: proxy.url });
    expect(away.stderr).toMatch(/through the proxy \S+ of HTTPS_PROXY: it answers CONNECT with 502/);
    expect(away.code).toBe(4);
    expect(proxy.targets).toContain('temporal.example.com:7233');
  });
});
