import { PROPAGATION_WINDOW_MS, untilShown } from '../../../src/aws/propagation.js';

const sleepNot = (): Promise<void> => Promise.resolve();

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

/** Returns how often a read is made that never shows anything and takes this time. */
async function readsOf(durationMs: number): Promise<number> {
  let reads = 0;
  await untilShown(() => {
    reads += 1;
    jest.advanceTimersByTime(durationMs);
    return Promise.resolve(undefined);
  }, sleepNot);
  return reads;
}

test('the time that reads take is part of the window', async () => {
  expect(await readsOf(PROPAGATION_WINDOW_MS / 2)).toBe(2);
  expect(await readsOf(PROPAGATION_WINDOW_MS + 1)).toBe(1);
});

test('fast reads are repeated for the whole window', async () => {
  expect(await readsOf(0)).toBeGreaterThan(20);
});
