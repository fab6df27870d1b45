import { runAttempt } from '../../../support/activity.js';
import { desired } from '../../../support/desired.js';
import { FakeAccount, TARGET } from '../../../support/fake-account.js';

const START_TO_CLOSE_MS = 600_000;
const REQUEST = {
  request: { target: TARGET, namespace: 'ci' },
  entities: [desired('Role', 'deploy', { roleName: 'deploy' }, { state: 'absent' })],
  arns: {},
};

/** Returns the heartbeat that Temporal kept of an attempt that reported neither a result nor a failure. */
function lastHeartbeat(elapsedMs: number, lost = { count: 0, timedOut: 0 }): object {
  return { calls: {}, sent: [], isComplete: true, lost, elapsedMs };
}

async function failureOfAttempt(attempt: number, heartbeatDetails: unknown): Promise<string | undefined> {
  const info = { attempt, heartbeatDetails, startToCloseTimeoutMs: START_TO_CLOSE_MS };
  const { failure } = await runAttempt(new FakeAccount(), 'verifyEntities', REQUEST, { info });
  expect(failure === undefined || failure.nonRetryable).toBe(true);
  return failure?.message;
}

test('an activity that took longer than its limit three times in a row fails for good, and names the limit', async () => {
  const timedOut = (count: number): object => lastHeartbeat(START_TO_CLOSE_MS - 5_000, { count, timedOut: count });
  expect(await failureOfAttempt(3, timedOut(1))).toBeUndefined();
  expect(await failureOfAttempt(4, timedOut(2))).toBe('3 attempts in a row took longer than 10 minutes');
});

test('an activity whose worker died twenty times in a row fails for good', async () => {
  const died = (count: number): object => lastHeartbeat(2_000, { count, timedOut: 0 });
  expect(await failureOfAttempt(19, died(17))).toBeUndefined();
  expect(await failureOfAttempt(21, died(19))).toMatch(/^20 attempts in a row ended without a report/);
});

test('an attempt that reported its failure starts the count anew', async () => {
  const reported = { ...lastHeartbeat(2_000, { count: 30, timedOut: 5 }), failedAttempt: 50 };
  expect(await failureOfAttempt(51, reported)).toBeUndefined();
});

test('the next attempt learns the count from the heartbeats of this one', async () => {
  const info = { attempt: 5, heartbeatDetails: lastHeartbeat(2_000, { count: 3, timedOut: 0 }) };
  const { heartbeats } = await runAttempt(new FakeAccount(), 'verifyEntities', REQUEST, { info });
  expect(heartbeats[0]).toMatchObject({ lost: { count: 4, timedOut: 0 } });
});
