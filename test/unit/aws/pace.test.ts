import fc from 'fast-check';
import { idealMs, TokenBucket } from '../../../bench/conditions.js';
import { Pace } from '../../../src/aws/pace.js';
import { callAll, isThrottled, Simulation, Throttling, type Outcome } from '../../support/paced-calls.js';

/** Latency of a call, in milliseconds. */
const LATENCY_MS = 40;

interface Trial {
  readonly perSecond: number;
  readonly burst: number;
  readonly latencyMs?: number;
  /** Calls of each run. */
  readonly calls: number;
  readonly workers?: number;
  /** Runs one after the other, with a full bucket each. */
  readonly runs?: number;
}

/** What became of a run, against what the bucket allows. */
interface Run extends Outcome {
  /** Throttled calls as a share of all calls. */
  readonly wasted: number;
  /** True if all workers know the limit at the end. */
  readonly isKnown: boolean;
  /** The time as a multiple of the ideal one. */
  readonly slowness: number;
}

/** Plays runs of the same workers against a token bucket. */
async function play({ perSecond, burst, latencyMs = LATENCY_MS, calls, workers = 1, runs = 1 }: Trial): Promise<Run[]> {
  const clock = new Simulation();
  const bucket = new TokenBucket({ perSecond, burst }, 0);
  const paces = Array.from({ length: workers }, () => new Pace(clock));
  const allowed = idealMs({ name: 'latency-true', latencyMs, propagationMs: 0, bucket: { perSecond, burst } }, calls);
  const ideal = Math.max(allowed, (calls / 20) * latencyMs);
  const played: Run[] = [];
  for (let run = 0; run < runs; run += 1) {
    await clock.run(clock.sleep((burst / perSecond) * 1_000 + 5_000));
    const outcome = await callAll(calls, { lets: (now) => bucket.take(now), latencyMs }, clock, paces);
    const { ms, throttled } = outcome;
    const isKnown = paces.every(({ isLimited }) => isLimited);
    played.push({ ...outcome, isKnown, wasted: throttled / (calls + throttled), slowness: ms / ideal });
  }
  return played;
}

/** Plays a run, and fails where there is none. */
async function playOne(trial: Trial): Promise<Run> {
  const [run] = await play(trial);
  if (run === undefined) throw new Error('no run');
  return run;
}

describe('the pace of calls to an account that throttles none', () => {
  const open = { lets: () => true, latencyMs: 100 };

  it('slows down the first hundred calls by a second and a half at most, and later ones not at all', async () => {
    const clock = new Simulation();
    const paces = [new Pace(clock)];
    const first = await callAll(1_000, open, clock, paces);
    expect(first.ms).toBeGreaterThanOrEqual(5_000);
    expect(first.ms).toBeLessThan(6_500);
    await clock.run(clock.sleep(3_600_000));
    expect(await callAll(1_000, open, clock, paces)).toEqual({ ms: 5_000, throttled: 0 });
  });

  it('does not slow down the few calls of a run with nothing to do', async () => {
    const clock = new Simulation();
    const pace = new Pace(clock);
    for (let call = 0; call < 6; call += 1) {
      await pace.turn();
      await clock.run(pace.send(() => clock.sleep(100), isThrottled));
    }
    expect(clock.now()).toBe(600);
  });

  it('takes a call that is throttled alone for no limit', async () => {
    const clock = new Simulation();
    const paces = [new Pace(clock)];
    await callAll(1_000, open, clock, paces);
    let calls = 0;
    const { ms, throttled } = await callAll(1_000, { ...open, lets: () => (calls += 1) !== 500 }, clock, paces);
    expect(throttled).toBe(1);
    expect(ms).toBeLessThan(5_000 + 500);
  });
});

