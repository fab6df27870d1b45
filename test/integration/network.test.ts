import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Check } from '../../src/cli/commands/doctor-check.js';
import type { NamedSetting } from '../../src/contract/setting.js';
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
      '[profile secret-region]',
      'region = us-iso-east-1',
      'aws_access_key_id = AKIATEST',
      'aws_secret_access_key = hunter2',
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

/** What `doctor` prints as JSON. */
interface Diagnosis {
  readonly settings: readonly NamedSetting[];
  readonly checks: readonly Check[];
}

/** Runs `doctor`. A wrong address of Temporal ends that part at once. */
async function diagnose(env: Readonly<Record<string, string>>): Promise<Diagnosis> {
  const base = { HOME: cwd, TEMPORAL_ADDRESS: 'https://none', AWS_EC2_METADATA_DISABLED: 'true' };
  const { stdout } = await runScript('$CLI doctor -o json', { cwd, env: { ...base, ...env } });
  return JSON.parse(stdout) as Diagnosis;
}

/** Runs `doctor`, and returns one of its checks. */
async function checked(name: string, env: Readonly<Record<string, string>>): Promise<Check | undefined> {
  return (await diagnose(env)).checks.find((check) => check.name === name);
}

const KEYS = { AWS_ACCESS_KEY_ID: 'AKIATEST', AWS_SECRET_ACCESS_KEY: 'hunter2' };

test('an SSO portal is asked in its own region, through the proxy, and this machine never is', async () => {
  await diagnose({ AWS_PROFILE: 'sso', AWS_REGION: 'eu-west-1', HTTPS_PROXY: proxy.url });
  expect(new Set(proxy.targets)).toEqual(new Set(['portal.sso.eu-central-1.amazonaws.com:443']));
});

test('STS is asked in the configured region; a host of NO_PROXY or no_proxy is not reached through the proxy', async () => {
  const keys = { ...KEYS, AWS_REGION: 'eu-west-1' };
  const before = proxy.targets.length;
  await diagnose({ ...keys, https_proxy: proxy.url });
  expect(new Set(proxy.targets.slice(before))).toEqual(new Set(['sts.eu-west-1.amazonaws.com:443']));
  const after = proxy.targets.length;
  for (const variable of ['NO_PROXY', 'no_proxy']) {
    await diagnose({ ...keys, https_proxy: proxy.url, [variable]: 'example.com, .amazonaws.com' });
  }
  expect(proxy.targets).toHaveLength(after);
});

test('each partition is asked at its own hosts, and nobody is asked for a region that is not known', async () => {
  const before = proxy.targets.length;
  const regions = ['cn-north-1', 'eusc-de-east-1', 'eu-isoe-west-1', 'us-isof-south-1'];
  await Promise.all(regions.map((AWS_REGION) => diagnose({ ...KEYS, AWS_REGION, HTTPS_PROXY: proxy.url })));
  await diagnose({ AWS_PROFILE: 'secret-region', HTTPS_PROXY: proxy.url });
  expect(proxy.targets.slice(before).sort()).toEqual([
    'sts.cn-north-1.amazonaws.com.cn:443',
    'sts.eu-isoe-west-1.cloud.adc-e.uk:443',
    'sts.eusc-de-east-1.amazonaws.eu:443',
    'sts.us-iso-east-1.c2s.ic.gov:443',
    'sts.us-isof-south-1.csp.hci.ic.gov:443',
  ]);
  const after = proxy.targets.length;
  const unknown = { ...KEYS, AWS_REGION: 'xx-made-up-1', HTTPS_PROXY: proxy.url };
  expect(await checked('aws settings', unknown)).toMatchObject({
    status: 'fail',
    message: 'region xx-made-up-1 is of no partition of AWS that is known (AWS_REGION)',
  });
  const worker = await runScript('$CLI worker', {
    cwd,
    env: { HOME: cwd, TEMPORAL_ADDRESS: '127.0.0.1:1', ...unknown },
  });
  expect([worker.code, worker.stderr]).toEqual([64, expect.stringContaining('region xx-made-up-1') as string]);
  expect(proxy.targets).toHaveLength(after);
});

