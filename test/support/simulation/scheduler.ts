import type { VirtualClock } from './clock.js';

/** Time that one call to AWS takes, in milliseconds. */
const CALL_MS = 40;

/** Events after which a history counts as endless. */
const MAX_EVENTS = 3_000;

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** A call to AWS that waits for its turn. */
interface PendingCall {
  readonly run: () => void;
  /** The caller's name. Of two calls of one caller, the first goes first. */
  readonly caller: string;
}

/**
 * Decides what happens next, one event at a time: a call to AWS, or a timer. All code between two events is promises
 * only, so a history with the same choices always takes the same course.
 */
export class Scheduler {
  readonly #clock: VirtualClock;
  #timers: Timer[] = [];
  readonly #calls: PendingCall[] = [];
  /** Which of the waiting callers goes next, for each call with a choice; the first where the list ends. */
  readonly #choices: number[] = [];
  #events = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  get now(): number {
    return this.#clock.now;
  }

  /** Adds choices for the next calls. */
  choose(choices: readonly number[]): void {
    this.#choices.length = 0;
    this.#choices.push(...choices);
  }

  /** Runs something after a time. Returns a function that prevents it. */
  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#clock.now + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  /** Runs a call to AWS once it is its turn. */
  call(caller: string, run: () => void): void {
    this.#calls.push({ caller, run });
  }

  /**
   * Lets one event after another happen.
   *
   * @param isDone - asked once all code has come to rest
   * @param onRest - called once all code has come to rest; returns true where it set something in motion
   */
  async runUntil(isDone: () => boolean, onRest: () => boolean): Promise<void> {
    for (;;) {
      await new Promise(setImmediate);
      if (onRest()) continue;
      if (isDone()) return;
      this.#events += 1;
      if (this.#events > MAX_EVENTS) throw new Error('the history does not end');
      this.#next()();
    }
  }

  #next(): () => void {
    const timer = this.#timers.reduce<Timer | undefined>(
      (first, other) => (first === undefined || other.at < first.at ? other : first),
      undefined,
    );
    const isDue = timer !== undefined && timer.at <= this.#clock.now;
    if (this.#calls.length > 0 && !isDue) {
      this.#clock.now += CALL_MS;
      return this.#takeCall().run;
    }
    if (timer === undefined) throw new Error('nothing is left that could happen, and the history has not ended');
    this.#clock.now = Math.max(this.#clock.now, timer.at);
    this.#timers = this.#timers.filter((other) => other !== timer);
    return timer.run;
  }

  #takeCall(): PendingCall {
    const callers = [...new Set(this.#calls.map(({ caller }) => caller))];
    const choice = callers.length > 1 ? (this.#choices.shift() ?? 0) : 0;
    const caller = callers[choice % callers.length];
    const index = this.#calls.findIndex((call) => call.caller === caller);
    const [call] = this.#calls.splice(index, 1);
    if (call === undefined) throw new Error('no call waits');
    return call;
  }
}