describe('the pace of calls to an account that throttles', () => {
  it('wastes at most 5 % of the 150 calls of a first run, at most one of the second, and little time', async () => {
    const [first, second] = await play({ perSecond: 20, burst: 50, calls: 150, runs: 2 });
    expect(first?.wasted).toBeLessThan(0.05);
    expect(first?.slowness).toBeLessThan(1.05);
    expect(second?.throttled).toBeLessThanOrEqual(1);
    expect(second?.slowness).toBeLessThan(1.05);
  });

  it.each([
    { perSecond: 5, burst: 20 },
    { perSecond: 10, burst: 10 },
    { perSecond: 20, burst: 50 },
    { perSecond: 50, burst: 100 },
    { perSecond: 100, burst: 100 },
  ])('finds out $perSecond calls a second, and wastes few', async (bucket) => {
    const { slowness, wasted } = await playOne({ ...bucket, calls: 2_000 });
    expect(slowness).toBeLessThan(1.02);
    expect(wasted).toBeLessThan(0.02);
  });

  it('sends one call at a time after the first throttled one, until it knows the rate', async () => {
    const clock = new Simulation();
    const bucket = new TokenBucket({ perSecond: 20, burst: 50 }, 0);
    const throttledAt: number[] = [];
    const lets = (now: number): boolean => {
      const isLet = bucket.take(now);
      if (!isLet) throttledAt.push(now);
      return isLet;
    };
    await callAll(100, { lets, latencyMs: LATENCY_MS }, clock, [new Pace(clock)]);
    const [firstAt = 0] = throttledAt;
    // Those that were in flight, and one or two that find the bucket empty again.
    expect(throttledAt.filter((at) => at <= firstAt + LATENCY_MS).length).toBeLessThanOrEqual(6);
    expect(throttledAt.filter((at) => at > firstAt + LATENCY_MS).length).toBeLessThanOrEqual(2);
  });

  it('knows what the bucket holds, where a run ended before it knew the rate', async () => {
    const [, second] = await play({ perSecond: 50, burst: 100, calls: 150, runs: 2 });
    expect(second?.wasted).toBeLessThan(0.05);
  });

  it('never starves, and wastes little time and few calls, whatever the bucket, its latency and the run', async () => {
    const trial = fc.record({
      perSecond: fc.integer({ min: 5, max: 100 }),
      // AWS refills its buckets every second.
      seconds: fc.double({ min: 1, max: 5, noNaN: true }),
      latencyMs: fc.integer({ min: 20, max: 200 }),
      calls: fc.integer({ min: 100, max: 1_000 }),
    });
    await fc.assert(
      fc.asyncProperty(trial, async ({ perSecond, seconds, latencyMs, calls }) => {
        const burst = Math.ceil(Math.min(200, perSecond * seconds));
        const [first, second] = await play({ perSecond, burst, latencyMs, calls, runs: 2 });
        if (first === undefined || second === undefined) throw new Error('no runs');
        const idealMs = first.ms / first.slowness;
        expect(first.ms).toBeLessThan(1.2 * idealMs + 3_500);
        expect(second.ms).toBeLessThan(1.2 * idealMs + 3_500);
        expect(first.throttled).toBeLessThanOrEqual(30 + 0.05 * calls);
        if (first.isKnown) expect(second.throttled).toBeLessThanOrEqual(8 + 0.03 * calls);
      }),
      { numRuns: 60 },
    );
  });

  it('never starves where several workers share an account, and wastes less from the second run on', async () => {
    const trial = fc.record({
      perSecond: fc.integer({ min: 10, max: 100 }),
      seconds: fc.double({ min: 1, max: 3, noNaN: true }),
      workers: fc.integer({ min: 2, max: 3 }),
      calls: fc.integer({ min: 300, max: 1_000 }),
    });
    await fc.assert(
      fc.asyncProperty(trial, async ({ perSecond, seconds, workers, calls }) => {
        const burst = Math.ceil(perSecond * seconds);
        const [first, second] = await play({ perSecond, burst, workers, calls, runs: 2 });
        if (first === undefined || second === undefined) throw new Error('no runs');
        const idealMs = first.ms / first.slowness;
        expect(first.ms).toBeLessThan(1.2 * idealMs + 4_000);
        expect(second.ms).toBeLessThan(1.2 * idealMs + 4_000);
        if (first.isKnown) expect(second.wasted).toBeLessThan(0.08);
      }),
      { numRuns: 20 },
    );
  });

  it('copes with a bucket for reads and another for writes', async () => {
    const clock = new Simulation();
    const reads = new TokenBucket({ perSecond: 10, burst: 20 }, 0);
    const writes = new TokenBucket({ perSecond: 20, burst: 50 }, 0);
    let sent = 0;
    // Every tenth call is a read.
    const lets = (now: number): boolean => ((sent += 1) % 10 === 0 ? reads : writes).take(now);
    const { ms, throttled } = await callAll(500, { lets, latencyMs: LATENCY_MS }, clock, [new Pace(clock)]);
    expect(ms).toBeLessThan(1.1 * ((450 - 50) / 20) * 1_000);
    expect(throttled).toBeLessThan(25);
  });

  it('is back soon after a storm in which all is throttled', async () => {
    const clock = new Simulation();
    const storm = { lets: (now: number) => now < 1_000 || now > 11_000, latencyMs: 100 };
    const { ms } = await callAll(1_000, storm, clock, [new Pace(clock)]);
    expect(ms).toBeLessThan(5_000 + 10_000 + 15_000);
  });

  it('goes up again where AWS allows more than before', async () => {
    const clock = new Simulation();
    const paces = [new Pace(clock)];
    const little = new TokenBucket({ perSecond: 5, burst: 10 }, 0);
    await callAll(100, { lets: (now) => little.take(now), latencyMs: 100 }, clock, paces);
    await clock.run(clock.sleep(61_000));
    const { ms } = await callAll(1_000, { lets: () => true, latencyMs: 100 }, clock, paces);
    expect(ms).toBeLessThan(5_000 + 15_000);
  });

  it('forgets a limit after an hour without one', async () => {
    const clock = new Simulation();
    const pace = new Pace(clock);
    const bucket = new TokenBucket({ perSecond: 5, burst: 5 }, 0);
    await callAll(100, { lets: (now) => bucket.take(now), latencyMs: 100 }, clock, [pace]);
    expect(pace.isLimited).toBe(true);
    await clock.run(clock.sleep(3_601_000));
    const { ms } = await callAll(1_000, { lets: () => true, latencyMs: 100 }, clock, [pace]);
    expect(ms).toBeLessThan(6_500);
    expect(pace.isLimited).toBe(false);
  });
});

describe('a wait for a turn', () => {
  it('ends if it is aborted, and lets the next call have its turn', async () => {
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

  it('is over after a second where calls had their turns and were never sent', async () => {
    const clock = new Simulation();
    const pace = new Pace(clock);
    const turns = Array.from({ length: 12 }, () => pace.turn());
    await clock.run(Promise.all(turns));
    expect(clock.now()).toBeLessThanOrEqual(3_000);
  });
});
