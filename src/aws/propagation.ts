/** How long IAM's replicas may disagree, in milliseconds; "a 404 after a 409 is legal" for this long. */
export const PROPAGATION_WINDOW_MS = 120_000;

/**
 * For so long a replica that is behind may hide what another read has shown, before it counts as gone, in milliseconds.
 */
export const HIDDEN_WINDOW_MS = 4_000;

/** Pause between two looks, in milliseconds: doubled each time, up to the longest. */
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 5_000;

/** The pause after look number `attempt`, which starts at 1. */
export function pauseAfter(attempt: number): number {
  return Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt - 1, 10));
}

/**
 * Looks again and again until something shows or the window ends.
 *
 * @param look - gives undefined for "not yet"
 * @param sleep - waits so many milliseconds; rejects when the work is cancelled
 */
export async function untilShown<T>(
  look: () => Promise<T | undefined>,
  sleep: (ms: number) => Promise<void>,
  windowMs: number = PROPAGATION_WINDOW_MS,
): Promise<T | undefined> {
  let waited = 0;
  for (let attempt = 1; ; attempt += 1) {
    const shown = await look();
    if (shown !== undefined || waited >= windowMs) return shown;
    const pause = pauseAfter(attempt);
    await sleep(pause);
    waited += pause;
  }
}
