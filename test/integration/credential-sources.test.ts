import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Check } from '../../src/cli/commands/doctor-check.js';
import { loadConfig } from '../../src/config/config.js';
import type { Report } from '../../src/contract/report.js';
import type { NamedSetting } from '../../src/contract/setting.js';
import { freePort } from '../../src/embedded/ports.js';
import { ownNetwork } from '../support/checkout.js';
import { type ConnectProxy, startConnectProxy } from '../support/connect-proxy.js';
import { CONTAINER_TOKEN, type FakeCredentials, startFakeCredentials } from '../support/fake-credentials.js';
import { manifestOf, role } from '../support/manifests-of.js';
import { AS_UNKNOWN_USER, runScript } from '../support/processes.js';
import { makePrivateCa, startTlsFront, type TlsFront } from '../support/tls-front.js';
import { ACCOUNT, CLI } from '../support/world.js';

/** Every source of the SDK's credential chain, with the built package. A worker takes the same options as `doctor`. */

/** Runs a command on a machine that is like a container's host. */
const HOST = join(__dirname, '../support/container-host.mjs');

const ROLE = 'arn:aws:iam::111111111111:role';

let cwd: string;
let fake: FakeCredentials;
let proxy: ConnectProxy;

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'iam-bootstrap-sources-'));
  fake = await startFakeCredentials();
  proxy = await startConnectProxy();
  mkdirSync(join(cwd, '.aws'));
  const keys = ['aws_access_key_id = AKIABASE', 'aws_secret_access_key = hunter2'];
  const printed = JSON.stringify({ Version: 1, AccessKeyId: 'AKIAPROCESS', SecretAccessKey: 'hunter2' });
  writeFileSync(join(cwd, 'process.json'), printed);
  writeFileSync(join(cwd, 'token'), 'web-token');
  writeFileSync(
    join(cwd, '.aws/config'),
    [
      ...['[profile base]', ...keys],
      ...['[profile middle]', `role_arn = ${ROLE}/middle`, 'source_profile = base'],
      ...['[profile chain]', `role_arn = ${ROLE}/target`, 'source_profile = middle', 'region = eu-west-1'],
      ...['[profile instance]', `role_arn = ${ROLE}/target`, 'credential_source = Ec2InstanceMetadata'],
      ...['[profile container]', `role_arn = ${ROLE}/target`, 'credential_source = EcsContainer'],
      ...['[profile environment]', `role_arn = ${ROLE}/target`, 'credential_source = Environment'],
      ...['[profile web]', `role_arn = ${ROLE}/web`, `web_identity_token_file = ${join(cwd, 'token')}`],
      ...['[profile process]', `credential_process = cat ${join(cwd, 'process.json')}`],
      ...['[profile asked]', `credential_process = touch ${join(cwd, 'asked')}`],
      ...['[profile fips]', `role_arn = ${ROLE}/target`, 'source_profile = base'],
      ...['region = us-east-2', 'use_fips_endpoint = true', ''],
    ].join('\n'),
  );
});

afterAll(() => {
  fake.stop();
  proxy.stop();
  rmSync(cwd, { recursive: true });
});

interface Diagnosis {
  readonly settings: readonly NamedSetting[];
  readonly checks: readonly Check[];
}

/** Runs `doctor` with AWS at the fake server. A wrong address of Temporal ends that part at once. */
async function diagnose(
  env: Readonly<Record<string, string>>,
  prefix = '',
): Promise<{
  readonly source: string | undefined;
  readonly credentials: Check | undefined;
  readonly connection: Check | undefined;
  readonly printed: string;
}> {
  const base = { HOME: cwd, TEMPORAL_ADDRESS: 'https://none', AWS_EC2_METADATA_SERVICE_ENDPOINT: fake.url };
  const { stdout, stderr } = await runScript(`${prefix} $CLI doctor -o json`, { cwd, env: { ...base, ...env } });
  const { settings, checks } = JSON.parse(stdout) as Diagnosis;
  const setting = settings.find(({ name }) => name === 'aws credentials');
  return {
    source: setting === undefined ? undefined : `${setting.value} from ${setting.source}`,
    credentials: checks.find(({ name }) => name === 'credentials'),
    connection: checks.find(({ name }) => name === 'aws connection'),
    printed: stdout + stderr,
  };
}

const KEYS = { AWS_ACCESS_KEY_ID: 'AKIAENV', AWS_SECRET_ACCESS_KEY: 'hunter2' };

