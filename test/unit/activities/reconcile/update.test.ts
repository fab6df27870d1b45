import { reconcileRequest, ROLE, runAttempt } from '../../../support/activity.js';
import { FakeAccount, OWNED_TAGS } from '../../../support/fake-account.js';

const TAGGED = { ...ROLE, spec: { ...ROLE.spec, tags: { team: 'web' } } };
const UPDATE = reconcileRequest(TAGGED, { action: 'update' });

let account: FakeAccount;

beforeEach(() => {
  account = new FakeAccount();
});

function addRole(tags: Record<string, string> = OWNED_TAGS): void {
  account.add('Role/deploy', {
    tags,
    input: { AssumeRolePolicyDocument: JSON.stringify(ROLE.spec['assumeRolePolicyDocument']) },
  });
}

test('writes what differs, and records the write in a heartbeat before it is sent', async () => {
  addRole();
  const { result, heartbeats } = await runAttempt(account, 'updateEntity', UPDATE);
  expect(result).toMatchObject({ decision: { action: 'update' }, writes: [{ operation: 'TagRole' }], attempt: 1 });
  expect(account.tagsOf('Role/deploy')).toMatchObject({ team: 'web' });
  expect(heartbeats[0]?.sent).toMatchObject([{ operation: 'TagRole', requestId: null }]);
});

test('names in its failure what it wrote before it failed', async () => {
  addRole({ ...OWNED_TAGS, other: 'tag' });
  account.failNext('TagRole', 'AccessDenied');
  const entity = { ...TAGGED, unmanaged: 'remove' as const };
  const { failure } = await runAttempt(account, 'updateEntity', { ...UPDATE, entity });
  expect(failure).toMatchObject({
    type: 'AccessDenied',
    nonRetryable: true,
    details: [{ operation: 'TagRole', code: 'AccessDenied', writes: [{ operation: 'UntagRole' }] }],
  });
});

test('writes nothing where nothing differs', async () => {
  addRole({ ...OWNED_TAGS, team: 'web' });
  const { result, heartbeats } = await runAttempt(account, 'updateEntity', UPDATE);
  expect(result).toMatchObject({ decision: { action: 'no-op' }, writes: [] });
  expect(heartbeats).toEqual([]);
});

test('attempt 2 reports what attempt 1 wrote with a lost reply', async () => {
  addRole();
  account.failNext('TagRole', 'ECONNRESET', { isCarriedOut: true });
  const first = await runAttempt(account, 'updateEntity', UPDATE);
  expect(first.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
  const second = await runAttempt(account, 'updateEntity', UPDATE, { info: first.next });
  expect(second.result).toMatchObject({
    decision: { action: 'update' },
    writes: [{ operation: 'TagRole', requestId: null }],
  });
  expect(account.writes).toEqual(['TagRole']);
});

test('refuses what another namespace took over since the plan', async () => {
  addRole({ 'iam-bootstrap:namespace': 'other' });
  const { result, logs } = await runAttempt(account, 'updateEntity', UPDATE);
  expect(result?.decision.action).toBe('refuse');
  expect(logs).toContainEqual({ level: 'WARN', message: expect.stringContaining('refused Role/deploy') as string });
  expect(account.writes).toEqual([]);
});

test('decides to create what is gone', async () => {
  const { result } = await runAttempt(account, 'updateEntity', UPDATE);
  expect(result?.decision.action).toBe('create');
});

test('is repeated where a replica does not show yet what this run created', async () => {
  const { failure } = await runAttempt(account, 'updateEntity', { ...UPDATE, made: true });
  expect(failure).toMatchObject({ type: 'NotPropagated', nonRetryable: false });
});

test('sends nothing once the lease is lost', async () => {
  addRole();
  const lease = (): Promise<void> => Promise.reject(Object.assign(new Error(), { name: 'ActivityCancelledError' }));
  const { failure, heartbeats } = await runAttempt(account, 'updateEntity', UPDATE, { lease });
  expect(failure?.message).toMatch(/^lease lost/);
  expect(heartbeats.at(-1)).toMatchObject({ sent: [], failedAttempt: 1 });
  expect(account.writes).toEqual([]);
});

test('sends nothing once the activity is cancelled', async () => {
  addRole();
  const onStart = (environment: { cancel(): void }): void => {
    environment.cancel();
  };
  const { failure } = await runAttempt(account, 'updateEntity', UPDATE, { onStart });
  expect(failure?.name).toBe('CancelledFailure');
  expect(account.writes).toEqual([]);
});
