/** The estimated rate as a share of the measured one. */
const SAFETY_FACTOR = 0.99;

/** The smallest factor by which a throttled call reduces the rate. */
const MIN_REDUCTION = 0.5;

/** The minimum rate, in calls a second. */
const MIN_RATE = 1;

/** Fewer calls than this measure no rate that can be relied on. */
const MIN_MEASURED_CALLS = 4;

/** The time in which a bucket is taken to be filled, where its rate was not measured, in seconds. */
const GUESSED_FILL_SECONDS = 4;

/** The share of a bucket that is relied on, where its rate was not measured. */
const GUESSED_SHARE = 0.9;

/** Calls of a shorter time tell no rate, in milliseconds. */
const MIN_GUESSED_MS = 500;

/** The time for which earlier measurements count, in milliseconds. */
const MEMORY_MS = 10_000;

/** The calls for which a measured rate holds, so that one throttled call is a small part: for each measured call, at most. */
const HOLD_CALLS = { perMeasured: 4, max: 160 };

/** The time for which a rate holds, in milliseconds: that of an earlier run at most as long as a stale one. */
const HOLD_MS = { min: 1_000, stale: 2_000, max: 12_000 };

/** The pause after which a rate is stale, in milliseconds. */
const STALE_MS = 60_000;

/** The growth of the rate per reply and second, once it does not hold anymore; for low rates, that per second squared. */
const GROWTH = { perReply: 0.05, perSecond: 0.5 };

const SECOND_MS = 1_000;

/** Calls that AWS accepted, and the time in which it did. */
export interface Measured {
  readonly calls: number;
  readonly ms: number;
}

/** A time in which calls are sent without a pause. */
export interface Busy {
  readonly since: number;
  /** The pause before, in milliseconds. */
  readonly idleMs: number;
}

/** The calls that AWS accepted after a pause, until it throttled one. */
interface Burst extends Measured {
  /** The pause before, in milliseconds. */
  readonly idleMs: number;
}

/**
 * The token bucket of an account, as its throttled calls reveal it. At a throttled call the bucket is empty: between two
 * of them, AWS accepts as many calls as the bucket is refilled with, and before the first one those that it held.
 */
export class BucketEstimate {
  #rate = Infinity;
  /** The calls that a full bucket holds; undefined until a throttled call after a pause has shown it. */
  #burst: number | undefined;
  #tokens = 0;
  #filledAt: number;
  #emptiedAt: number;
  #measured: Measured = { calls: 0, ms: 0 };
  #holdCalls = 0;

  private constructor(now: number) {
    this.#filledAt = now;
    this.#emptiedAt = now;
  }

  /**
   * Estimates the rate from the calls between two throttled ones.
   *
   * @param between - those calls
   * @param burst - the calls before the first throttled one, if they came after a pause
   * @param now - the time of the second throttled call
   */
  static measured(between: Measured, burst: Measured | undefined, now: number): BucketEstimate {
    const estimate = new BucketEstimate(now);
    estimate.empty(between, now, burst && { ...burst, idleMs: Infinity });
    return estimate;
  }

  /**
   * Guesses the rate where only one call was throttled.
   *
   * @param since - the calls since then, which all were accepted
   * @param burst - the calls before, if they came after a pause
   * @param now - the time of the throttled call
   */
  static guessed(since: Measured, burst: Measured | undefined, now: number): BucketEstimate {
    const estimate = new BucketEstimate(now);
    const { calls, ms } = burst ?? { calls: 0, ms: 0 };
    const rate = Math.max(calls / GUESSED_FILL_SECONDS, since.ms < MIN_GUESSED_MS ? 0 : rateOf(since));
    estimate.#rate = Math.max(MIN_RATE, rate);
    if (burst !== undefined) estimate.#burst = Math.max(1, (calls - (rate * ms) / SECOND_MS) * GUESSED_SHARE);
    return estimate;
  }

