import { idealMs, LATENCY_TRUE } from './conditions.js';
import { EMBEDDED, FLOOR, WARM } from './contender.js';
import { beside, spreadOf, totalOf } from './figures.js';
import type { CaseName, Series } from './figures.js';
import { rolesIn } from './results.js';
import type { Results } from './results.js';
import { bytesText, exitText, msText, ratioText, spreadText } from './text.js';
import { WRITES_PER_ROLE } from './workload.js';

/** A promise about speed, and what was measured. */
export interface Target {
  readonly what: string;
  readonly most: string;
  readonly measured: string;
  readonly met: boolean;
}

/** Calls that a run may cost beside its writes. */
const OVERHEAD_CALLS = 6;
/** One read of a role with one inline policy: the role, the names of its policies, the policy, its attachments. */
const ONE_READ = 4;
/** For more, neither a number of calls nor the time of a run with nothing to do is promised: they take more pages. */
const MAX_ROLES_PROMISED = 1_000;

/** With fewer roles, the time is that of starts. */
const MIN_TIMED = 50;
const VERSION_MS = 150;
const NOTHING_MS = 1_000;
const WORKER_START_MS = 1_500;
const EMBEDDED_MS = 6_000;
const WORKER_BYTES = 300 * 1024 * 1024;
/** The tolerance on the worker's memory after a quarter of the runs: the garbage collector leaves more or less each time. */
const GROWTH = 1.05;
const PIPELINES_RATIO = 1.1;
const IDEAL_RATIO = 1.2;
const WASTED = 0.05;

/**
 * The calls that a case may cost; undefined where no number is promised.
 *
 * @param fresh - calls of one pipeline in an empty account; ten pipelines together may cost a little more
 */
export function mostCalls(name: CaseName, roles: number, fresh: number): number | undefined {
  switch (name) {
    case 'fresh':
      return Math.floor(1.02 * WRITES_PER_ROLE * roles) + OVERHEAD_CALLS;
    case 'nothing to do':
    case 'state lost':
      return roles > MAX_ROLES_PROMISED ? undefined : OVERHEAD_CALLS;
    case 'one drift':
      return roles > MAX_ROLES_PROMISED ? undefined : OVERHEAD_CALLS + 1 + ONE_READ;
    case 'ten at once':
      return Math.floor(PIPELINES_RATIO * fresh);
  }
}

/** The targets that hold on any machine: calls are exact. */
export function callTargets({ series, workloads }: Pick<Results, 'series' | 'workloads'>): Target[] {
  return series.flatMap((one): Target[] => {
    const { contender, workload, name, condition, calls, exitCodes, asDeclared } = one;
    const roles = rolesIn({ workloads }, workload);
    if ((contender !== WARM && contender !== EMBEDDED) || roles === 0) return [];
    const what = `${name}: ${contender}, ${workload}, ${condition}`;
    const good = asDeclared && exitCodes.every((code) => code === 0);
    const fresh = beside(series, one, { name: 'fresh' });
    // Under throttling calls are wasted, which has a target of its own.
    const most = condition === 'loopback' ? mostCalls(name, roles, totalOf(fresh?.calls ?? {})) : undefined;
    const total = totalOf(calls);
    return [
      {
        what,
        most: [
          ...(most === undefined ? [] : [`${String(most)} calls`]),
          name === 'one drift' ? 'found and fixed' : 'all as declared',
        ].join(', '),
        measured: [
          String(total),
          ...(exitCodes.every((code) => code === 0) ? [] : [`exit codes ${exitText(exitCodes)}`]),
          ...(asDeclared ? [] : ['not as declared']),
        ].join(', '),
        met: good && (most === undefined || total <= most),
      },
    ];
  });
}

/** Every target, with its figure and its spread. */
export function targetsOf(results: Results): Target[] {
  return [...callTargets(results), ...timeTargets(results), ...startTargets(results), ...memoryTargets(results)];
}

