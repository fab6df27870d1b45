import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { IAM } from '@aws-sdk/client-iam';
import { startFaultProxy } from '../support/fault-proxy.js';
import type { FaultProxy } from '../support/fault-proxy.js';
import { trusting } from '../support/manifests-of.js';
import { iamClient, startSandbox } from '../support/sandbox.js';
import type { TestSandbox } from '../support/sandbox.js';

let sandbox: TestSandbox;
let proxy: FaultProxy;
/** Through the proxy. */
let iam: IAM;

beforeAll(async () => {
  sandbox = await startSandbox();
  proxy = await startFaultProxy(sandbox.url);
  iam = iamClient(proxy.url);
  // The first run makes the sandbox's Python environment.
}, 300_000);

afterAll(async () => {
  await proxy.stop();
  await sandbox.stop();
});

beforeEach(async () => {
  await sandbox.reset();
  proxy.clearRules();
  proxy.clear();
});

const TRUST = JSON.stringify(trusting());
const create = (RoleName: string, client = iam) => client.createRole({ RoleName, AssumeRolePolicyDocument: TRUST });

/** Code of the failure, or `ok`. */
async function outcome(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'ok';
  } catch (error) {
    const { Code, name, message } = error as Error & { Code?: string };
    // In Jest's own realm the SDK takes a network error for something else than an error, and wraps it: of its code
    // only the message is left.
    return Code ?? (/ECONNRESET|socket hang up/.test(message) ? 'connection lost' : name);
  }
}

/** What the sandbox itself saw. */
async function arrived(): Promise<string[]> {
  return (await sandbox.journal()).map(({ action, status }) => `${action} ${String(status)}`);
}

test('passes calls on and counts them', async () => {
  await create('a');
  expect(await outcome(create('a'))).toBe('EntityAlreadyExists');
  await create('b');
  await iam.createUser({ UserName: 'u' });
  await iam.listRoles({});
  const { $metadata } = await iam.getRole({ RoleName: 'a' });

  expect(proxy.count()).toBe(6);
  expect(proxy.count('CreateRole')).toBe(3);
  expect(proxy.count(/^(Get|List)/)).toBe(2);
  expect(proxy.countBy()).toEqual({ CreateRole: 3, CreateUser: 1, ListRoles: 1, GetRole: 1 });
  expect(proxy.writes()).toHaveLength(4);
  expect(proxy.successfulCreates()).toEqual({ 'CreateRole a': 1, 'CreateRole b': 1, 'CreateUser u': 1 });
  expect(proxy.calls[1]).toMatchObject({
    seq: 2,
    action: 'CreateRole',
    params: { RoleName: 'a' },
    committed: false,
    replied: true,
    status: 409,
    code: 'EntityAlreadyExists',
  });
  expect(proxy.calls[5]?.requestId).toBe($metadata.requestId);
  proxy.clear();
  expect(proxy.calls).toEqual([]);
});

test("passes the sandbox's own pages, which are no calls", async () => {
  await create('a');
  const journal: unknown = await (await fetch(`${proxy.url}/sandbox/journal`)).json();
  expect(journal).toHaveLength(1);
  expect(proxy.count()).toBe(1);
});

test('breaks the connection before the call is carried out', async () => {
  const rule = proxy.on({ action: 'CreateRole' }, { kind: 'reset-before', times: 1 });
  expect(await outcome(create('a'))).toBe('connection lost');
  expect(proxy.calls[0]).toMatchObject({ committed: false, replied: false });
  expect(await arrived()).toEqual([]);
  expect(rule.fired).toBe(1);
  expect(await outcome(create('a'))).toBe('ok');
});

test('breaks it after', async () => {
  proxy.on({ action: 'CreateRole' }, { kind: 'reset-after', times: 1 });
  expect(await outcome(create('a'))).toBe('connection lost');
  expect(proxy.calls[0]).toMatchObject({ committed: true, replied: false, status: 200 });
  expect(await arrived()).toEqual(['CreateRole 200']);
  expect(proxy.successfulCreates()).toEqual({ 'CreateRole a': 1 });
});

