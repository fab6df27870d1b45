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
    details: [
      {
        operation: 'TagRole',
        code: 'AccessDenied',
        writes: [{ operation: 'UntagRole', requestId: 'request-of-UntagRole' }],
        remainingWrites: ['TagRole deploy'],
        decision: { action: 'update', drift: [{ path: 'tags.team' }, { path: 'tags.other' }] },
      },
    ],
  });
});

test('reports to its run what an attempt wrote that is repeated, once for the same writes', async () => {
  addRole({ ...OWNED_TAGS, other: 'tag' });
  const request = { ...UPDATE, entity: { ...TAGGED, unmanaged: 'remove' as const } };
  account.failNext('TagRole', 'ServiceUnavailable');
  const first = await runAttempt(account, 'updateEntity', request);
  expect(first.failure?.nonRetryable ?? false).toBe(false);
  expect(first.signals).toMatchObject([
    { writes: [{ operation: 'UntagRole', requestId: 'request-of-UntagRole' }], remainingWrites: ['TagRole deploy'] },
  ]);
  account.failNext('TagRole', 'ServiceUnavailable');
  const second = await runAttempt(account, 'updateEntity', request, { info: first.next });
  expect(second.signals).toEqual([]);
  account.failNext('TagRole', 'AccessDenied');
  const third = await runAttempt(account, 'updateEntity', request, { info: second.next });
  expect([third.failure?.nonRetryable, third.signals]).toEqual([true, []]);
});

test('names in its cancellation what it wrote before it', async () => {
  addRole({ ...OWNED_TAGS, other: 'tag' });
  const entity = { ...TAGGED, unmanaged: 'remove' as const };
  const { failure } = await runAttempt(
    account,
    'updateEntity',
    { ...UPDATE, entity },
    {
      onStart: (environment) => {
        account.beforeWrite = () => {
          environment.cancel();
        };
      },
    },
  );
  expect(failure).toMatchObject({
    name: 'CancelledFailure',
    details: [{ writes: [{ operation: 'UntagRole' }], remainingWrites: ['TagRole deploy'], calls: {} }],
  });
});

test('an attempt that fails before it decides reports the progress of the one before', async () => {
  addRole({ ...OWNED_TAGS, other: 'tag' });
  account.failNext('TagRole', 'ServiceFailure');
  const entity = { ...TAGGED, unmanaged: 'remove' as const };
  const first = await runAttempt(account, 'updateEntity', { ...UPDATE, entity });
  account.failNext('GetRole', 'AccessDenied');
  const second = await runAttempt(account, 'updateEntity', { ...UPDATE, entity }, { info: first.next });
  expect(second.failure?.details).toMatchObject([
    { code: 'AccessDenied', writes: [{ operation: 'UntagRole' }], remainingWrites: ['TagRole deploy'] },
  ]);
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

describe('an adoption', () => {
  const entity = {
    ...TAGGED,
    spec: { ...TAGGED.spec, description: 'declared', managedPolicyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'] },
  };
  const ADOPTION = reconcileRequest(entity, { action: 'adopt' });

  test('takes ownership by its first write', async () => {
    addRole({});
    const { result } = await runAttempt(account, 'updateEntity', ADOPTION);
    expect(result?.decision.action).toBe('adopt');
    expect(account.writes).toEqual(['TagRole', 'AttachRolePolicy', 'UpdateRole']);
  });

  test.each(['AccessDenied', 'LimitExceeded'])('writes nothing where tagging answers %s', async (code) => {
    addRole({});
    account.failNext('TagRole', code);
    const { failure } = await runAttempt(account, 'updateEntity', ADOPTION);
    expect(failure?.message).toMatch(/^TagRole answered .*ownership tags come first, so nothing else of it is written/);
    expect(account.writes).toEqual([]);
  });

  test('is refused where the entity has got too many tags since the plan, and writes nothing', async () => {
    addRole(Object.fromEntries(Array.from({ length: 48 }, (_, index) => [`tag-${String(index)}`, ''])));
    const { result } = await runAttempt(account, 'updateEntity', ADOPTION);
    expect(result?.decision).toMatchObject({
      action: 'refuse',
      reason: 'has 48 tags and would have 52, ownership tags included: AWS allows 50',
      remedy: 'remove at least 2 of its tags; AWS does not raise this limit',
    });
    expect(account.writes).toEqual([]);
  });

  test('goes on after an interruption as the adoption that it is', async () => {
    addRole({ 'iam-bootstrap:namespace': 'other' });
    account.failNext('AttachRolePolicy', 'ServiceFailure');
    const request = { ...ADOPTION, entity: { ...entity, adopt: 'foreign' as const, unmanaged: 'remove' as const } };
    account.items.get('role/deploy')?.tags.set('kept', 'by a first adoption');
    const first = await runAttempt(account, 'updateEntity', request);
    expect(first.failure).toMatchObject({ type: 'ServiceUnavailable' });
    await runAttempt(account, 'updateEntity', request, { info: first.next });
    expect(account.writes).toEqual(['TagRole', 'AttachRolePolicy', 'UpdateRole']);
    expect(account.tagsOf('Role/deploy')).toMatchObject({
      'iam-bootstrap:namespace': 'ci',
      'iam-bootstrap:previous-owner': 'iam-bootstrap namespace other',
      kept: 'by a first adoption',
    });
  });

  test('of an entity without room removes tags first where the manifest says so', async () => {
    addRole(Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`tag-${String(index)}`, ''])));
    const removing = { ...entity, unmanaged: 'remove' as const, unmanagedAtAdoption: true };
    await runAttempt(account, 'updateEntity', { ...ADOPTION, entity: removing });
    expect(account.writes).toEqual(['UntagRole', 'TagRole', 'AttachRolePolicy', 'UpdateRole']);
  });
});

test.each([
  ['is tried again within the time that a run may be without progress', 59, false],
  ['ends after it, with its own type', 61, true],
])('what keeps failing %s', async (_title, minutes, nonRetryable) => {
  addRole();
  account.failNext('TagRole', 'ServiceFailure');
  const scheduledTimestampMs = Date.now() - minutes * 60_000;
  const info = { scheduledTimestampMs, currentAttemptScheduledTimestampMs: Date.now(), attempt: 2 };
  const { failure } = await runAttempt(account, 'updateEntity', UPDATE, { info });
  expect(failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable });
  if (nonRetryable) expect(failure?.message).toMatch(/ \(no progress for \d+ s\)$/);
});

test('a run may set the time that it may be without progress', async () => {
  addRole();
  account.failNext('TagRole', 'ServiceFailure');
  const info = { scheduledTimestampMs: Date.now() - 5_000, currentAttemptScheduledTimestampMs: Date.now(), attempt: 2 };
  const { failure } = await runAttempt(account, 'updateEntity', { ...UPDATE, timeoutMs: 4_000 }, { info });
  expect(failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: true });
});
