import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { IAM } from '@aws-sdk/client-iam';
import { startFaultProxy } from '../support/fault-proxy.js';
import type { FaultProxy } from '../support/fault-proxy.js';
import { iamClient, startSandbox } from '../support/sandbox.js';
import type { TestSandbox } from '../support/sandbox.js';

let sandbox: TestSandbox;
let proxy: FaultProxy;
/** Through the proxy. */
let iam: IAM;

jest.setTimeout(60_000);

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

const TRUST = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: '*', Action: 'sts:AssumeRole' }],
});
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
