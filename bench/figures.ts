import type { Condition } from './conditions.js';

/** Calls by operation. */
export type Calls = Readonly<Record<string, number>>;

export type CaseName = 'fresh' | 'fresh again' | 'nothing to do' | 'one drift' | 'state lost' | 'ten at once';

/** The contender, workload, condition and case of a measurement. */
export interface Place {
  readonly contender: string;
  readonly workload: string;
  readonly condition: Condition['name'];
  readonly name: CaseName;
}

/** Resources that a process used. */
export interface Used {
  readonly cpuMs: number;
  readonly peakRssBytes: number;
}

/** One case, once. Of ten pipelines the time is until the last has ended, and calls and processor time are of all. */
export interface Sample extends Place {
  readonly ms: number;
  readonly cpuMs: number;
  /** The peak memory of the largest process. */
  readonly peakRssBytes: number;
  /** The worker's share, where a contender has a worker that keeps running. The other figures leave it out. */
  readonly worker?: Used;
  /** The Temporal server's share, with that of its database. The other figures leave it out. */
  readonly server?: Used;
  readonly calls: Calls;
  /** Calls among them that were throttled. */
  readonly throttled: number;
  readonly exitCodes: readonly number[];
  /** True where the account was as declared afterwards; in `one drift`, where the drift was found and fixed. */
  readonly asDeclared: boolean;
}

/** The samples of one case and contender. */
export interface Series extends Place {
  readonly ms: Spread;
  readonly cpuMs: Spread;
  readonly peakRssBytes: Spread;
  readonly worker?: UsedSpread;
  readonly server?: UsedSpread;
  /** The calls of the repeat with the most. */
  readonly calls: Calls;
  /** The throttled calls of the repeat with the most. */
  readonly throttled: number;
  /** The throttled share of the calls, over all repeats. */
  readonly throttledShare: Spread;
  /** The exit codes of all repeats. */
  readonly exitCodes: readonly number[];
  /** In every repeat. */
  readonly asDeclared: boolean;
}

/** {@link Used}, over all repeats. */
export interface UsedSpread {
  readonly cpuMs: Spread;
  readonly peakRssBytes: Spread;
}

/** Several measurements of one thing. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The middle, and how far it is to the ends. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.slice(Math.floor((sorted.length - 1) / 2), Math.floor(sorted.length / 2) + 1);
  const median = middle.reduce((sum, value) => sum + value, 0) / middle.length;
  return { median, min: sorted[0] ?? NaN, max: sorted.at(-1) ?? NaN };
}

/** Returns the number of calls. */
export function totalOf(calls: Calls): number {
  return Object.values(calls).reduce((sum, count) => sum + count, 0);
}

/** Gathers samples, in the order in which each case and contender came first. */
export function seriesOf(samples: readonly Sample[]): Series[] {
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const key = JSON.stringify([sample.condition, sample.workload, sample.name, sample.contender]);
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  return [...groups.values()].flatMap((group) => {
    const [dearest] = [...group].sort((a, b) => totalOf(b.calls) - totalOf(a.calls));
    if (dearest === undefined) return [];
    const { contender, workload, condition, name, calls } = dearest;
    const [worker, server] = [usedOf(group, ({ worker }) => worker), usedOf(group, ({ server }) => server)];
    const series: Series = {
      contender,
      workload,
      condition,
      name,
      ms: spreadOf(group.map(({ ms }) => ms)),
      cpuMs: spreadOf(group.map(({ cpuMs }) => cpuMs)),
      peakRssBytes: spreadOf(group.map(({ peakRssBytes }) => peakRssBytes)),
      ...(worker === undefined ? {} : { worker }),
      ...(server === undefined ? {} : { server }),
      calls,
      throttled: Math.max(...group.map(({ throttled }) => throttled)),
      throttledShare: spreadOf(group.map(({ throttled, calls }) => throttled / Math.max(1, totalOf(calls)))),
      exitCodes: group.flatMap(({ exitCodes }) => exitCodes),
      asDeclared: group.every(({ asDeclared }) => asDeclared),
    };
    return [series];
  });
}

function usedOf(group: readonly Sample[], of: (sample: Sample) => Used | undefined): UsedSpread | undefined {
  const all = group.map(of).filter((used) => used !== undefined);
  if (all.length === 0) return undefined;
  return {
    cpuMs: spreadOf(all.map(({ cpuMs }) => cpuMs)),
    peakRssBytes: spreadOf(all.map(({ peakRssBytes }) => peakRssBytes)),
  };
}

/** The series of another contender, or of another case, beside this one. */
export function beside(all: readonly Series[], one: Series, other: Partial<Place>): Series | undefined {
  const { contender, workload, condition, name } = { ...one, ...other };
  return all.find(
    (each) =>
      each.contender === contender && each.workload === workload && each.condition === condition && each.name === name,
  );
}
