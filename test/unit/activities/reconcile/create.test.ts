import { GROUP, reconcileRequest, ROLE, RUN_ID, runAttempt } from '../../../support/activity.js';
import { desired } from '../../../support/desired.js';
import { FakeAccount } from '../../../support/fake-account.js';

const KEY = desired('AccessKey', 'ci', { userName: 'ci', secret: { file: 'ci.json' } });
const ALIAS = desired('AccountAlias', 'account', { accountAliases: ['acme'] });
const LOCATION = JSON.stringify({ file: 'ci.json' });

let account: FakeAccount;

beforeEach(() => {
  account = new FakeAccount();
});

test('creates an entity with the tags of its namespace and its run', async () => {
  const { result, heartbeats } = await runAttempt(account, 'createEntity', reconcileRequest(ROLE));
  expect(result).toMatchObject({ confirmedBy: 'reply', attempt: 1, remaining: false, decision: { action: 'create' } });
  expect(result?.writes).toMatchObject([{ operation: 'CreateRole', requestId: 'request-of-CreateRole' }]);
  expect(account.tagsOf('Role/deploy')).toMatchObject({
    'iam-bootstrap:namespace': 'ci',
    'iam-bootstrap:intent': RUN_ID,
  });
  // The write is recorded before it is sent, and again with AWS's request ID.
  expect(heartbeats.map(({ sent }) => sent.map(({ requestId }) => requestId))).toEqual([
    [null],
    ['request-of-CreateRole'],
  ]);
});

test('adopts what another caller created since the plan, and reports and logs the conflict', async () => {
  account.add('Role/deploy', { tags: { team: 'web' } });
  const { result, logs } = await runAttempt(account, 'createEntity', reconcileRequest(ROLE));
  expect(result).toMatchObject({ confirmedBy: null, decision: { action: 'adopt' }, remaining: true });
  expect(result?.conflicts).toEqual([
    { operation: 'CreateRole', code: 'EntityAlreadyExists', requestId: 'request-of-CreateRole' },
  ]);
  expect(logs).toContainEqual({ level: 'INFO', message: 'Role/deploy exists: adopt' });
});

test('refuses what another namespace owns, and logs the reason', async () => {
  account.add('Role/deploy', { tags: { 'iam-bootstrap:namespace': 'other' } });
  const { result, logs } = await runAttempt(account, 'createEntity', reconcileRequest(ROLE));
  expect(result?.decision.action).toBe('refuse');
  expect(logs).toContainEqual({
    level: 'WARN',
    message: expect.stringMatching(/^refused Role\/deploy: .*namespace "other"/) as string,
  });
});

test('waits for an existing entity that no read shows yet', async () => {
  account.add('Role/deploy');
  account.staleReads = 6;
  const { result } = await runAttempt(account, 'createEntity', reconcileRequest(ROLE));
  expect(result?.decision.action).toBe('adopt');
  expect(account.writes).toEqual(['CreateRole']);
});

