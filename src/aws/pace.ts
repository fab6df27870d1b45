import { setTimeout as sleep } from 'node:timers/promises';
import { BucketEstimate, type Busy, type Measured } from './bucket-estimate.js';

/** Calls that may be in flight to an account that nothing is known about. */
const MIN_WINDOW = 5;

/** Calls that AWS has to accept, with as many in flight as may be, before more may, and then for each further one. */
const WINDOW_GROWTH = { after: 60, calls: 3 };

/** After the first throttled call, one call at a time finds out the rate; one more for so many accepted ones. */
const CALLS_PER_PROBE = 10;

/** The time within which a second throttled call shows that the first one was not a single one, in milliseconds. */
const SINGLE_MS = 5_000;

/** The pause after a throttled call, in milliseconds. A call within it would be throttled too. */
const PAUSE_MS = 250;

/** The time without a call after which the bucket is no longer that of the calls before, in milliseconds. */
const IDLE_MS = 1_000;

/** The time after which a call that had its turn, and was not sent, does not count as in flight, in milliseconds. */
const MAX_TURN_MS = 1_000;

/** The time without a throttled call after which the limit is forgotten, in milliseconds. */
const LIMIT_EXPIRY_MS = 3_600_000;

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

/** Calls that were sent without a pause between them. */
interface BusyTime extends Busy {
  accepted: number;
  /** Those among them that kept others from being sent. */
  awaited: number;
  isThrottled: boolean;
}

/** The throttled call that shows that an account has a limit, and the search for its rate. */
interface Probe {
  /** Calls in flight at that time that were accepted and throttled later. */
  accepted: number;
  throttled: number;
}

/**
 * Limits the calls to one account. IAM does not publish its limits, so that the calls have to find them out. The SDK's
 * adaptive mode does not fit. It slows down for each of the calls that are throttled together, ten times if
 * ten were in flight, and needs ten seconds to recover (`DefaultRateLimiter`, `@smithy/core` 3.41).
 *
 * Calls that are in flight when the bucket is empty are wasted, so that their number grows with that of the calls that AWS
 * has accepted. After the first throttled call, single calls find out the rate. Later runs begin with what is known.
 */
export class Pace {
  readonly #clock: Clock;
  #estimate: BucketEstimate | undefined;
  #probe: Probe | undefined;
  #busy: BusyTime;
  /** The largest number of awaited calls that AWS has accepted without a pause, and without a throttled call. */
  #mostAwaited = 0;
  /** The calls that AWS has accepted since the last throttled one. Undefined if they do not measure the rate. */
  #acceptedSince: number | undefined;
  /** The calls before the first throttled one, until the rate is known. */
  #burst: Measured | undefined;
  #throttledAt = -Infinity;
  #pausedUntil = -Infinity;
  #inFlight = 0;
  #lastAt = -Infinity;
  /** The times at which the calls had their turn that are not sent yet. */
  #turns: number[] = [];
  #waiting = 0;
  #turn: Promise<void> = Promise.resolve();
  #notify: () => void = () => undefined;

  constructor(clock: Clock = REAL_CLOCK) {
    this.#clock = clock;
    this.#busy = { since: clock.now(), idleMs: Infinity, accepted: 0, awaited: 0, isThrottled: false };
  }

  /** Reports whether AWS has throttled calls to this account lately. */
  get isLimited(): boolean {
    return this.#estimate !== undefined;
  }

  /**
   * Waits until the next call may be sent.
   *
   * @param signal - ends the wait: it then throws the signal's reason, and the turn goes to the next call
   */
  async turn(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.#beginIfIdle();
    if (this.#waiting === 0 && this.#waitMs() === 0) {
      this.#take();
      return;
    }
    this.#waiting += 1;
    const turn = this.#turn.then(() => this.#waitUntilDue(signal)).finally(() => (this.#waiting -= 1));
    this.#turn = turn;
    await (signal === undefined ? turn : unlessAborted(turn, signal));
  }

  /** Sends a call that the pace allows, and adjusts the pace to the reply. */
  async send<T>(call: () => Promise<T>, isThrottled: (error: unknown) => boolean): Promise<T> {
    const sentAt = this.#clock.now();
    this.#beginIfIdle();
    this.#turns.shift();
    this.#inFlight += 1;
    try {
      const reply = await call();
      this.#learn(sentAt, false);
      return reply;
    } catch (error) {
      this.#learn(sentAt, isThrottled(error));
      throw error;
    }
  }

