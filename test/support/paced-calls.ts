import { setImmediate as breath } from 'node:timers/promises';
import type { Clock, Pace } from '../../src/aws/pace.js';

/** Calls that a run makes at a time. */
const LANES = 20;

/** Time that passes only when everybody waits for it. */
export class Simulation implements Clock {
  #now = 0;
  #sleepers: { readonly at: number; readonly wake: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  sleep(ms: number): Promise<void> {
    const at = this.#now + ms;
    return new Promise((wake) => {
      const index = this.#sleepers.findIndex((other) => other.at > at);
      this.#sleepers.splice(index === -1 ? this.#sleepers.length : index, 0, { at, wake });
    });
  }

  /** Lets time pass until the work has ended. */
  async run<T>(work: Promise<T>): Promise<T> {
    const ended = work.then(
      () => true,
      () => true,
    );
    for (;;) {
      if (await Promise.race([ended, breath(false)])) return work;
      const next = this.#sleepers.shift();
      if (next === undefined) throw new Error('all wait for nothing');
      this.#now = Math.max(this.#now, next.at);
      next.wake();
    }
  }
}

/** The error of a call that the service has refused. */
export class Throttling extends Error {}

/** Reports whether a call was throttled. */
export const isThrottled = (error: unknown): boolean => error instanceof Throttling;

/** A service that lets calls through, or throttles them. */
export interface Service {
  /** Reports whether a call is let through. */
  readonly lets: (now: number) => boolean;
  readonly latencyMs: number;
}

/** What became of the calls. */
export interface Outcome {
  readonly ms: number;
  readonly throttled: number;
}

/**
 * Makes calls to a service, 20 at a time, each again until it is let through. Each lane belongs to one of the workers, which
 * share the calls and nothing else.
 *
 * @param paces - those of the workers
 */
export async function callAll(
  count: number,
  { lets, latencyMs }: Service,
  clock: Simulation,
  paces: readonly Pace[],
): Promise<Outcome> {
  const startedAt = clock.now();
  let throttled = 0;
  let left = count;
  const send = async (): Promise<void> => {
    await clock.sleep(latencyMs / 2);
    const isLet = lets(clock.now());
    await clock.sleep(latencyMs / 2);
    if (!isLet) throw new Throttling();
  };
  const work = async (pace: Pace): Promise<void> => {
    while (left > 0) {
      left -= 1;
      for (let isDone = false; !isDone;) {
        await pace.turn();
        isDone = await pace.send(send, isThrottled).then(
          () => true,
          () => false,
        );
        if (!isDone) throttled += 1;
      }
    }
  };
  const lanes = Array.from({ length: LANES / paces.length }, () => paces).flat();
  await clock.run(Promise.all(lanes.map(work)));
  return { ms: clock.now() - startedAt, throttled };
}
