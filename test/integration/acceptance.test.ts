import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { acceptance } from '../acceptance/command.js';
import { startGateway } from '../acceptance/gateway.js';
import { replayRecording } from '../acceptance/recordings.js';
import type { Differences } from '../acceptance/recordings.js';
import { createAwsClients } from '../../src/aws/clients.js';
import { iamClient, startSandbox } from '../support/sandbox.js';
import type { TestSandbox } from '../support/sandbox.js';

const ACCOUNT = '111111111111';
const ROOT = resolve(__dirname, '../..');

let sandbox: TestSandbox;
let directory: string;

beforeAll(async () => {
  process.env['AWS_ACCESS_KEY_ID'] = 'test';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'test';
  sandbox = await startSandbox({ account: ACCOUNT });
  directory = await mkdtemp(join(tmpdir(), 'iam-bootstrap-acceptance-'));
});
beforeEach(() => sandbox.reset());
afterAll(async () => {
  await sandbox.stop();
  await rm(directory, { recursive: true, force: true });
});

/** Runs the command in this process. */
async function run(...args: readonly string[]) {
  return runUntil(new AbortController().signal, ...args);
}

/** Runs the command in this process until a signal ends it. */
async function runUntil(signal: AbortSignal, ...args: readonly string[]) {
  let [out, err] = ['', ''];
  const streams = { out: (text: string) => (out += text), err: (text: string) => (err += text) };
  const code = await acceptance(['--account', ACCOUNT, '--output', directory, ...args], {}, streams, signal);
  return { code, out, err };
}

async function file(name: string): Promise<string> {
  return readFile(join(directory, name), 'utf8');
}

/** The ledgers of runs that have left something. */
async function ledgers(): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name.startsWith('acceptance-ledger-'));
}

/** Counts the entities of the emulator, without the command. */
async function entitiesLeft(): Promise<string[]> {
  const iam = iamClient(sandbox.url);
  const [roles, users, groups, policies, profiles, oidc, saml, certificates, devices, aliases] = await Promise.all([
    iam.listRoles({}),
    iam.listUsers({}),
    iam.listGroups({}),
    iam.listPolicies({ Scope: 'Local' }),
    iam.listInstanceProfiles({}),
    iam.listOpenIDConnectProviders({}),
    iam.listSAMLProviders({}),
    iam.listServerCertificates({}),
    iam.listVirtualMFADevices({}),
    iam.listAccountAliases({}),
  ]);
  return [
    ...(roles.Roles ?? []).map(({ Arn }) => Arn),
    ...(users.Users ?? []).map(({ Arn }) => Arn),
    ...(groups.Groups ?? []).map(({ Arn }) => Arn),
    ...(policies.Policies ?? []).map(({ Arn }) => Arn),
    ...(profiles.InstanceProfiles ?? []).map(({ Arn }) => Arn),
    ...(oidc.OpenIDConnectProviderList ?? []).map(({ Arn }) => Arn),
    ...(saml.SAMLProviderList ?? []).map(({ Arn }) => Arn),
    ...(certificates.ServerCertificateMetadataList ?? []).map(({ Arn }) => Arn),
    ...(devices.VirtualMFADevices ?? []).map(({ SerialNumber }) => SerialNumber),
    ...(aliases.AccountAliases ?? []),
  ].map(String);
}

