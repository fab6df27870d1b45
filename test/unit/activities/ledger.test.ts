import { activityInfo } from '@temporalio/activity';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { Ledgers } from '../../../src/activities/ledger.js';
import type { ActivityContext } from '../../../src/activities/runtime/activity-context.js';
import type { RecordOutcomeRequest } from '../../../src/contract/notification.js';
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

describe('a ledger that does not answer', () => {
  /** What Temporal tells of the run under the ID of the ledger. Null where it does not answer either. */
  let run: { readonly runId: string; readonly type: string; readonly status?: string } | null;
  let now: number;
  let silent: Ledgers;

  beforeEach(() => {
    run = { runId: 'squatter', type: 'ledger' };
    now = Date.parse('2026-11-29T20:00:00Z');
    jest.spyOn(Date, 'now').mockImplementation(() => now);
    update.mockRejectedValue(new Error('deadline exceeded'));
    const describe = (): Promise<unknown> =>
      run === null
        ? Promise.reject(new Error('unreachable'))
        : Promise.resolve({
            runId: run.runId,
            type: run.type,
            status: { name: run.status ?? 'RUNNING' },
            startTime: new Date('2026-11-29T19:00:00Z'),
          });
    const client = {
      options: { namespace: 'default' },
      withDeadline: (_at: number, call: () => unknown) => call(),
      workflow: { executeUpdateWithStart: update, getHandle: () => ({ describe }) },
    };
    silent = new Ledgers(client as unknown as Client, 'iam-bootstrap');
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  const ask = async (afterMs: number): Promise<string> => {
    now += afterMs;
    const { failure } = await runAttempt(new FakeAccount(), 'claimRevision', CLAIM, {
      claim: silent.claim.bind(silent),
    });
    if (failure === undefined) return 'answered';
    const { nonRetryable, message, details } = failure;
    return nonRetryable === true ? `${message}; ${details?.[0]?.remedy ?? ''}` : 'again';
  };

  const REFUSED =
    'the ledger of namespace ci does not answer: its ID iam-bootstrap-ledger:111111111111:ci is held by RUN since 2026-11-29T19:00:00.000Z; look at who started it; if nobody needs it, end it and apply again, which starts a new ledger: temporal workflow terminate --namespace default --workflow-id iam-bootstrap-ledger:111111111111:ci --run-id squatter';

  test('for a minute is named, with the command that ends it', async () => {
    expect([await ask(0), await ask(20_000), await ask(20_000)]).toEqual(['again', 'again', 'again']);
    expect(await ask(20_000)).toBe(REFUSED.replace('RUN', 'a run'));
  });

  test('since it is a run of another type is named at once', async () => {
    run = { runId: 'squatter', type: 'hold' };
    expect(await ask(0)).toBe(REFUSED.replace('RUN', 'a run of the foreign workflow type "hold"'));
  });

  test('is asked again as long as Temporal does not answer either, or it has ended', async () => {
    run = null;
    expect([await ask(0), await ask(90_000), await ask(90_000)]).toEqual(['again', 'again', 'again']);
    run = { runId: 'squatter', type: 'hold', status: 'TERMINATED' };
    expect(await ask(0)).toBe('again');
  });

  test('gets its minute again once it has answered, was replaced, or was long not asked', async () => {
    expect([await ask(0), await ask(50_000)]).toEqual(['again', 'again']);
    update.mockResolvedValueOnce(ACCEPTED);
    expect([await ask(5_000), await ask(10_000)]).toEqual(['answered', 'again']);
    run = { runId: 'another', type: 'ledger' };
    expect(await ask(55_000)).toBe('again');
    expect(await ask(3_600_000)).toBe('again');
  });
});

describe('the end of a run', () => {
  const END = {
    ...{ account: TARGET.account, namespace: 'invented', manifest: 'iam.yaml', environment: 'test' },
    ...{ trouble: ['refused'], runId: RUN_ID, at: '2026-11-28T12:00:00.000Z' },
  };

  const record = async (more: Partial<RecordOutcomeRequest>, known: () => Promise<boolean>): Promise<unknown> => {
    const client = {
      withDeadline: (_at: number, call: () => unknown) => call(),
      workflow: { executeUpdateWithStart: update, getHandle: () => ({ executeUpdate: known }) },
    };
    const context = { lease: { hold: () => Promise.resolve() }, sent: [], calls: {} } as unknown as ActivityContext;
    return new Ledgers(client as unknown as Client, 'iam-bootstrap').recordOutcome({ ...END, ...more }, context);
  };
  const missing = (): Promise<boolean> => Promise.reject(new WorkflowNotFoundError('gone', 'ledger', undefined));

  test('that was refused before it looked at the account starts no ledger, and is told', async () => {
    expect(await record({ hasLooked: false }, missing)).toBe(true);
    expect(await record({ hasLooked: false, trouble: [] }, missing)).toBe(false);
    expect(await record({ hasLooked: false }, () => Promise.resolve(false))).toBe(false);
    expect(update).not.toHaveBeenCalled();
    update.mockResolvedValueOnce(true);
    expect(await record({ hasLooked: true }, missing)).toBe(true);
    expect(update).toHaveBeenCalledTimes(1);
  });
});
