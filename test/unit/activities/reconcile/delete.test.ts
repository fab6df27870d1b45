import { reconcileRequest, runAttempt } from '../../../support/activity.js';
import { desired } from '../../../support/desired.js';
import { FakeAccount, OWNED_TAGS } from '../../../support/fake-account.js';

const ABSENT = desired('Role', 'deploy', { roleName: 'deploy' }, { state: 'absent' });
const DELETE = reconcileRequest(ABSENT, { action: 'delete' });

let account: FakeAccount;

beforeEach(() => {
  account = new FakeAccount();
  account.add('Role/deploy', { tags: OWNED_TAGS });
});

test('deletes an entity of the namespace, and records the write in a heartbeat before it is sent', async () => {
  const { result, heartbeats } = await runAttempt(account, 'deleteEntity', DELETE);
  expect(result).toMatchObject({ decision: { action: 'delete' }, writes: [{ operation: 'DeleteRole' }] });
  expect(account.items.size).toBe(0);
  expect(heartbeats[0]?.sent).toMatchObject([{ operation: 'DeleteRole', requestId: null }]);
});

test('attempt 2 reports what attempt 1 deleted with a lost reply', async () => {
  account.failNext('DeleteRole', 'ECONNRESET', { isCarriedOut: true });
  const first = await runAttempt(account, 'deleteEntity', DELETE);
  expect(first.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
  const second = await runAttempt(account, 'deleteEntity', DELETE, { info: first.next });
  expect(second.result).toMatchObject({ decision: { action: 'delete' }, writes: [{ operation: 'DeleteRole' }] });
  expect(account.writes).toEqual(['DeleteRole']);
});

test('attempt 2 does not call deleted what lost its tags after attempt 1, and says that it may be incomplete', async () => {
  const entity = { ...ABSENT, state: 'destroyed' as const };
  const planned = { action: 'delete' as const, lines: ['all:lines'] };
  const request = reconcileRequest(entity, { action: 'delete', planned });
  account.failNext('DeleteRole', 'ECONNRESET');
  const { next } = await runAttempt(account, 'deleteEntity', request);
  account.add('Role/deploy', { tags: {} });
  const { result } = await runAttempt(account, 'deleteEntity', request, { info: next });
  expect(result).toMatchObject({ decision: { action: 'refuse' } });
  expect(result?.decision.reason).toMatch(/^an earlier attempt to delete it was interrupted.*it has no owner$/);
  expect(result).not.toHaveProperty('deleted');
  expect(account.items.size).toBe(1);
});

test('refuses what another namespace took over since the plan', async () => {
  account.add('Role/deploy', { tags: { 'iam-bootstrap:namespace': 'other' } });
  const { result } = await runAttempt(account, 'deleteEntity', DELETE);
  expect(result?.decision.action).toBe('refuse');
  expect(account.writes).toEqual([]);
});

test('deletes nothing while another entity depends on it, and is repeated for a while', async () => {
  account.add('InstanceProfile/web');
  const early = await runAttempt(account, 'deleteEntity', DELETE);
  expect(early.failure).toMatchObject({ type: 'InUse', nonRetryable: false });
  const info = { ...early.next, scheduledTimestampMs: Date.now() - 60_000 };
  const late = await runAttempt(account, 'deleteEntity', DELETE, { info });
  expect(late.failure).toMatchObject({ type: 'InUse', nonRetryable: true });
  expect(late.failure?.message).toContain('still attached to InstanceProfile/web');
  expect(account.writes).toEqual([]);
});

test('sends nothing once the lease is lost or the activity is cancelled', async () => {
  const lease = (): Promise<void> => Promise.reject(Object.assign(new Error(), { name: 'ActivityPausedError' }));
  const lost = await runAttempt(account, 'deleteEntity', DELETE, { lease });
  expect(lost.failure?.message).toMatch(/^lease lost/);
  const onStart = (environment: { cancel(): void }): void => {
    environment.cancel();
  };
  const cancelled = await runAttempt(account, 'deleteEntity', DELETE, { onStart });
  expect(cancelled.failure?.name).toBe('CancelledFailure');
  expect(account.writes).toEqual([]);
});
