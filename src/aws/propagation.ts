/** The time in which IAM's replicas may disagree, in milliseconds. Within it, a 404 may follow a 409. */
export const PROPAGATION_WINDOW_MS = 120_000;

/** The time in which a stale replica may hide an entity that another read has shown, in milliseconds. Then it is gone. */
export const HIDDEN_WINDOW_MS = 4_000;

/** The pause between two reads, in milliseconds. It doubles each time, up to the maximum. */
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 5_000;

/** Returns the pause after an attempt, in milliseconds. Attempts count from 1. */
export function pauseAfter(attempt: number): number {
  return Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt - 1, 10));
}

/**
 * Repeats a read until it returns something or the window ends. The time that the reads take counts, too.
 *
 * @param read - returns undefined for "not yet"
 * @param sleep - waits; rejects when the work is cancelled
 * @param windowMs - the time after which the last result counts
 */
export async function untilShown<T>(
  read: () => Promise<T | undefined>,
  sleep: (ms: number) => Promise<void>,
  windowMs: number = PROPAGATION_WINDOW_MS,
): Promise<T | undefined> {
  let waited = 0;
  for (let attempt = 1; ; attempt += 1) {
    const startedAt = performance.now();
    const shown = await read();
    waited += performance.now() - startedAt;
    if (shown !== undefined || waited >= windowMs) return shown;
    const pause = pauseAfter(attempt);
    await sleep(pause);
    waited += pause;
  }
}