test('errors, before and after the commit', async () => {
  proxy.on({ action: 'CreateRole' }, { kind: 'error', status: 409, code: 'ConcurrentModification', times: 1 });
  expect(await outcome(create('a'))).toBe('ConcurrentModification');
  expect(await arrived()).toEqual([]);
  proxy.on({ action: 'CreateRole' }, { kind: 'error-after-commit', times: 1 });
  expect(await outcome(create('a'))).toBe('ServiceFailure');
  expect(await arrived()).toEqual(['CreateRole 200']);
  expect(proxy.calls[1]).toMatchObject({ committed: true, replied: true, status: 500, code: 'ServiceFailure' });
  expect(await outcome(create('a'))).toBe('EntityAlreadyExists');
});

test('throttles and lags behind, so many times', async () => {
  proxy.on({}, { kind: 'throttle', times: 2 });
  expect([await outcome(create('a')), await outcome(create('a')), await outcome(create('a'))]).toEqual([
    'Throttling',
    'Throttling',
    'ok',
  ]);
  proxy.on({}, { kind: 'stale-not-found', times: 1 });
  expect(await outcome(create('b'))).toBe('ok');
  expect(await outcome(iam.getRole({ RoleName: 'b' }))).toBe('NoSuchEntity');
  expect(await outcome(iam.getRole({ RoleName: 'b' }))).toBe('ok');
});

test('delays and hangs', async () => {
  proxy.on({ action: 'ListRoles' }, { kind: 'delay', ms: 200 });
  const started = Date.now();
  await iam.listRoles({});
  expect(Date.now() - started).toBeGreaterThanOrEqual(190);

  proxy.on({ action: 'CreateRole' }, { kind: 'hang', when: 'after' });
  const hanging = iam.createRole(
    { RoleName: 'a', AssumeRolePolicyDocument: TRUST },
    { abortSignal: AbortSignal.timeout(300) },
  );
  expect(await outcome(hanging)).toBe('AbortError');
  expect(proxy.calls.at(-1)).toMatchObject({ committed: true, replied: false });
});

test.each([false, true])('cuts the reply in the middle (framed: %j), and what was done is done', async (framed) => {
  proxy.on({ action: 'CreateRole' }, { kind: 'truncate', framed, times: 1 });
  expect(await outcome(create('a'))).not.toBe('ok');
  expect(proxy.calls[0]).toMatchObject({ committed: true, status: 200 });
  expect(await arrived()).toEqual(['CreateRole 200']);
  expect(await outcome(create('b'))).toBe('ok');
});

test('a fault for a while begins with the first call that it meets', async () => {
  const rule = proxy.on({ action: 'ListRoles' }, { kind: 'throttle', forMs: 300 });
  await sleep(350);
  const startedAt = Date.now();
  expect(await outcome(iam.listRoles({}))).toBe('Throttling');
  while ((await outcome(iam.listRoles({}))) !== 'ok') await sleep(20);
  expect(Date.now() - startedAt).toBeGreaterThanOrEqual(290);
  expect(rule.fired).toBeGreaterThan(1);
});

test('credentials that expire are no good for any call, until others are assumed', async () => {
  const mine = iamClient(proxy.url, '222222222222');
  await create('a', mine);
  expect(proxy.calls.map(({ action, account }) => [action, account])).toEqual([
    ['AssumeRole', '222222222222'],
    ['CreateRole', '222222222222'],
  ]);
  proxy.on({ action: 'CreateRole', account: '222222222222' }, { kind: 'expire' });
  expect(await outcome(create('b', mine))).toBe('ExpiredToken');
  expect(await outcome(mine.listRoles({}))).toBe('ExpiredToken');
  expect(await outcome(iam.listRoles({}))).toBe('ok');
  const assumedAgain = iamClient(proxy.url, '222222222222');
  expect(await outcome(assumedAgain.listRoles({}))).toBe('ok');
  expect(proxy.calls.at(-1)?.accessKeyId).not.toBe(proxy.calls[1]?.accessKeyId);
});

