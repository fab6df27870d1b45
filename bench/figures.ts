/** Calls by operation. */
export type Calls = Readonly<Record<string, number>>;

/** Who was measured. Times of `script` and `library` leave out the start of a process; those of the others do not. */
export type Contender = 'script' | 'library' | 'script process' | 'command line';

export type CaseName = 'fresh' | 'nothing to do' | 'state lost';

/** One case, once. */
export interface Sample {
  readonly contender: Contender;
  readonly name: CaseName;
  readonly roles: number;
  /** Added to each call, in milliseconds. */
  readonly latency: number;
  readonly ms: number;
  readonly calls: Calls;
}

/** The samples of one case and contender. */
export interface Series extends Omit<Sample, 'ms' | 'calls'> {
  readonly times: Spread;
  /** Of the repeat that made most. */
  readonly calls: Calls;
}

/** Several measurements of one thing, in milliseconds. */
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

/** How many calls there are. */
export function totalOf(calls: Calls): number {
  return Object.values(calls).reduce((sum, count) => sum + count, 0);
}

/** Gathers samples, in the order in which each case and contender came first. */
export function seriesOf(samples: readonly Sample[]): Series[] {
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const key = [sample.latency, sample.roles, sample.name, sample.contender].join('/');
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  return [...groups.values()].flatMap((group) => {
    const [dearest] = [...group].sort((a, b) => totalOf(b.calls) - totalOf(a.calls));
    return dearest === undefined ? [] : [{ ...dearest, times: spreadOf(group.map(({ ms }) => ms)) }];
  });
}

/** What a contender is compared with. */
export function floorOf(series: Series, all: readonly Series[]): Series | undefined {
  const floor = { library: 'script', 'command line': 'script process' } as const;
  if (series.contender !== 'library' && series.contender !== 'command line') return undefined;
  const contender = floor[series.contender];
  return all.find(
    (one) =>
      one.contender === contender &&
      one.name === series.name &&
      one.roles === series.roles &&
      one.latency === series.latency,
  );
}