/** The variables that EKS Pod Identity sets. */
function containerOf(url: string): Readonly<Record<string, string>> {
  return { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/container`, AWS_CONTAINER_AUTHORIZATION_TOKEN: CONTAINER_TOKEN };
}

/** Variables of each source, what doctor says of it, the key that calls, and the calls to STS before that. */
const SOURCES: readonly [
  title: string,
  env: (folder: string, url: string) => Readonly<Record<string, string>>,
  source: string,
  key: string,
  calls: readonly string[],
][] = [
  ['access keys in the environment', () => KEYS, 'access keys from AWS_ACCESS_KEY_ID', 'AKIAENV', []],
  [
    'a named profile before access keys in the environment',
    () => ({ ...KEYS, AWS_PROFILE: 'base' }),
    'access keys from profile base',
    'AKIABASE',
    [],
  ],
  [
    'a chain of roles by source_profile',
    () => ({ AWS_PROFILE: 'chain' }),
    `role ${ROLE}/target, with profile middle from profile chain`,
    'ASIA-target',
    ['AssumeRole middle AKIABASE eu-west-1', 'AssumeRole target ASIA-middle eu-west-1'],
  ],
  [
    'a role by credential_source Ec2InstanceMetadata',
    () => ({ AWS_PROFILE: 'instance' }),
    `role ${ROLE}/target, with Ec2InstanceMetadata from profile instance`,
    'ASIA-target',
    ['AssumeRole target AKIAINSTANCE us-east-1'],
  ],
  [
    'a role by credential_source EcsContainer',
    (_folder, url) => ({ AWS_PROFILE: 'container', ...containerOf(url) }),
    `role ${ROLE}/target, with EcsContainer from profile container`,
    'ASIA-target',
    ['AssumeRole target AKIACONTAINER us-east-1'],
  ],
  [
    'a role by credential_source Environment',
    () => ({ ...KEYS, AWS_PROFILE: 'environment' }),
    `role ${ROLE}/target, with Environment from profile environment`,
    'ASIA-target',
    ['AssumeRole target AKIAENV us-east-1'],
  ],
  [
    'web identity in the environment',
    (folder) => ({
      AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, 'token'),
      AWS_ROLE_ARN: `${ROLE}/pod`,
      AWS_REGION: 'eu-west-1',
    }),
    `web identity for ${ROLE}/pod from AWS_WEB_IDENTITY_TOKEN_FILE`,
    'ASIA-pod',
    ['AssumeRoleWithWebIdentity pod web-token unsigned'],
  ],
  [
    'web identity of a profile',
    () => ({ AWS_PROFILE: 'web' }),
    `web identity for ${ROLE}/web from profile web`,
    'ASIA-web',
    ['AssumeRoleWithWebIdentity web web-token unsigned'],
  ],
  [
    'credential_process',
    () => ({ AWS_PROFILE: 'process' }),
    'credential_process from profile process',
    'AKIAPROCESS',
    [],
  ],
  [
    'a container by AWS_CONTAINER_CREDENTIALS_FULL_URI',
    (_folder, url) => containerOf(url),
    'container from AWS_CONTAINER_CREDENTIALS_FULL_URI',
    'AKIACONTAINER',
    [],
  ],
  ['the metadata of an EC2 instance', () => ({}), 'EC2 instance metadata from default', 'AKIAINSTANCE', []],
];

test.each(SOURCES)('%s', async (_title, env, source, key, calls) => {
  const before = fake.calls.length;
  // A proxy for everything: the servers of this machine are never reached through it.
  const proxies = { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url };
  const found = await diagnose({ ...proxies, AWS_ENDPOINT_URL: fake.url, ...env(cwd, fake.url) });
  expect(found.source).toBe(source);
  expect(found.credentials).toMatchObject({ status: 'ok', message: expect.stringContaining(`user/${key},`) as string });
  const asked = fake.calls.slice(before);
  expect(asked.slice(0, calls.length + 1)).toEqual([
    ...calls,
    expect.stringMatching(new RegExp(`^GetCallerIdentity ${key} `)) as string,
  ]);
  expect(found.printed).not.toMatch(/hunter2|web-token|container-token/);
  expect(proxy.targets).toEqual([]);
});

test('a container by AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, at the address that ECS gives it, past the proxy', async () => {
  const script = `ip address add 169.254.170.2/32 dev lo && exec node ${HOST} ${fake.socket} "$@"`;
  const env = {
    AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/container',
    AWS_CONTAINER_AUTHORIZATION_TOKEN: CONTAINER_TOKEN,
    AWS_ENDPOINT_URL: 'http://127.0.0.1',
    HTTP_PROXY: 'http://127.0.0.1:1',
  };
  const { source, credentials } = await diagnose(env, `${await ownNetwork()} sh -c '${script}' sh`);
  expect(source).toBe('container from AWS_CONTAINER_CREDENTIALS_RELATIVE_URI');
  expect(credentials).toMatchObject({
    status: 'ok',
    message: expect.stringContaining('user/AKIACONTAINER,') as string,
  });
});

describe('an endpoint with a certificate of a private CA', () => {
  let front: TlsFront;
  let there: ConnectProxy;

  beforeAll(async () => {
    await makePrivateCa(cwd, 'aws.example.com');
    front = await startTlsFront(cwd, Number(new URL(fake.url).port));
    there = await startConnectProxy({ 'aws.example.com:443': front.port });
  });
  afterAll(() => {
    there.stop();
    front.stop();
  });

  test.each(['AWS_CA_BUNDLE', 'NODE_EXTRA_CA_CERTS'])('is trusted with %s, also through a proxy', async (variable) => {
    const before = there.targets.length;
    const direct = { AWS_ENDPOINT_URL: `https://localhost:${String(front.port)}` };
    const excluded = { ...direct, HTTPS_PROXY: there.url };
    const proxied = { AWS_ENDPOINT_URL: 'https://aws.example.com', HTTPS_PROXY: there.url };
    for (const endpoint of [direct, excluded, proxied]) {
      const { credentials } = await diagnose({ ...KEYS, ...endpoint, [variable]: join(cwd, 'ca.pem') });
      expect(credentials).toMatchObject({ status: 'ok', message: expect.stringContaining('user/AKIAENV,') as string });
    }
    expect(new Set(there.targets.slice(before))).toEqual(new Set(['aws.example.com:443']));
  });

  test('is not trusted without them, and the variables are named', async () => {
    const { connection } = await diagnose({ ...KEYS, AWS_ENDPOINT_URL: `https://localhost:${String(front.port)}` });
    expect(connection).toMatchObject({
      message: expect.stringContaining('the certificate of the other side is not trusted') as string,
      remedy: expect.stringContaining('set AWS_CA_BUNDLE, or NODE_EXTRA_CA_CERTS,') as string,
    });
  });
});