function timeTargets({ series, workloads, reads }: Results): Target[] {
  return series.flatMap((one): Target[] => {
    const { contender, workload, name, condition, ms } = one;
    const roles = rolesIn({ workloads }, workload);
    if (contender !== WARM || roles < MIN_TIMED) return [];
    const what = `${name}: ${workload}, ${condition}`;
    if (name === 'nothing to do' && condition === 'loopback') {
      const read = reads.find((each) => each.workload === workload);
      if (read === undefined || roles > MAX_ROLES_PROMISED) return [];
      const own = ms.median - read.ms.median;
      const measured = `${msText(own)} (of ${spreadText(ms, msText)} in all)`;
      return [{ what, most: `${msText(NOTHING_MS)} beyond the emulator`, measured, met: own <= NOTHING_MS }];
    }
    const floor = beside(series, one, { contender: FLOOR });
    if (name !== 'fresh' || floor === undefined) return [];
    const most = condition === 'latency-true' ? 1.1 : roles >= 500 ? 1.5 : 2;
    const ratio = ms.median / floor.ms.median;
    const measured = `${ratioText(ratio)} (${spreadText(ms, msText)} against ${spreadText(floor.ms, msText)})`;
    const time: Target = { what, most: `${ratioText(most)} the ${FLOOR}`, measured, met: ratio <= most };
    return condition === 'latency-true' ? [time, ...throttleTargets(one, roles)] : [time];
  });
}

function throttleTargets({ workload, ms, calls, throttled }: Series, roles: number): Target[] {
  const ideal = idealMs(LATENCY_TRUE, roles * WRITES_PER_ROLE);
  const ratio = ms.median / ideal;
  const wasted = throttled / totalOf(calls);
  const percent = (part: number): string => `${(part * 100).toFixed(1)} %`;
  return [
    {
      what: `throttled: ${workload}`,
      most: `${ratioText(IDEAL_RATIO)} the ${msText(ideal)} that the bucket allows`,
      measured: `${ratioText(ratio)} (${spreadText(ms, msText)})`,
      met: ratio <= IDEAL_RATIO,
    },
    {
      what: `throttled: ${workload}`,
      most: `${percent(WASTED)} of the calls wasted`,
      measured: `${percent(wasted)} (${String(throttled)} of ${String(totalOf(calls))})`,
      met: wasted <= WASTED,
    },
  ];
}

function startTargets({ starts, series }: Results): Target[] {
  const limit = (what: string, most: number, ms: Results['starts'][string] | undefined): Target[] =>
    ms === undefined ? [] : [{ what, most: msText(most), measured: spreadText(ms, msText), met: ms.median <= most }];
  const nothing = series.find(
    ({ contender, condition, name }) => contender === WARM && condition === 'loopback' && name === 'nothing to do',
  );
  const cold = series.find(({ contender, workload }) => contender === EMBEDDED && workload === '10 entities');
  return [
    ...limit('`--version`', VERSION_MS, starts['--version']),
    ...limit('`--help`', VERSION_MS, starts['--help']),
    ...limit('plan with nothing to do, in all', NOTHING_MS, starts['plan']),
    ...limit(`apply with nothing to do, in all: ${nothing?.workload ?? ''}`, NOTHING_MS, nothing?.ms),
    ...limit('embedded from cold: server, worker, apply of 10 entities', EMBEDDED_MS, cold?.ms),
    ...limit('worker, from its start to its first poll', WORKER_START_MS, starts['worker']),
  ];
}

function memoryTargets({ series, workloads, soak }: Results): Target[] {
  const largest = Math.max(...workloads.map(({ roles }) => roles));
  const name = workloads.find(({ roles }) => roles === largest)?.name;
  const peaks = series.flatMap(({ workload, worker }) =>
    workload === name && worker !== undefined ? [worker.peakRssBytes.max] : [],
  );
  const peak = Math.max(...peaks);
  const memory: Target[] =
    peaks.length === 0
      ? []
      : [
          {
            what: `memory of the worker: ${name ?? ''}`,
            most: bytesText(WORKER_BYTES),
            measured: bytesText(peak),
            met: peak <= WORKER_BYTES,
          },
        ];
  if (soak === undefined) return memory;
  const quarter = Math.floor(soak.rssBytes.length / 4);
  const early = spreadOf(soak.rssBytes.slice(quarter, 2 * quarter));
  const late = spreadOf(soak.rssBytes.slice(-quarter));
  const growth = late.median / early.median;
  return [
    ...memory,
    {
      what: `memory of the worker: last quarter of ${String(soak.runs)} runs against the second`,
      most: ratioText(GROWTH),
      measured: `${ratioText(growth)} (${spreadText(late, bytesText)} against ${spreadText(early, bytesText)})`,
      met: growth <= GROWTH,
    },
  ];
}
