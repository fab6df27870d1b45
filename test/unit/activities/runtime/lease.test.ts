import { asyncLocalStorage, Context } from '@temporalio/activity';
import type { Info } from '@temporalio/activity';
import { Lease, LeaseError } from '../../../../src/activities/runtime/lease.js';

/** Of every step that writes. */
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

/** Does something as an activity whose heartbeats Temporal answers by {@link answers}. */
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

/** What Temporal says where the step is somebody else's by now. */
function notFound(): Error {
  return Object.assign(new Error('Not found'), { name: 'ActivityNotFoundError' });
}

test('Temporal is asked before the first write, and not again while its answer is good', async () => {
  expect(isHeld()).toBe(false);
  await hold();
  await hold();
  expect(answers).toHaveBeenCalledTimes(1);
  expect(answers).toHaveBeenCalledWith(new Uint8Array([1]), { sent: [] });
  expect(isHeld()).toBe(true);
});

test('its answer is good for less than heartbeats may stay out', async () => {
  await hold();
  jest.advanceTimersByTime(HEARTBEAT_TIMEOUT_MS - 2_000);
  expect(isHeld()).toBe(false);
  await hold();
  expect(answers).toHaveBeenCalledTimes(2);
  expect(isHeld()).toBe(true);
});

test('a machine that slept, whose steady clock has slept along, asks again', async () => {
  await hold();
  jest.setSystemTime(Date.now() + 60_000);
  expect(isHeld()).toBe(false);
});

test('a clock that is set back does not lengthen it', async () => {
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

test('a step that was this one, and is so no more, is not taken for it', async () => {
  await hold();
  jest.advanceTimersByTime(HEARTBEAT_TIMEOUT_MS);
  answers.mockRejectedValueOnce(notFound());
  await expect(hold()).rejects.toThrow('nothing more is sent');
  expect(isHeld()).toBe(false);
});

test('an answer that came while the process stood still says nothing of now: it asks again', async () => {
  answers.mockImplementationOnce(() => {
    jest.setSystemTime(Date.now() + 10_000);
    return Promise.resolve();
  });
  await hold();
  expect(answers).toHaveBeenCalledTimes(2);
});

test('where Temporal does not answer it is asked again, and nothing is written meanwhile', async () => {
  answers.mockRejectedValueOnce(new Error('unavailable')).mockRejectedValueOnce(new Error('unavailable'));
  const holding = hold();
  await jest.advanceTimersByTimeAsync(200);
  expect(isHeld()).toBe(false);
  await jest.advanceTimersByTimeAsync(1_000);
  await holding;
  expect(answers).toHaveBeenCalledTimes(3);
});

test('where it does not answer for minutes the step is given up', async () => {
  answers.mockRejectedValue(new Error('unavailable'));
  const holding = expect(hold()).rejects.toThrow('Temporal does not confirm the lease of this attempt: unavailable');
  await jest.advanceTimersByTimeAsync(130_000);
  await holding;
});

test('a step that was cancelled asks nobody', async () => {
  const controller = new AbortController();
  controller.abort(new Error('cancelled'));
  await expect(inActivity(() => lease.hold({}), controller.signal)).rejects.toThrow('cancelled');
  expect(answers).not.toHaveBeenCalled();
});