  async #waitUntilDue(signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      if (signal?.aborted === true) return;
      const ms = this.#waitMs();
      if (ms === 0) {
        this.#take();
        return;
      }
      const changed = new Promise<void>((resolve) => (this.#notify = resolve));
      await (ms === Infinity ? changed : Promise.race([changed, this.#clock.sleep(ms)]));
    }
  }

  /** Returns the time until the next call is due, in milliseconds; Infinity if it waits for the reply to another. */
  #waitMs(): number {
    const now = this.#clock.now();
    if (this.#estimate !== undefined && now - this.#estimate.emptiedAt > LIMIT_EXPIRY_MS) this.#estimate = undefined;
    const pause = Math.max(0, this.#pausedUntil - now);
    if (pause > 0) return pause;
    while ((this.#turns[0] ?? Infinity) <= now - MAX_TURN_MS) this.#turns.shift();
    if (this.#inFlight + this.#turns.length >= this.#window()) {
      const [oldest] = this.#turns;
      return oldest === undefined ? Infinity : oldest + MAX_TURN_MS - now;
    }
    return this.#estimate?.waitMs(now) ?? 0;
  }

  #take(): void {
    const now = this.#clock.now();
    this.#estimate?.take(now);
    this.#turns.push(now);
  }

  /** Returns the number of calls that may be in flight. */
  #window(): number {
    if (this.#probe !== undefined) return 1 + Math.floor((this.#acceptedSince ?? 0) / CALLS_PER_PROBE);
    const awaited = Math.max(this.#mostAwaited, this.#busy.awaited);
    return MIN_WINDOW + Math.max(0, Math.floor((awaited - WINDOW_GROWTH.after) / WINDOW_GROWTH.calls));
  }

  /** Begins anew after a pause: the bucket may have been full for a while. */
  #beginIfIdle(): void {
    const now = this.#clock.now();
    const idleMs = now - this.#lastAt;
    if (this.#inFlight + this.#turns.length + this.#waiting > 0 || idleMs <= IDLE_MS) return;
    if (this.#probe !== undefined) {
      const since = { calls: this.#acceptedSince ?? 0, ms: this.#lastAt - this.#throttledAt };
      this.#estimate = BucketEstimate.guessed(since, this.#burst, this.#throttledAt);
      this.#probe = undefined;
    }
    this.#busy = { since: now, idleMs, accepted: 0, awaited: 0, isThrottled: false };
    this.#acceptedSince = undefined;
  }

  #learn(sentAt: number, throttled: boolean): void {
    const now = this.#clock.now();
    const isFull = this.#waiting > 0 && this.#inFlight + this.#turns.length >= this.#window();
    this.#inFlight -= 1;
    this.#lastAt = now;
    if (throttled) this.#learnThrottled(sentAt, now);
    else this.#learnAccepted(sentAt, now, isFull);
    this.#notify();
  }

  #learnAccepted(sentAt: number, now: number, isFull: boolean): void {
    this.#busy.accepted += 1;
    if (isFull) this.#busy.awaited += 1;
    if (!this.#busy.isThrottled) this.#mostAwaited = Math.max(this.#mostAwaited, this.#busy.awaited);
    if (this.#acceptedSince !== undefined) this.#acceptedSince += 1;
    if (sentAt > this.#throttledAt) {
      if (this.#waiting > 0) this.#estimate?.grow(now, this.#busy);
      return;
    }
    const probe = this.#probe;
    if (probe === undefined) return;
    probe.accepted += 1;
    // AWS goes on to accept calls: the bucket is not empty, and the throttled call was a single one.
    if (probe.accepted > 1 && probe.accepted > 2 * probe.throttled) {
      this.#probe = undefined;
      this.#pausedUntil = -Infinity;
    }
  }

  #learnThrottled(sentAt: number, now: number): void {
    // The bucket was empty for all calls that were in flight.
    if (sentAt <= this.#throttledAt) {
      if (this.#probe !== undefined) this.#probe.throttled += 1;
      return;
    }
    this.#adjust(now);
    this.#throttledAt = now;
    this.#pausedUntil = now + PAUSE_MS;
    this.#acceptedSince = 0;
  }

  #adjust(now: number): void {
    const between =
      this.#acceptedSince === undefined ? undefined : { calls: this.#acceptedSince, ms: now - this.#throttledAt };
    const { since, accepted, isThrottled, idleMs } = this.#busy;
    this.#busy.isThrottled = true;
    const burst = isThrottled ? undefined : { calls: accepted, ms: now - since };
    if (this.#estimate !== undefined) this.#estimate.empty(between, now, burst && { ...burst, idleMs });
    else if (between !== undefined && this.#isMeasured(between.ms)) {
      this.#estimate = BucketEstimate.measured(between, this.#burst, now);
      this.#probe = undefined;
    } else {
      this.#probe = { accepted: 0, throttled: 1 };
      this.#burst = burst ?? this.#burst;
    }
  }

  /** Reports whether so long a time after the first throttled call, a second one shows the rate. */
  #isMeasured(ms: number): boolean {
    return ms >= PAUSE_MS && (this.#probe !== undefined || ms < SINGLE_MS);
  }
}