  /** The time of the last throttled call. */
  get emptiedAt(): number {
    return this.#emptiedAt;
  }

  /** Returns the time until the next call may be sent, in milliseconds. */
  waitMs(now: number): number {
    this.#fill(now);
    // A call that is due does not wait for a rounding error.
    return this.#tokens > 1 - 1e-6 ? 0 : ((1 - this.#tokens) / this.#rate) * SECOND_MS;
  }

  /** Counts a call that is sent. */
  take(now: number): void {
    this.#fill(now);
    this.#tokens -= 1;
  }

  /**
   * Adjusts the estimate to a throttled call.
   *
   * @param between - the calls since the throttled call before; undefined after a pause, when their number does not
   *   measure the rate
   * @param now - the time of the throttled call
   * @param burst - the calls since a pause, for the first throttled call after it
   */
  empty(between: Measured | undefined, now: number, burst?: Burst): void {
    if (between !== undefined && between.ms > 0) this.#measureRate(between);
    // The rate may have grown beyond what was measured.
    else if (this.#measured.ms > 0)
      this.#rate = Math.min(this.#rate, Math.max(MIN_RATE, rateOf(this.#measured) * SAFETY_FACTOR));
    if (burst !== undefined) this.#measureBurst(burst);
    this.#tokens = 0;
    this.#filledAt = now;
    this.#emptiedAt = now;
  }

  /** Lets the rate grow after an accepted call that others waited for. */
  grow(now: number, { since, idleMs }: Busy): void {
    const maxMs = idleMs > STALE_MS && this.#emptiedAt < since ? HOLD_MS.stale : HOLD_MS.max;
    const holdMs = Math.min(maxMs, Math.max(HOLD_MS.min, (this.#holdCalls / this.#rate) * SECOND_MS));
    const seconds = (now - Math.max(this.#emptiedAt, since) - holdMs) / SECOND_MS;
    if (seconds <= 0) return;
    this.#fill(now);
    this.#rate += Math.max(GROWTH.perReply, GROWTH.perSecond / this.#rate) * seconds;
  }

  #measureBurst({ calls, ms, idleMs }: Burst): void {
    const refilled = rateOf(this.#measured) * (ms / SECOND_MS);
    // In a shorter pause, the bucket was not filled. Most calls of a long burst do not tell what it held.
    const isTelling = (idleMs / SECOND_MS) * this.#rate >= (this.#burst ?? 0) && refilled <= calls / 2;
    if (this.#burst === undefined || isTelling) this.#burst = Math.max(1, calls - refilled);
  }

  #measureRate(between: Measured): void {
    const latest = rateOf(between);
    const { calls, ms } = this.#measured;
    const known = rateOf(this.#measured);
    const isAlike = ms > 0 && latest > known * MIN_REDUCTION && latest < known / MIN_REDUCTION;
    const kept = isAlike ? Math.min(1, MEMORY_MS / ms) : 0;
    this.#measured = { calls: calls * kept + between.calls, ms: ms * kept + between.ms };
    this.#holdCalls =
      between.calls < MIN_MEASURED_CALLS ? 0 : Math.min(HOLD_CALLS.max, HOLD_CALLS.perMeasured * this.#measured.calls);
    const rate = rateOf(this.#measured) * SAFETY_FACTOR;
    const min = this.#rate === Infinity ? 0 : this.#rate * MIN_REDUCTION;
    this.#rate = Math.max(MIN_RATE, min, Math.min(this.#rate, rate));
  }

  #fill(now: number): void {
    const max = Math.max(1, this.#burst ?? this.#rate);
    this.#tokens = Math.min(max, this.#tokens + ((now - this.#filledAt) / SECOND_MS) * this.#rate);
    this.#filledAt = now;
  }
}

/** Returns calls per second. Adds half a call for the partly refilled token. */
function rateOf({ calls, ms }: Measured): number {
  return ms === 0 ? 0 : ((calls + 0.5) / ms) * SECOND_MS;
}
