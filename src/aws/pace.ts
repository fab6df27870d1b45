import { setTimeout as sleep } from 'node:timers/promises';

/** A throttled call slows down to no less than this part; the first to this part of what was sent in the last second. */
const CUT = 0.5;

/** How far below what AWS lets through calls are kept. */
const BELOW = 0.95;

/** By which part the pace rises each second, two seconds after a throttled call; after three by twice as much. */
const GROWTH = 0.05;

/** Calls a second, at the least. */
const SLOWEST = 2;

/** After a throttled call nothing is sent for so long, in milliseconds: the next one would only be throttled, too. */
const HOLD_MS = 250;

/** Longer without a throttled call, and AWS may let through more by now. In milliseconds. */
const FORGOTTEN_MS = 60_000;

/** What was not used is kept for so long, as AWS keeps it. In milliseconds. */
const SAVED_MS = 1_000;

const SECOND_MS = 1_000;

/** What a pace reads the time from, in milliseconds. */
export interface Clock {
  now(): number;
  sleep(ms: number): Promise<unknown>;
}

const REAL_CLOCK: Clock = { now: () => performance.now(), sleep };

/**
 * How fast calls go to one account. As fast as they come, until AWS throttles one. IAM's limits are not published, but
 * what is limited by a token bucket tells its rate: between two throttled calls it has let through what came in.
 *
 * The SDK's adaptive mode does not serve here: it slows down for each of the calls that are throttled together, ten
 * times over where ten were under way, and takes ten seconds to be back (`DefaultRateLimiter`, `@smithy/core` 3.41).
 */
export class Pace {
  readonly #clock: Clock;
  /** Calls a second; undefined as long as nothing limits them. */
  #rate: number | undefined;
  /** When the last call was due by the pace. */
  #dueAt = -Infinity;
  #turn: Promise<void> = Promise.resolve();
  /** When the calls of the last second were sent. */
  #sentAt: number[] = [];
  #underWay = 0;
  /** Calls that were under way when one was throttled last: their answers tell nothing new. */
  #old = 0;
  #throttledAt = -Infinity;
  /** Let through since then. */
  #through = 0;

  constructor(clock: Clock = REAL_CLOCK) {
    this.#clock = clock;
  }

  /** Waits until it is a call's turn. */
  async turn(): Promise<void> {
    if (this.#rate === undefined && this.#dueAt <= this.#clock.now()) return;
    const turn = this.#turn.then(() => this.#untilDue());
    this.#turn = turn;
    await turn;
  }

  /** Sends a call whose turn it is, and learns from the answer. */
  async send<T>(call: () => Promise<T>, isThrottled: (error: unknown) => boolean): Promise<T> {
    this.#sentAt.push(this.#clock.now());
    if (this.#sentAt.length % 64 === 0) this.#sentAt = this.#recent();
    this.#underWay += 1;
    try {
      const answer = await call();
      this.#answered(false);
      return answer;
    } catch (error) {
      this.#answered(isThrottled(error));
      throw error;
    }
  }

  async #untilDue(): Promise<void> {
    for (;;) {
      const now = this.#clock.now();
      if (now - this.#throttledAt > FORGOTTEN_MS) this.#rate = undefined;
      const due =
        this.#rate === undefined ? this.#dueAt : Math.max(this.#dueAt + SECOND_MS / this.#rate, now - SAVED_MS);
      if (due <= now) {
        this.#dueAt = due;
        return;
      }
      await this.#clock.sleep(due - now);
    }
  }

  #recent(): number[] {
    const since = this.#clock.now() - SECOND_MS;
    return this.#sentAt.filter((at) => at > since);
  }

  #answered(throttled: boolean): void {
    this.#underWay -= 1;
    if (!throttled) this.#through += 1;
    if (throttled && (this.#old === 0 || this.#rate === undefined)) this.#slowDown();
    else if (this.#old > 0) this.#old -= 1;
    else if (this.#rate !== undefined) {
      const seconds = (this.#clock.now() - this.#throttledAt) / SECOND_MS;
      this.#rate += GROWTH * Math.max(0, seconds - 1);
    }
  }

  #slowDown(): void {
    const now = this.#clock.now();
    const elapsed = now - this.#throttledAt;
    // One that is throttled alone is no sign of an empty bucket: those that are under way would be as well.
    if (this.#rate !== undefined || elapsed < SECOND_MS) {
      const rate = this.#rate ?? this.#recent().length;
      const measured = elapsed > HOLD_MS ? (this.#through / elapsed) * SECOND_MS * BELOW : 0;
      // What was let through is no measure where less was sent.
      this.#rate = Math.max(SLOWEST, rate * CUT, Math.min(rate, measured));
    }
    this.#old = this.#underWay;
    this.#throttledAt = now;
    this.#through = 0;
    this.#dueAt = now + HOLD_MS;
  }
}