describe('after a lost reply, attempt 2', () => {
  test('reads first, and recognises the entity by its intent tag', async () => {
    account.failNext('CreateRole', 'ECONNRESET', { isCarriedOut: true });
    const first = await runAttempt(account, 'createEntity', reconcileRequest(ROLE));
    expect(first.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    expect(first.heartbeats.at(-1)).toMatchObject({ failedAttempt: 1, sent: [{ operation: 'CreateRole' }] });

    const second = await runAttempt(account, 'createEntity', reconcileRequest(ROLE), { info: first.next });
    expect(second.result).toMatchObject({ confirmedBy: 'intent-tag', attempt: 2, decision: { action: 'create' } });
    expect(second.result?.writes).toMatchObject([{ operation: 'CreateRole', requestId: null }]);
    expect(account.writes).toEqual(['CreateRole']);
  });

  test('recognises an entity without tags by the recorded attempt', async () => {
    account.failNext('CreateGroup', 'ECONNRESET', { isCarriedOut: true });
    const first = await runAttempt(account, 'createEntity', reconcileRequest(GROUP));
    const second = await runAttempt(account, 'createEntity', reconcileRequest(GROUP), { info: first.next });
    expect(second.result).toMatchObject({ confirmedBy: 'recorded-attempt', decision: { action: 'create' } });
    expect(account.writes).toEqual(['CreateGroup']);
  });

  test('does not claim an entity without tags that AWS refused to create', async () => {
    account.failNext('CreateGroup', 'ServiceFailure');
    const first = await runAttempt(account, 'createEntity', reconcileRequest(GROUP));
    account.add('Group/readers', { createdAt: new Date(Date.now() - 3_600_000) });
    const second = await runAttempt(account, 'createEntity', reconcileRequest(GROUP), { info: first.next });
    expect(second.result).toMatchObject({ confirmedBy: null, decision: { action: 'adopt' } });
  });

  test('cannot tell who set an undated alias where the first attempt died', async () => {
    account.add('AccountAlias/acme');
    const info = { attempt: 2 };
    const { result } = await runAttempt(account, 'createEntity', reconcileRequest(ALIAS), { info });
    expect(result).toMatchObject({ confirmedBy: 'unconfirmed', decision: { action: 'adopt' } });
    expect(account.writes).toEqual([]);
  });

  test('stores the secret of an access key that was created when the run was cancelled', async () => {
    const { failure, result } = await runAttempt(account, 'createEntity', reconcileRequest(KEY), {
      onStart: (environment) => {
        account.beforeWrite = () => {
          environment.cancel();
        };
      },
    });
    expect([failure?.name, account.writes]).toEqual([undefined, ['CreateAccessKey']]);
    expect(result?.writes).toMatchObject([{ operation: 'CreateAccessKey', requestId: 'request-of-CreateAccessKey' }]);
    expect(account.secrets.get(LOCATION)).toMatchObject({
      SecretAccessKey: expect.stringMatching(/^secret-of-/) as string,
    });
  });

  test('removes the access key whose secret was lost, and creates another one', async () => {
    const request = { ...reconcileRequest(KEY), known: [] };
    account.failNext('CreateAccessKey', 'ECONNRESET', { isCarriedOut: true });
    const first = await runAttempt(account, 'createEntity', request);
    expect(first.failure).toMatchObject({ type: 'ServiceUnavailable' });

    const second = await runAttempt(account, 'createEntity', request, { info: first.next });
    expect(second.result).toMatchObject({ confirmedBy: 'reply', decision: { action: 'create' } });
    expect(account.writes).toEqual(['CreateAccessKey', 'DeleteAccessKey', 'CreateAccessKey']);
    expect(account.secrets.get(LOCATION)).toMatchObject({ AccessKeyId: 'AKIA3', SecretAccessKey: 'secret-of-AKIA3' });
    expect(JSON.stringify([first, second])).not.toContain('secret-of-');
  });

  test('refuses where it cannot tell which of two new access keys is its own', async () => {
    const request = { ...reconcileRequest(KEY), known: [] };
    account.failNext('CreateAccessKey', 'ECONNRESET', { isCarriedOut: true });
    const first = await runAttempt(account, 'createEntity', request);
    account.add('AccessKey/AKIAOTHER');
    const second = await runAttempt(account, 'createEntity', request, { info: first.next });
    expect(second.result?.decision).toMatchObject({
      action: 'refuse',
      remedy: expect.stringContaining('CloudTrail') as string,
    });
    expect(account.items.size).toBe(2);
  });
});

describe.each([-600_000, -10_000, -3_000, 0, 3_000, 10_000, 600_000])('with a clock of AWS %d ms ahead', (aheadMs) => {
  beforeEach(() => {
    account.clockAheadMs = aheadMs;
  });

  test('a group counts as created after a lost reply', async () => {
    account.failNext('CreateGroup', 'ECONNRESET', { isCarriedOut: true });
    const first = await runAttempt(account, 'createEntity', reconcileRequest(GROUP));
    const second = await runAttempt(account, 'createEntity', reconcileRequest(GROUP), { info: first.next });
    expect(second.result).toMatchObject({ confirmedBy: 'recorded-attempt', decision: { action: 'create' } });
  });

  test('a group that another caller made before counts as adopted', async () => {
    account.add('Group/readers', { createdAt: new Date(Date.now() + aheadMs - 5_000) });
    account.staleReads = 1;
    account.failNext('CreateGroup', 'ECONNRESET');
    const first = await runAttempt(account, 'createEntity', reconcileRequest(GROUP));
    account.staleReads = 0;
    const second = await runAttempt(account, 'createEntity', reconcileRequest(GROUP), { info: first.next });
    expect(second.result).toMatchObject({ confirmedBy: null, decision: { action: 'adopt' } });
  });

  test.each([
    ['with the listing of before', { known: ['AKIAOLD'] }],
    ['without a listing of before', {}],
  ])('an access key of a lost reply is removed, and an older one is not, %s', async (_title, known) => {
    account.add('AccessKey/AKIAOLD', { createdAt: new Date(Date.now() + aheadMs - 5_000) });
    const request = { ...reconcileRequest(KEY), ...known };
    account.failNext('CreateAccessKey', 'ECONNRESET', { isCarriedOut: true });
    const first = await runAttempt(account, 'createEntity', request);
    await runAttempt(account, 'createEntity', request, { info: first.next });
    expect(account.writes).toEqual(['CreateAccessKey', 'DeleteAccessKey', 'CreateAccessKey']);
    expect([...account.items.keys()]).toEqual(['accesskey/akiaold', 'accesskey/akia3']);
  });
});

test('keeps a new access key that nothing tells from the keys of before', async () => {
  account.clients.now = () => null;
  account.failNext('CreateAccessKey', 'ECONNRESET', { isCarriedOut: true });
  const first = await runAttempt(account, 'createEntity', reconcileRequest(KEY));
  const { result } = await runAttempt(account, 'createEntity', reconcileRequest(KEY), { info: first.next });
  expect(result?.decision.reason).toMatch(/nothing tells whether this run created AKIA1/);
  expect(account.writes).toEqual(['CreateAccessKey']);
});

test('refuses an alias that is taken in another account', async () => {
  account.failNext('CreateAccountAlias', 'EntityAlreadyExists');
  const { result } = await runAttempt(account, 'createEntity', reconcileRequest(ALIAS));
  expect(result?.decision).toMatchObject({ action: 'refuse', reason: 'the alias is taken by another AWS account' });
  expect(result?.conflicts).toHaveLength(1);
});

test('repeats a throttled Create within the attempt, and logs it', async () => {
  account.failNext('CreateRole', 'Throttling');
  const { result, logs } = await runAttempt(account, 'createEntity', reconcileRequest(ROLE));
  expect(result?.confirmedBy).toBe('reply');
  expect(logs).toContainEqual({ level: 'INFO', message: 'AWS throttled a write, which is repeated' });
});

test.each([
  ['for the first time', 0, false],
  ['at the end of the window', 130_000, true],
])("counts the time to wait by Temporal's clock alone, %s", async (_title, elapsedMs, isFinal) => {
  for (const aheadMs of [-600_000, 600_000]) {
    account.failNext('CreateRole', 'NoSuchEntity');
    const scheduledTimestampMs = Date.now() + aheadMs;
    const info = { scheduledTimestampMs, currentAttemptScheduledTimestampMs: scheduledTimestampMs + elapsedMs };
    const { failure } = await runAttempt(account, 'createEntity', reconcileRequest(ROLE), { info });
    expect(failure).toMatchObject({ type: 'NotPropagated', nonRetryable: isFinal });
  }
});

test('sends nothing once the lease is lost, and logs it', async () => {
  const lease = (): Promise<void> => Promise.reject(Object.assign(new Error(), { name: 'ActivityNotFoundError' }));
  const { failure, logs, heartbeats } = await runAttempt(account, 'createEntity', reconcileRequest(ROLE), { lease });
  expect(failure?.message).toContain('nothing more is sent');
  expect(account.writes).toEqual([]);
  expect(heartbeats.at(-1)).toMatchObject({ sent: [], failedAttempt: 1 });
  expect(logs).toContainEqual({ level: 'WARN', message: expect.stringMatching(/^lease lost/) as string });
});

test('sends nothing once the activity is cancelled', async () => {
  const { failure } = await runAttempt(account, 'createEntity', reconcileRequest(ROLE), {
    onStart: (environment) => {
      environment.cancel();
    },
  });
  expect(failure?.name).toBe('CancelledFailure');
  expect(account.writes).toEqual([]);
});

test('is refused for a workflow that does not hold the lock of the entity', async () => {
  const info = { workflowExecution: { workflowId: 'another', runId: RUN_ID } };
  const { failure } = await runAttempt(account, 'createEntity', reconcileRequest(ROLE), { info });
  expect(failure).toMatchObject({ type: 'InvalidManifest', nonRetryable: true });
  expect(account.writes).toEqual([]);
});

describe('listing before a Create', () => {
  test('names the access keys that exist', async () => {
    account.add('AccessKey/AKIAOLD');
    const { result, heartbeats } = await runAttempt(account, 'listCandidates', reconcileRequest(KEY));
    expect(result).toEqual({ known: ['AKIAOLD'], calls: {} });
    expect(heartbeats).toEqual([]);
  });

  test('is empty for a kind that has names', async () => {
    const { result } = await runAttempt(account, 'listCandidates', reconcileRequest(ROLE), { info: { attempt: 2 } });
    expect(result?.known).toEqual([]);
  });
});