/** What a look at a role by its name, and a listing, show. */
async function shows(RoleName: string): Promise<{ get: string; listed: boolean }> {
  const { Roles = [] } = await iam.listRoles({});
  return { get: await outcome(iam.getRole({ RoleName })), listed: Roles.some((one) => one.RoleName === RoleName) };
}

test('what is made does not show for so many reads, then flickers, and what was there shows all along', async () => {
  await create('old');
  const rule = proxy.on({}, { kind: 'lag', of: 'gets', reads: 2, flicker: 4 });
  expect(await outcome(create('new'))).toBe('ok');
  const seen: string[] = [];
  for (let read = 0; read < 8; read += 1) seen.push((await shows('new')).get === 'ok' ? 'shown' : 'hidden');
  expect(seen).toEqual(['hidden', 'hidden', 'shown', 'hidden', 'shown', 'hidden', 'shown', 'shown']);
  expect(await shows('new')).toEqual({ get: 'ok', listed: true });
  expect(await shows('old')).toEqual({ get: 'ok', listed: true });
  expect(rule.fired).toBe(4);
  // What is part of it hides with it, and something else of its name does not.
  await create('newer');
  await iam.createUser({ UserName: 'newer' });
  expect(await outcome(iam.listRolePolicies({ RoleName: 'newer' }))).toBe('NoSuchEntity');
  expect(await outcome(iam.listAccessKeys({ UserName: 'newer' }))).toBe('ok');
});

test('listings lag behind', async () => {
  await create('old');
  await iam.createInstanceProfile({ InstanceProfileName: 'profile' });
  proxy.on({}, { kind: 'lag', of: 'lists', reads: 4 });
  await create('new');
  await iam.addRoleToInstanceProfile({ InstanceProfileName: 'profile', RoleName: 'new' });
  expect(await shows('new')).toEqual({ get: 'ok', listed: false });
  expect(await shows('old')).toEqual({ get: 'ok', listed: true });
  const { RoleDetailList = [] } = await iam.getAccountAuthorizationDetails({});
  expect(RoleDetailList.map(({ RoleName }) => RoleName)).toEqual(['old']);
  // Others that hold it are there.
  const { InstanceProfiles = [] } = await iam.listInstanceProfiles({});
  expect(InstanceProfiles.map(({ Roles }) => Roles?.map(({ RoleName }) => RoleName))).toEqual([['new']]);
  expect(await shows('new')).toEqual({ get: 'ok', listed: false });
  expect(await shows('new')).toEqual({ get: 'ok', listed: true });
});

test('what AWS names lags behind by its ID', async () => {
  await iam.createUser({ UserName: 'u' });
  await iam.createAccessKey({ UserName: 'u' });
  proxy.on({}, { kind: 'lag', reads: 1 });
  await iam.createAccessKey({ UserName: 'u' });
  const keys = async (): Promise<number> =>
    (await iam.listAccessKeys({ UserName: 'u' })).AccessKeyMetadata?.length ?? 0;
  expect([await keys(), await keys()]).toEqual([1, 2]);
  await iam.createOpenIDConnectProvider({ Url: 'https://lag.example.com', ThumbprintList: ['0'.repeat(40)] });
  const providers = async (): Promise<number> =>
    (await iam.listOpenIDConnectProviders({})).OpenIDConnectProviderList?.length ?? 0;
  expect([await providers(), await providers()]).toEqual([0, 1]);
});

test('trust policies show unique IDs for principals', async () => {
  const { User } = await iam.createUser({ UserName: 'u', Path: '/people/' });
  const AssumeRolePolicyDocument = JSON.stringify(trusting({ AWS: User?.Arn ?? '' }));
  await iam.createRole({ RoleName: 'a', AssumeRolePolicyDocument });
  const principal = async (): Promise<unknown> => {
    const { Role } = await iam.getRole({ RoleName: 'a' });
    return /"AWS":"([^"]*)"/.exec(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ''))?.[1];
  };
  proxy.on({ action: 'GetRole' }, { kind: 'unique-ids', times: 1 });
  expect(await principal()).toBe('AIDAEXAMPLEEXAMPLE123');
  expect(await principal()).toBe(User?.Arn);
});