test('every law passes on the sandbox, known assumptions differ, nothing is left, and the files are redacted', async () => {
  const iam = iamClient(sandbox.url);
  // Service-linked roles do not count.
  await iam.createServiceLinkedRole({ AWSServiceName: 'autoscaling.amazonaws.com' });
  const parts = ['--only', 'assumptions,laws', '--account-settings'];
  const { code, out, err } = await run('--endpoint', sandbox.url, '--title', 'sandbox', ...parts);
  expect(err).not.toContain('refused');
  expect(out).not.toContain('failed  ');
  expect(code).toBe(2);
  expect(await entitiesLeft()).toEqual([expect.stringContaining('AWSServiceRoleForAutoScaling')]);
  await expect(iam.getAccountPasswordPolicy({})).rejects.toThrow('cannot be found');
  expect((await iam.getAccountSummary({})).SummaryMap).toMatchObject({ GlobalEndpointTokenVersion: 1 });
  expect(await ledgers()).toEqual([]);
  const { recordings } = JSON.parse(await file('acceptance-differences.json')) as Differences;
  expect(recordings.map(({ id }) => id)).toEqual(KNOWN);
  for (const name of ['acceptance-report.json', 'acceptance-report.md', 'acceptance-differences.json']) {
    const text = await file(name);
    expect(text).not.toContain(ACCOUNT);
    expect(text).not.toMatch(/iamb-r[a-z0-9]{9}-|AKIA[A-Z0-9]{12}/);
  }
}, 900_000);

test('whole runs keep their promises on the sandbox, and leave nothing', async () => {
  const { code, out } = await run('--endpoint', sandbox.url, '--title', 'sandbox', '--only', 'runs');
  expect(out).not.toContain('failed  ');
  expect(code).toBe(0);
  expect(await entitiesLeft()).toEqual([]);
}, 900_000);

/** Assumptions that the sandbox does not keep: docs/acceptance.md has the reasons. */
const KNOWN = ['P04'];

const TRUST = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
});

