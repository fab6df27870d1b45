import { setImmediate as breath } from 'node:timers/promises';
import { idealMs, TokenBucket } from '../../../bench/conditions.js';
import { Pace } from '../../../src/aws/pace.js';
import type { Clock } from '../../../src/aws/pace.js';

/** Time that passes only when everybody waits for it. */
class Simulation implements Clock {
  #now = 0;
  #sleepers: { readonly at: number; readonly wake: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((wake) => this.#sleepers.push({ at: this.#now + ms, wake }));
  }

  async run(work: Promise<unknown>): Promise<void> {
    const ended = work.then(
      () => true,
      () => true,
    );
    while (!(await Promise.race([ended, breath(false)]))) {
      this.#sleepers.sort((one, other) => one.at - other.at);
      const next = this.#sleepers.shift();
      if (next === undefined) throw new Error('all wait for nothing');
      this.#now = Math.max(this.#now, next.at);
      next.wake();
    }
    await work;
  }
}

class Throttling extends Error {}

const isThrottled = (error: unknown): boolean => error instanceof Throttling;

interface Service {
  /** Whether a call is let through. */
  readonly lets: (now: number) => boolean;
  readonly latencyMs: number;
}

interface Outcome {
  readonly ms: number;
  readonly throttled: number;
}

/** Has so many calls made, 20 at a time, each again until it is let through. */
async function callAll(
  count: number,
  { lets, latencyMs }: Service,
  clock = new Simulation(),
  pace = new Pace(clock),
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
  const caller = async (): Promise<void> => {
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
  await clock.run(Promise.all(Array.from({ length: 20 }, caller)));
  return { ms: clock.now() - startedAt, throttled };
}

describe('the pace of calls to an account', () => {
  it('does not slow down calls that AWS lets through', async () => {
    const { ms, throttled } = await callAll(1_000, { lets: () => true, latencyMs: 100 });
    expect({ ms, throttled }).toEqual({ ms: 5_000, throttled: 0 });
  });

  it.each([
    { perSecond: 5, burst: 20 },
    { perSecond: 10, burst: 10 },
    { perSecond: 20, burst: 50 },
    { perSecond: 50, burst: 100 },
    { perSecond: 100, burst: 100 },
  ])('finds out $perSecond calls a second, and wastes few', async (bucket) => {
    const latencyMs = 40;
    const tokens = new TokenBucket(bucket, 0);
    const count = 2_000;
    const { ms, throttled } = await callAll(count, { lets: (now) => tokens.take(now), latencyMs });
    const ideal = idealMs({ name: 'latency-true', latencyMs, propagationMs: 0, bucket }, count);
    expect(ms / ideal).toBeLessThan(1.1);
    expect(throttled / (count + throttled)).toBeLessThan(0.05);
  });

  it('takes a call that is throttled alone for no limit', async () => {
    let calls = 0;
    const { ms, throttled } = await callAll(1_000, { lets: () => (calls += 1) !== 500, latencyMs: 100 });
    expect(throttled).toBe(1);
    expect(ms).toBeLessThan(5_000 + 500);
  });

  it('is back soon after a storm in which all is throttled', async () => {
    const { ms } = await callAll(1_000, { lets: (now) => now < 1_000 || now > 11_000, latencyMs: 100 });
    expect(ms).toBeLessThan(5_000 + 10_000 + 15_000);
  });

  it('ends a wait that is aborted, and lets the next call have its turn', async () => {
    const clock = new Simulation();
    const pace = new Pace(clock);
    await expect(pace.send(() => Promise.reject(new Throttling()), isThrottled)).rejects.toThrow();
    const controller = new AbortController();
    const aborted = pace.turn(controller.signal);
    const next = pace.turn();
    controller.abort(new Error('cancelled'));
    await expect(aborted).rejects.toThrow('cancelled');
    await clock.run(next);
    expect(clock.now()).toBeLessThanOrEqual(1_000);
    await expect(pace.turn(controller.signal)).rejects.toThrow('cancelled');
  });

  it('forgets a limit after a minute without one', async () => {
    const clock = new Simulation();
    const pace = new Pace(clock);
    const tokens = new TokenBucket({ perSecond: 5, burst: 5 }, 0);
    await callAll(100, { lets: (now) => tokens.take(now), latencyMs: 100 }, clock, pace);
    await clock.run(clock.sleep(61_000));
    const { ms } = await callAll(1_000, { lets: () => true, latencyMs: 100 }, clock, pace);
    expect(ms).toBeLessThan(5_200);
  });
});
