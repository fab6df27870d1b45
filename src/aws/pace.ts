import { setTimeout as sleep } from 'node:timers/promises';

/** The smallest factor by which a throttled call reduces the rate; for the first one, the rate of the last second. */
const MIN_REDUCTION = 0.5;

/** The rate of calls as a share of the measured rate that AWS accepts. */
const SAFETY_FACTOR = 0.95;

/** The growth of the rate per reply and second, beginning one second after a throttled call. */
const GROWTH = 0.05;

/** The minimum rate, in calls a second. */
const MIN_RATE = 2;

/** The pause after a throttled call, in milliseconds. A call within it would be throttled too. */
const PAUSE_MS = 250;

/** The time without a throttled call after which the limit no longer applies, in milliseconds. */
const LIMIT_EXPIRY_MS = 60_000;

/** The maximum time for which unused capacity is saved up, in milliseconds, as AWS does. */
const MAX_BURST_MS = 1_000;

const SECOND_MS = 1_000;

/** A clock, in milliseconds. */
export interface Clock {
  now(): number;
  sleep(ms: number): Promise<unknown>;
}

const REAL_CLOCK: Clock = { now: () => performance.now(), sleep };

/** Waits for a promise or the abortion, whichever comes first. */
async function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  let abort: () => void = () => undefined;
  const aborted = new Promise<void>((resolve) => (abort = resolve));
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
  signal.throwIfAborted();
}

/**
 * Limits the rate of calls to one account, once AWS has throttled one. IAM does not publish its limits. A token bucket
 * reveals its rate, though: between two throttled calls it accepts as many calls as it is refilled with.
 *
 * The SDK's adaptive mode does not fit. It slows down for each of the calls that are throttled together, ten times if
 * ten were in flight, and needs ten seconds to recover (`DefaultRateLimiter`, `@smithy/core` 3.41).
 */
export class Pace {
  readonly #clock: Clock;
  /** Calls a second; undefined while there is no limit. */
  #rate: number | undefined;
  #dueAt = -Infinity;
  #turn: Promise<void> = Promise.resolve();
  /** The times at which the calls of the last second were sent. */
  #sentAt: number[] = [];
  #inFlight = 0;
  /** Calls that were in flight when the last one was throttled. Their replies carry no new information. */
  #outdated = 0;
  #throttledAt = -Infinity;
  #accepted = 0;

  constructor(clock: Clock = REAL_CLOCK) {
    this.#clock = clock;
  }

  /**
   * Waits until the next call may be sent.
   *
   * @param signal - ends the wait: it then throws the signal's reason, and the turn goes to the next call
   */
  async turn(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#rate === undefined && this.#dueAt <= this.#clock.now()) return;
    const turn = this.#turn.then(() => (signal?.aborted === true ? undefined : this.#waitUntilDue()));
    this.#turn = turn;
    await (signal === undefined ? turn : unlessAborted(turn, signal));
  }

  /** Sends a call that the pace allows, and adjusts the rate to the reply. */
  async send<T>(call: () => Promise<T>, isThrottled: (error: unknown) => boolean): Promise<T> {
    this.#sentAt.push(this.#clock.now());
    if (this.#sentAt.length % 64 === 0) this.#sentAt = this.#sentInLastSecond();
    this.#inFlight += 1;
    try {
      const reply = await call();
      this.#learn(false);
      return reply;
    } catch (error) {
      this.#learn(isThrottled(error));
      throw error;
    }
  }

  async #waitUntilDue(): Promise<void> {
    for (;;) {
      const now = this.#clock.now();
      if (now - this.#throttledAt > LIMIT_EXPIRY_MS) this.#rate = undefined;
      const due =
        this.#rate === undefined ? this.#dueAt : Math.max(this.#dueAt + SECOND_MS / this.#rate, now - MAX_BURST_MS);
      if (due <= now) {
        this.#dueAt = due;
        return;
      }
      await this.#clock.sleep(due - now);
    }
  }

  #sentInLastSecond(): number[] {
    const since = this.#clock.now() - SECOND_MS;
    return this.#sentAt.filter((at) => at > since);
  }

  #learn(throttled: boolean): void {
    this.#inFlight -= 1;
    if (!throttled) this.#accepted += 1;
    if (throttled && (this.#outdated === 0 || this.#rate === undefined)) this.#slowDown();
    else if (this.#outdated > 0) this.#outdated -= 1;
    else if (this.#rate !== undefined) {
      const seconds = (this.#clock.now() - this.#throttledAt) / SECOND_MS;
      this.#rate += GROWTH * Math.max(0, seconds - 1);
    }
  }

  #slowDown(): void {
    const now = this.#clock.now();
    const elapsed = now - this.#throttledAt;
    // A single throttled call does not mean an empty bucket: the calls in flight would be throttled as well.
    if (this.#rate !== undefined || elapsed < SECOND_MS) {
      const rate = this.#rate ?? this.#sentInLastSecond().length;
      const measured = elapsed > PAUSE_MS ? (this.#accepted / elapsed) * SECOND_MS * SAFETY_FACTOR : 0;
      // The accepted calls do not measure the limit if fewer were sent.
      this.#rate = Math.max(MIN_RATE, rate * MIN_REDUCTION, Math.min(rate, measured));
    }
    this.#outdated = this.#inFlight;
    this.#throttledAt = now;
    this.#accepted = 0;
    this.#dueAt = now + PAUSE_MS;
  }
}