test('a run that is killed leaves entities, which --clean lists and deletes, and no others', async () => {
  const iam = iamClient(sandbox.url);
  await iam.createUser({ UserName: 'iamb-alice' });
  const jiti = join(ROOT, 'node_modules/jiti/lib/jiti-cli.mjs');
  const args = [
    '--account',
    ACCOUNT,
    '--endpoint',
    sandbox.url,
    '--only',
    'laws',
    '--output',
    directory,
    '--allow-other-entities',
  ];
  const child = spawn(process.execPath, ['--no-warnings', jiti, 'test/acceptance/main.ts', ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  // Roles are under way.
  for await (const line of createInterface({ input: child.stderr })) if (line.startsWith('names of this run')) break;
  while ((await entitiesLeft()).length < 3) if (child.exitCode !== null) throw new Error('the run has ended');
  child.kill('SIGKILL');
  await exited;
  const left = (await entitiesLeft()).filter((arn) => !arn.endsWith('/iamb-alice'));
  expect(left).not.toEqual([]);

  const listed = await run('--endpoint', sandbox.url, '--list');
  for (const arn of left) expect(listed.out).toContain(arn.slice(arn.lastIndexOf('/') + 1));
  expect(listed.out).not.toContain('alice');
  const [id = ''] = /iamb-r[a-z0-9]{9}/.exec(listed.out) ?? [];
  const [ledger = ''] = await ledgers();
  expect(ledger).toContain(id);
  const { temporary } = JSON.parse((await file(ledger)).split('\n')[0] ?? '') as { temporary: string };
  expect(existsSync(temporary)).toBe(true);
  const cleaned = await run('--endpoint', sandbox.url, '--clean', id);
  expect(cleaned).toMatchObject({ code: 0, out: expect.stringContaining('All of them are deleted') as string });
  for (const arn of left) expect(cleaned.out).toContain(arn.slice(arn.lastIndexOf('/') + 1));
  expect(await entitiesLeft()).toEqual([`arn:aws:iam::${ACCOUNT}:user/iamb-alice`]);
  expect(await ledgers()).toEqual([]);
  expect(existsSync(temporary)).toBe(false);
  expect(await run('--endpoint', sandbox.url, '--clean', id)).toMatchObject({ code: 1, out: 'Nothing to delete.\n' });
});

test('a run that Ctrl-C ends deletes what it has made, and saves its report', async () => {
  const folders = async () =>
    (await readdir(tmpdir())).filter((name) => name.startsWith('iam-bootstrap-acceptance-run-'));
  const before = await folders();
  const stop = new AbortController();
  const ended = runUntil(stop.signal, '--endpoint', sandbox.url, '--only', 'laws', '--kind', 'Group');
  while ((await entitiesLeft()).length < 3);
  stop.abort('SIGINT');
  const { code, err } = await ended;
  expect(err).toContain('ended by SIGINT: deleting what the run has made');
  expect(code).toBe(130);
  expect(await entitiesLeft()).toEqual([]);
  expect(await ledgers()).toEqual([]);
  expect((await folders()).filter((name) => !before.includes(name))).toEqual([]);
  expect(JSON.parse(await file('acceptance-report.json'))).toMatchObject({ ended: 'ended by SIGINT', left: [] });
});

test('what moto alone answers in another way is recorded, and the sandbox answers as assumed', async () => {
  const { code } = await run('--emulator', 'moto', '--only', 'assumptions');
  expect(code).toBe(2);
  const { platform, recordings } = JSON.parse(await file('acceptance-differences.json')) as Differences;
  expect(platform).toBe('moto');
  const recording = recordings.find(({ id }) => id === 'E02');
  expect(recording).toMatchObject({
    observed: { status: 200 },
    expected: { status: 409, code: 'EntityAlreadyExists' },
  });
  if (recording === undefined) return;
  const target = { account: ACCOUNT, partition: 'aws' };
  const clients = createAwsClients(target, { iamEndpoint: sandbox.url, stsEndpoint: sandbox.url });
  const place = { clients, target, start: 'replayed-', settleMs: 0, propagationMs: 0 };
  expect(await replayRecording(place, recording)).toMatchObject({
    verdict: 'differs',
    observed: { status: 409, code: 'EntityAlreadyExists' },
  });
  clients.destroy();
});

test('an account that holds other entities is refused, and nothing is written', async () => {
  await iamClient(sandbox.url).createRole({ RoleName: 'bystander', AssumeRolePolicyDocument: TRUST });
  await iamClient(sandbox.url).createAccountAlias({ AccountAlias: 'acme' });
  const before = (await sandbox.journal()).length;
  const { code, err } = await run('--endpoint', sandbox.url);
  expect({ code, err }).toEqual({ code: 3, err: expect.stringContaining('2 entities') as string });
  expect(err).toContain('Role/bystander, AccountAlias/acme');
  const actions = (await sandbox.journal()).slice(before).map(({ action }) => action);
  expect(actions.filter((action) => !/^(Get|List)/.test(action))).toEqual([]);
});

test('the gateway sends no write to a name outside of the run, and names those that it refused', async () => {
  await iamClient(sandbox.url).createRole({ RoleName: 'bystander', AssumeRolePolicyDocument: TRUST });
  const credentials = () => Promise.resolve({ accessKeyId: 'AKIATEST', secretAccessKey: 'sandbox' });
  const upstream = { account: ACCOUNT, partition: 'aws', endpoint: sandbox.url, credentials };
  const scope = { start: 'iamb-r4k2m9xz-', account: ACCOUNT, partition: 'aws', accountSettings: false };
  const gateway = await startGateway(upstream, scope);
  const before = (await sandbox.journal()).length;
  const iam = iamClient(gateway.url, undefined, gateway.credentials);
  await expect(iam.deleteRole({ RoleName: 'bystander' })).rejects.toThrow('outside of the run');
  await iam.createUser({ UserName: 'iamb-r4k2m9xz-user' });
  await gateway.stop();
  const sent = (await sandbox.journal()).slice(before).map(({ action }) => action);
  expect(sent).toEqual(['GetCallerIdentity', 'CreateUser']);
  expect(gateway.refusals().map(({ action, params }) => [action, params])).toEqual([
    ['DeleteRole', { RoleName: 'bystander' }],
  ]);
});

test('an account that the credentials do not belong to is refused before anything is written', async () => {
  const before = (await sandbox.journal()).length;
  const args = ['--account', '222222222222', '--endpoint', sandbox.url];
  const { code, err } = await run(...args);
  expect({ code, err }).toEqual({ code: 3, err: expect.stringContaining('111111111111') as string });
  const actions = (await sandbox.journal()).slice(before).map(({ action }) => action);
  expect(actions).toEqual(['GetCallerIdentity']);
});