test('matches by parameter, by number, by predicate', async () => {
  proxy.on({ params: { RoleName: 'x' } }, { kind: 'throttle' });
  proxy.on({ action: /^Create/, nth: 3 }, { kind: 'throttle' });
  const odd = proxy.on({ predicate: ({ params }) => params['UserName'] === 'odd' }, { kind: 'throttle' });
  expect(await outcome(create('x'))).toBe('Throttling');
  // The first rule decided that call, so that the second one has not seen it.
  const outcomes = [];
  for (const name of ['a', 'b', 'c', 'd']) outcomes.push(await outcome(create(name)));
  expect(outcomes).toEqual(['ok', 'ok', 'Throttling', 'ok']);
  expect(await outcome(iam.createUser({ UserName: 'odd' }))).toBe('Throttling');
  odd.remove();
  expect(await outcome(iam.createUser({ UserName: 'odd' }))).toBe('ok');
});

test('a hook runs at the commit, and may drop the call; a later rule has its turn', async () => {
  const seen: string[] = [];
  proxy.on(
    { action: 'CreateRole' },
    {
      kind: 'hook',
      before: async ({ params }) => {
        seen.push(`before ${String(params['RoleName'])}: ${String((await arrived()).length)}`);
        return params['RoleName'] === 'never' ? 'drop' : undefined;
      },
      after: async ({ params, committed }) => {
        seen.push(`after ${String(params['RoleName'])}: ${String((await arrived()).length)} ${String(committed)}`);
        return params['RoleName'] === 'lost' ? 'drop' : 'reply';
      },
    },
  );
  proxy.on({ params: { RoleName: 'failed' } }, { kind: 'error-after-commit' });
  expect(await outcome(create('a'))).toBe('ok');
  expect(await outcome(create('lost'))).toBe('connection lost');
  expect(await outcome(create('never'))).toBe('connection lost');
  expect(await outcome(create('failed'))).toBe('ServiceFailure');
  expect(seen).toEqual([
    'before a: 0',
    'after a: 1 true',
    'before lost: 1',
    'after lost: 2 true',
    'before never: 2',
    'before failed: 2',
    'after failed: 3 true',
  ]);
});

test('a client that is killed in a hook leaves the rest unharmed', async () => {
  const body = new URLSearchParams({ Action: 'CreateUser', Version: '2010-05-08', UserName: 'orphan' }).toString();
  const client = spawn(
    process.execPath,
    [
      '-e',
      `fetch('${proxy.url}', { method: 'POST', headers: { authorization: 'Credential=AKIATEST/' }, body: '${body}' })`,
    ],
    { stdio: 'ignore' },
  );
  const exited = once(client, 'exit');
  proxy.on(
    { action: 'CreateUser' },
    {
      kind: 'hook',
      after: async () => {
        client.kill('SIGKILL');
        await exited;
      },
    },
  );
  await exited;
  expect(await outcome(iam.getUser({ UserName: 'orphan' }))).toBe('ok');
  expect(proxy.calls[0]).toMatchObject({ action: 'CreateUser', committed: true, replied: false });
});

test('concurrent calls pass side by side', async () => {
  const outcomes = await Promise.all(Array.from({ length: 100 }, (_, n) => outcome(create(`r${String(n % 50)}`))));
  expect(outcomes.filter((one) => one === 'ok')).toHaveLength(50);
  expect(outcomes.filter((one) => one === 'EntityAlreadyExists')).toHaveLength(50);
  expect(Object.values(proxy.successfulCreates())).toEqual(Array<number>(50).fill(1));
});

test('stops though a call hangs', async () => {
  const own = await startFaultProxy(sandbox.url);
  own.on({}, { kind: 'hang' });
  const hanging = outcome(create('a', iamClient(own.url)));
  const deadline = Date.now() + 10_000;
  while (own.count() === 0 && Date.now() < deadline) await sleep(10);
  await own.stop();
  expect(await hanging).toBe('connection lost');
});
