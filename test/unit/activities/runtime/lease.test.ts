import { asyncLocalStorage, Context } from '@temporalio/activity';
import type { Info } from '@temporalio/activity';
import { Lease, LeaseError } from '../../../../src/activities/runtime/lease.js';

/** Heartbeat timeout of the activities that write. */
const HEARTBEAT_TIMEOUT_MS = 6_000;

let answers: jest.Mock<Promise<void>, [Uint8Array, unknown]>;
let lease: Lease;

beforeEach(() => {
  jest.useFakeTimers();
  answers = jest.fn<Promise<void>, [Uint8Array, unknown]>(() => Promise.resolve());
  lease = new Lease();
});

afterEach(() => {
  jest.useRealTimers();
});

/** Runs a function as an activity whose heartbeats Temporal answers with {@link answers}. */
function inActivity<T>(act: () => T, signal = new AbortController().signal): T {
  const info = { taskToken: new Uint8Array([1]), heartbeatTimeoutMs: HEARTBEAT_TIMEOUT_MS } as Info;
  const client = { withDeadline: (_at: number, call: () => unknown) => call(), activity: { heartbeat: answers } };
  const never = new Promise<never>(() => undefined);
  const rest = [signal, () => undefined, client, {}, {}, {}] as unknown as [
    AbortSignal,
    never,
    never,
    never,
    never,
    never,
  ];
  return asyncLocalStorage.run(new Context(info, never, ...rest), act);
}

const hold = (): Promise<void> => inActivity(() => lease.hold({ sent: [] }));
const isHeld = (): boolean => {
  try {
    inActivity(() => {
      lease.assertHeld();
    });
    return true;
  } catch (error) {
    if (error instanceof LeaseError) return false;
    throw error;
  }
};

/** Returns Temporal's error where another attempt has the activity. */
function notFound(): Error {
  return Object.assign(new Error('Not found'), { name: 'ActivityNotFoundError' });
}

test('Temporal is asked before the first write, and not again while its answer is valid', async () => {
  expect(isHeld()).toBe(false);
  await hold();
  await hold();
  expect(answers).toHaveBeenCalledTimes(1);
  expect(answers).toHaveBeenCalledWith(new Uint8Array([1]), { sent: [] });
  expect(isHeld()).toBe(true);
});

test('its answer is valid for less than the heartbeat timeout', async () => {
  await hold();
  jest.advanceTimersByTime(HEARTBEAT_TIMEOUT_MS - 2_000);
  expect(isHeld()).toBe(false);
  await hold();
  expect(answers).toHaveBeenCalledTimes(2);
  expect(isHeld()).toBe(true);
});

test('a machine that slept, and whose steady clock stood still, asks again', async () => {
  await hold();
  jest.setSystemTime(Date.now() + 60_000);
  expect(isHeld()).toBe(false);
});

test('a clock that is set back does not extend the lease', async () => {
  await hold();
  jest.setSystemTime(Date.now() - 3_600_000);
  jest.advanceTimersByTime(HEARTBEAT_TIMEOUT_MS);
  expect(isHeld()).toBe(false);
});

test.each(['ActivityNotFoundError', 'ActivityCancelledError', 'ActivityPausedError', 'ActivityResetError'])(
  'once Temporal has answered with %s, nothing more is written',
  async (name) => {
    answers.mockRejectedValueOnce(Object.assign(new Error('no'), { name }));
    await expect(hold()).rejects.toThrow(LeaseError);
    expect(isHeld()).toBe(false);
  },
);

test('a lease that was held and is lost is not held any more', async () => {
  await hold();
  jest.advanceTimersByTime(HEARTBEAT_TIMEOUT_MS);
  answers.mockRejectedValueOnce(notFound());
  await expect(hold()).rejects.toThrow('nothing more is sent');
  expect(isHeld()).toBe(false);
});

test('an answer that arrived while the process was suspended is outdated: it asks again', async () => {
  answers.mockImplementationOnce(() => {
    jest.setSystemTime(Date.now() + 10_000);
    return Promise.resolve();
  });
  await hold();
  expect(answers).toHaveBeenCalledTimes(2);
});

test('an unreachable Temporal is asked again, and nothing is written meanwhile', async () => {
  answers.mockRejectedValueOnce(new Error('unavailable')).mockRejectedValueOnce(new Error('unavailable'));
  const holding = hold();
  await jest.advanceTimersByTimeAsync(200);
  expect(isHeld()).toBe(false);
  await jest.advanceTimersByTimeAsync(1_000);
  await holding;
  expect(answers).toHaveBeenCalledTimes(3);
});

test('the attempt stops after Temporal was unreachable for two minutes', async () => {
  answers.mockRejectedValue(new Error('unavailable'));
  const holding = expect(hold()).rejects.toThrow('Temporal does not confirm the lease of this attempt: unavailable');
  await jest.advanceTimersByTimeAsync(130_000);
  await holding;
});

test('a cancelled activity does not ask Temporal', async () => {
  const controller = new AbortController();
  controller.abort(new Error('cancelled'));
  await expect(inActivity(() => lease.hold({}), controller.signal)).rejects.toThrow('cancelled');
  expect(answers).not.toHaveBeenCalled();
});