test('a user whom the system does not know, without HOME, has the credentials of the environment', async () => {
  const env = { ...KEYS, AWS_ENDPOINT_URL: fake.url, HOME: '' };
  const { credentials } = await diagnose(env, AS_UNKNOWN_USER);
  expect(credentials).toMatchObject({ status: 'ok', message: expect.stringContaining('user/AKIAENV,') as string });
});

test('dev --sandbox asks no source of credentials, whatever profile and endpoint are set', async () => {
  const { cacheDirectory, environment } = loadConfig();
  const env = {
    PATH: environment['PATH'] ?? '',
    HOME: cwd,
    IAM_BOOTSTRAP_CACHE: cacheDirectory,
    AWS_PROFILE: 'asked',
    AWS_ENDPOINT_URL_IAM: fake.url,
    AWS_USE_FIPS_ENDPOINT: 'true',
  };
  const before = fake.calls.length;
  const [port, uiPort] = [await freePort(), await freePort()].map(String);
  const child = spawn(process.execPath, [CLI, 'dev', '--sandbox', '--port', port ?? '', '--ui-port', uiPort ?? ''], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) if (line.startsWith('Press Ctrl-C')) break;
  writeFileSync(
    join(cwd, 'iam.json'),
    JSON.stringify(manifestOf({ namespace: 'ci', account: ACCOUNT, entities: [role('a')] })),
  );
  const apply = await runScript('$CLI apply -f iam.json -o json', {
    cwd,
    env: { HOME: cwd, TEMPORAL_ADDRESS: `127.0.0.1:${port ?? ''}` },
  });
  child.kill('SIGINT');
  expect(await ended).toEqual([0, null]);
  expect([apply.code, (JSON.parse(apply.stdout) as Report).result]).toEqual([0, 'converged']);
  expect(existsSync(join(cwd, 'asked'))).toBe(false);
  expect(fake.calls).toHaveLength(before);
});

test('STS is asked at its regional endpoint and at the FIPS endpoint of the profile, for the chain of roles as well', async () => {
  await diagnose({ AWS_PROFILE: 'fips', AWS_STS_REGIONAL_ENDPOINTS: 'legacy', HTTPS_PROXY: proxy.url });
  expect(new Set(proxy.targets)).toEqual(new Set(['sts-fips.us-east-2.amazonaws.com:443']));
});