test('a proxy, a network and an endpoint at fault are told from credentials at fault', async () => {
  const asked = (env: Readonly<Record<string, string>>): Promise<Check | undefined> =>
    checked('aws connection', { AWS_REGION: 'eu-west-1', ...env });
  const [byProxy, ofSso, closed, noProxy] = await Promise.all([
    asked({ ...KEYS, https_proxy: proxy.url }),
    asked({ AWS_PROFILE: 'sso', HTTPS_PROXY: proxy.url }),
    asked({ ...KEYS, AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:1' }),
    asked({ ...KEYS, HTTPS_PROXY: 'http://127.0.0.1:1' }),
  ]);
  const { host } = new URL(proxy.url);
  expect(byProxy?.message).toBe(
    `the proxy is at fault, not the credentials: ProxyError: the proxy ${host} of https_proxy does not connect to sts.eu-west-1.amazonaws.com: it answers CONNECT with 502`,
  );
  expect(byProxy?.remedy).toMatch(/^correct https_proxy, .* NO_PROXY$/);
  expect(ofSso?.message).toContain(`the proxy ${host} of HTTPS_PROXY does not connect to portal.sso.eu-central-1`);
  expect(closed?.message).toMatch(/^the network is at fault, not the credentials: ECONNREFUSED/);
  expect(closed?.remedy).toBe('correct AWS_ENDPOINT_URL_STS');
  expect(noProxy?.message).toContain('the proxy 127.0.0.1:1 of HTTPS_PROXY does not connect to sts.eu-west-1');
});

test.each([
  ['an endpoint that is no URL', { AWS_ENDPOINT_URL: 'nonsense' }, 'AWS_ENDPOINT_URL is not the URL of an endpoint'],
  ['a profile that no file has', { AWS_PROFILE: 'nowhere' }, 'AWS_PROFILE names profile nowhere'],
])('%s is named by doctor, and stops a worker with 64', async (_title, env, message) => {
  expect(await checked('aws settings', env)).toMatchObject({
    status: 'fail',
    message: expect.stringContaining(message) as string,
  });
  const worker = await runScript('$CLI worker', { cwd, env: { HOME: cwd, TEMPORAL_ADDRESS: '127.0.0.1:1', ...env } });
  expect([worker.code, worker.stderr]).toEqual([64, expect.stringContaining(message) as string]);
});

test('doctor shows the settings in force and where each comes from, without secrets', async () => {
  writeFileSync(join(cwd, 'temporal.toml'), '[profile.team]\naddress = "127.0.0.1:1"\nnamespace = "iam"\n');
  const env = {
    ...KEYS,
    HOME: cwd,
    TEMPORAL_CONFIG_FILE: join(cwd, 'temporal.toml'),
    TEMPORAL_PROFILE: 'team',
    TEMPORAL_API_KEY: 'hunter2',
    AWS_PROFILE: 'process',
    AWS_ENDPOINT_URL_IAM: 'http://name:hunter2@127.0.0.1:1/',
    HTTPS_PROXY: proxy.url.replace('//', '//name:hunter2@'),
    NO_PROXY: 'example.com',
  };
  const { settings } = JSON.parse((await runScript('$CLI doctor -o json', { cwd, env })).stdout) as Diagnosis;
  const { host } = new URL(proxy.url);
  expect(
    Object.fromEntries(settings.map(({ name, value, source }) => [name, `${value} from ${source}`])),
  ).toMatchObject({
    'temporal address': '127.0.0.1:1 from profile team',
    'temporal namespace': 'iam from profile team',
    'temporal TLS': 'on from TEMPORAL_API_KEY',
    'temporal API key': 'set from TEMPORAL_API_KEY',
    'temporal CA': "Node.js's own from default",
    'temporal proxy': 'none from default',
    'task queue': 'iam-bootstrap from default',
    'aws region': 'us-east-1 from default of partition aws',
    'aws credentials': 'credential_process from profile process',
    'aws endpoint IAM': 'http://127.0.0.1:1 from AWS_ENDPOINT_URL_IAM',
    'aws proxy': `${host} from HTTPS_PROXY`,
    'hosts without proxy': 'example.com from NO_PROXY',
  });
  const { stdout, stderr } = await runScript('$CLI doctor', { cwd, env });
  for (const { name, value, source } of settings) {
    const line = stdout.split('\n').find((found) => found.startsWith(`${name} `)) ?? '';
    expect(line.split(/ {2,}/)).toEqual([name, value, source]);
  }
  expect(JSON.stringify(settings) + stdout + stderr).not.toContain('hunter2');
});

test('the message of a credential_process reaches the user, and its command line does not', async () => {
  const { message = '' } = (await checked('credentials', { AWS_PROFILE: 'process' })) ?? {};
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
    ['a password of a proxy that is not encoded', { HTTPS_PROXY: 'http://ada:100%sure@proxy' }, 'write %25 for a %'],
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
