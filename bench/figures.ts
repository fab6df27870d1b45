import type { Condition } from './conditions.js';

/** Calls by operation. */
export type Calls = Readonly<Record<string, number>>;

export type CaseName = 'fresh' | 'nothing to do' | 'one drift' | 'state lost' | 'ten at once';

/** The contender, workload, condition and case of a measurement. */
export interface Place {
  readonly contender: string;
  readonly workload: string;
  readonly condition: Condition['name'];
  readonly name: CaseName;
}

/** One case, once. Of ten pipelines the time is until the last has ended, and calls and processor time are of all. */
export interface Sample extends Place {
  readonly ms: number;
  readonly cpuMs: number;
  /** The peak memory of the largest process. */
  readonly peakRssBytes: number;
  /** The worker's share, where a contender has a worker that keeps running. The other figures leave it out. */
  readonly worker?: { readonly cpuMs: number; readonly peakRssBytes: number };
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
  readonly worker?: { readonly cpuMs: Spread; readonly peakRssBytes: Spread };
  /** The calls of the repeat with the most. */
  readonly calls: Calls;
  /** The throttled calls of the repeat with the most. */
  readonly throttled: number;
  /** The exit codes of all repeats. */
  readonly exitCodes: readonly number[];
  /** In every repeat. */
  readonly asDeclared: boolean;
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
    const workers = group.flatMap(({ worker }) => (worker === undefined ? [] : [worker]));
    const series: Series = {
      contender,
      workload,
      condition,
      name,
      ms: spreadOf(group.map(({ ms }) => ms)),
      cpuMs: spreadOf(group.map(({ cpuMs }) => cpuMs)),
      peakRssBytes: spreadOf(group.map(({ peakRssBytes }) => peakRssBytes)),
      ...(workers.length === 0
        ? {}
        : {
            worker: {
              cpuMs: spreadOf(workers.map(({ cpuMs }) => cpuMs)),
              peakRssBytes: spreadOf(workers.map(({ peakRssBytes }) => peakRssBytes)),
            },
          }),
      calls,
      throttled: Math.max(...group.map(({ throttled }) => throttled)),
      exitCodes: group.flatMap(({ exitCodes }) => exitCodes),
      asDeclared: group.every(({ asDeclared }) => asDeclared),
    };
    return [series];
  });
}

/** The series of another contender, or of another case, beside this one. */
export function beside(all: readonly Series[], one: Series, other: Partial<Place>): Series | undefined {
  const { contender, workload, condition, name } = { ...one, ...other };
  return all.find(
    (each) =>
      each.contender === contender && each.workload === workload && each.condition === condition && each.name === name,
  );
}
