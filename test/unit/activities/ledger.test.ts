import { activityInfo } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { Ledgers } from '../../../src/activities/ledger.js';
import { RUN_ID, runAttempt } from '../../support/activity.js';
import { FakeAccount, TARGET } from '../../support/fake-account.js';

const REVISION = {
  value: 7,
  environment: 'test',
  source: 'given',
  commit: null,
  url: null,
  runId: RUN_ID,
  at: '2026-11-28T12:00:00Z',
} as const;
const CLAIM = { account: TARGET.account, namespace: 'ci', revision: REVISION, allowOlder: false };
const ACCEPTED = { accepted: true, last: null };

let update: jest.Mock<Promise<unknown>, [unknown, { readonly updateId: string; readonly args: readonly unknown[] }]>;
let ledgers: Ledgers;

beforeEach(() => {
  update = jest.fn<Promise<unknown>, [unknown, { readonly updateId: string; readonly args: readonly unknown[] }]>(() =>
    Promise.resolve(ACCEPTED),
  );
  const client = {
    withDeadline: (_at: number, call: () => unknown) => call(),
    workflow: { executeUpdateWithStart: update },
  };
  ledgers = new Ledgers(client as unknown as Client, 'iam-bootstrap');
});

test('claims a revision under the lease of the attempt', async () => {
  const lease = jest.fn(() => Promise.resolve());
  const { result } = await runAttempt(new FakeAccount(), 'claimRevision', CLAIM, {
    claim: ledgers.claim.bind(ledgers),
    lease,
  });
  expect(result).toEqual(ACCEPTED);
  expect(lease).toHaveBeenCalledTimes(1);
  expect(update.mock.calls[0]?.[1].args).toEqual([{ revision: REVISION, allowOlder: false }]);
});

test('attempt 2 sends the same update, so that it gets the same answer', async () => {
  update.mockRejectedValueOnce(new Error('deadline exceeded'));
  const claim = ledgers.claim.bind(ledgers);
  const first = await runAttempt(new FakeAccount(), 'claimRevision', CLAIM, { claim });
  expect(first.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
  const second = await runAttempt(new FakeAccount(), 'claimRevision', CLAIM, { claim, info: first.next });
  expect(second.result).toEqual(ACCEPTED);
  expect(update.mock.calls.map(([, { updateId }]) => updateId)).toEqual([RUN_ID, RUN_ID]);
});

test('claims nothing once the lease is lost or the activity is cancelled', async () => {
  const claim = ledgers.claim.bind(ledgers);
  const lease = (): Promise<void> => Promise.reject(Object.assign(new Error(), { name: 'ActivityNotFoundError' }));
  const lost = await runAttempt(new FakeAccount(), 'claimRevision', CLAIM, { claim, lease });
  expect(lost.failure?.message).toMatch(/^lease lost/);
  const onStart = (environment: { cancel(): void }): void => {
    environment.cancel();
  };
  const cancelled = await runAttempt(new FakeAccount(), 'claimRevision', CLAIM, { claim, onStart });
  expect(cancelled.failure?.name).toBe('CancelledFailure');
  expect(update).not.toHaveBeenCalled();
});

test('sends heartbeats while it waits for the ledger', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
  const claim = async (): Promise<typeof ACCEPTED> => {
    expect(activityInfo().attempt).toBe(1);
    await jest.advanceTimersByTimeAsync(3_000);
    return ACCEPTED;
  };
  const { heartbeats } = await runAttempt(new FakeAccount(), 'claimRevision', CLAIM, { claim });
  jest.useRealTimers();
  expect(heartbeats).toMatchObject([
    { calls: {}, sent: [], isComplete: true },
    { calls: {}, sent: [], isComplete: true },
  ]);
});
