import { floorOf, totalOf } from './figures.js';
import type { Series, Spread } from './figures.js';
import { WRITES_PER_ROLE } from './workload.js';

/** All that a run of the benchmark found. */
export interface Results {
  readonly machine: {
    readonly cores: number;
    readonly node: string;
    readonly platform: string;
    /** Runnable processes of all that the machine does, by core, before the benchmark began. */
    readonly load: number;
  };
  readonly at: string;
  readonly repeats: number;
  readonly series: readonly Series[];
  readonly version: Spread;
  /** Node alone, with no program: what no command line can be faster than. */
  readonly node: Spread;
  readonly workerStart: Spread;
}

/** A promise about speed, and what was measured. */
export interface Target {
  readonly what: string;
  readonly most: string;
  readonly measured: string;
  readonly met: boolean;
}

/** Calls that a run may cost beside its writes. */
const OVERHEAD_CALLS = 6;
const MOST_RATIO = 2;
const NOTHING_MS = 1_000;
const VERSION_MS = 150;

/** Each target, with its figure. */
export function targetsOf({ series, version }: Results): Target[] {
  const ours = series.filter(({ contender }) => contender === 'library' || contender === 'command line');
  return [...callTargets(ours), ...timeTargets(ours, series), limit('start of the command line', VERSION_MS, version)];
}

function callTargets(ours: readonly Series[]): Target[] {
  const cases = [...new Set(ours.map(({ name, roles }) => `${name}, ${String(roles)} roles`))];
  return cases.flatMap((title) => {
    const same = ours.filter(({ name, roles }) => `${name}, ${String(roles)} roles` === title);
    const [first] = same;
    if (first === undefined) return [];
    const writes = first.name === 'fresh' ? first.roles * WRITES_PER_ROLE : 0;
    const most = Math.floor(1.02 * writes) + OVERHEAD_CALLS;
    const calls = Math.max(...same.map((one) => totalOf(one.calls)));
    return [{ what: `calls: ${title}`, most: String(most), measured: String(calls), met: calls <= most }];
  });
}

function timeTargets(ours: readonly Series[], all: readonly Series[]): Target[] {
  return ours.flatMap((one): Target[] => {
    const where = `${one.contender}, ${String(one.roles)} roles, ${latencyText(one.latency)}`;
    if (one.name === 'nothing to do') return [limit(`nothing to do: ${where}`, NOTHING_MS, one.times)];
    const floor = floorOf(one, all);
    if (one.name !== 'fresh' || floor === undefined) return [];
    const ratio = one.times.median / floor.times.median;
    const most = `${String(MOST_RATIO)} x ${floor.contender}`;
    return [{ what: `fresh: ${where}`, most, measured: `${ratio.toFixed(2)} x`, met: ratio <= MOST_RATIO }];
  });
}

function limit(what: string, most: number, { median }: Spread): Target {
  return { what, most: msText(most), measured: msText(median), met: median <= most };
}

/** How far AWS is. */
export function latencyText(latency: number): string {
  return latency === 0 ? 'no latency' : `${String(latency)} ms a call`;
}

/** A time as people read it. */
export function msText(ms: number): string {
  return ms < 1_000 ? `${ms.toFixed(0)} ms` : `${(ms / 1_000).toFixed(2)} s`;
}
