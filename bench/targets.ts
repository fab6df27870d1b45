import type { FleetResults } from './fleet-figures.js';
import { fleetTargets } from './fleet-targets.js';
import { idealMs, LATENCY_TRUE } from './conditions.js';
import { EMBEDDED, FLOOR, WARM } from './contender.js';
import { beside, spreadOf, totalOf } from './figures.js';
import type { CaseName, Series, Spread } from './figures.js';
import { sizeOf } from './results.js';
import type { Results, Size } from './results.js';
import { bytesText, exitText, msText, percentText, ratioText, spreadText } from './text.js';

/** A promise about speed, for one workload, and what was measured. */
export interface Target {
  /** The promise: targets of one rule are shown together, and share the reason why some are missed. */
  readonly rule: string;
  readonly of: string;
  readonly most: string;
  readonly measured: string;
  readonly met: boolean;
}

/** Calls that a run may cost beside its writes, and one more for each further thousand entities. */
const OVERHEAD_CALLS = 6;
/** One read of a role with one inline policy: the role, the names of its policies, the policy, its attachments. */
const ONE_READ = 4;
/** For more, neither the calls of a drift nor the time of a run with nothing to do is promised. */
const PAGE = 1_000;

/** With fewer entities, what a run costs by itself is most of the time. */
const MIN_TIMED = 50;
const FRESH_CPU_MS = 20;
const UNCHANGED_CPU_MS = 0.3;
const FLOOR_RATIO = 1.05;
const IDEAL_RATIO = 1.15;
const THROTTLED = 0.03;
const NOTHING_MS = 1_000;
const VERSION_MS = 150;
const WORKER_START_MS = 1_500;
const WORKER_BYTES = 300 * 1024 * 1024;
const COMMAND_BYTES = 200 * 1024 * 1024;
/** The tolerance on the worker's memory after a quarter of the runs: the garbage collector leaves more or less each time. */
const GROWTH = 1.05;
const PIPELINES_RATIO = 1.1;

/**
 * The calls that a case may cost; undefined where no number is promised.
 *
 * @param fresh - calls of one pipeline in an empty account; ten pipelines together may cost a little more
 */
export function mostCalls(name: CaseName, { entities, writes }: Size, fresh: number): number | undefined {
  switch (name) {
    case 'fresh':
      return Math.floor(1.02 * writes) + OVERHEAD_CALLS;
    case 'fresh again':
      return undefined;
    case 'nothing to do':
    case 'state lost':
      return OVERHEAD_CALLS + Math.ceil(Math.max(0, entities - PAGE) / PAGE);
    case 'one drift':
      return entities > PAGE ? undefined : OVERHEAD_CALLS + 1 + ONE_READ;
    case 'ten at once':
      return Math.floor(PIPELINES_RATIO * fresh);
  }
}

/** The targets that hold on any machine: calls are exact. */
export function callTargets(results: Pick<Results, 'series' | 'workloads'>): Target[] {
  return results.series.flatMap((one): Target[] => {
    const { contender, workload, name, condition, calls, exitCodes, asDeclared } = one;
    const size = sizeOf(results, workload);
    // Under throttling calls are wasted, which has a target of its own.
    if ((contender !== WARM && contender !== EMBEDDED) || size.writes === 0 || condition !== 'loopback') return [];
    const most = mostCalls(name, size, totalOf(beside(results.series, one, { name: 'fresh' })?.calls ?? {}));
    if (most === undefined) return [];
    const total = totalOf(calls);
    return [
      {
        rule: `calls, ${name}`,
        of: `${workload}${contender === EMBEDDED ? ', embedded' : ''}`,
        most: `${most.toLocaleString('en-US')} calls`,
        measured: [total.toLocaleString('en-US'), ...problems(one)].join(', '),
        met: asDeclared && exitCodes.every((code) => code === 0) && total <= most,
      },
    ];
  });
}

function problems({ exitCodes, asDeclared }: Series): string[] {
  return [
    ...(exitCodes.every((code) => code === 0) ? [] : [`exit codes ${exitText(exitCodes)}`]),
    ...(asDeclared ? [] : ['not as declared']),
  ];
}

/** Every target, with its figure and its spread. */
export function targetsOf(results: Results, fleets: readonly FleetResults[]): Target[] {
  return [
    ...results.series.flatMap((one) => latencyTargets(one, results)),
    ...callTargets(results),
    resultTarget(results),
    ...results.series.flatMap((one) => [...processorTargets(one, results), ...idleTargets(one, results)]),
    ...memoryTargets(results),
    ...startTargets(results),
    ...fleets.flatMap((fleet) =>
      fleetTargets(fleet).map(({ what, ...rest }) => ({ rule: 'fleets', of: what, ...rest })),
    ),
  ];
}

function latencyTargets(one: Series, results: Results): Target[] {
  const { contender, workload, name, condition, ms, throttled, throttledShare } = one;
  const { writes } = sizeOf(results, workload);
  if (contender !== WARM || condition !== 'latency-true' || !name.startsWith('fresh')) return [];
  const run = name === 'fresh' ? 'first run of a worker' : 'second run of a worker';
  const floor = beside(results.series, one, { contender: FLOOR, name: 'fresh' });
  const ideal = idealMs(LATENCY_TRUE, writes);
  return [
    ...(floor === undefined
      ? []
      : [
          {
            rule: `time against the ${FLOOR}`,
            of: `${workload}, ${run}`,
            most: ratioText(FLOOR_RATIO),
            measured: `${ratioText(ms.median / floor.ms.median)} (${spreadText(ms, msText)} against ${spreadText(floor.ms, msText)})`,
            met: ms.median <= FLOOR_RATIO * floor.ms.median,
          },
        ]),
    {
      rule: 'time against what the bucket allows',
      of: `${workload}, ${run}`,
      most: `${ratioText(IDEAL_RATIO)} of ${msText(ideal)}`,
      measured: `${ratioText(ms.median / ideal)} (${spreadText(ms, msText)})`,
      met: ms.median <= IDEAL_RATIO * ideal,
    },
    {
      rule: 'throttled calls',
      of: `${workload}, ${run}`,
      most: percentText(THROTTLED),
      measured: `${spreadText(throttledShare, percentText)}, at most ${String(throttled)} calls`,
      met: throttledShare.median <= THROTTLED,
    },
  ];
}

/** Every run of this project ends well, and leaves the account as declared. */
function resultTarget({ series, parts }: Results): Target {
  const ours = [...series, ...parts.flatMap((part) => part.series)].filter(
    ({ contender }) => contender === WARM || contender === EMBEDDED,
  );
  const bad = ours.flatMap((one) => problems(one).map((problem) => `${one.workload}, ${one.name}: ${problem}`));
  return {
    rule: 'every run ends with 0, and the account is as declared',
    of: 'all cases',
    most: 'no exception',
    measured: bad.length === 0 ? `none in ${String(ours.length)} cases` : bad.join('; '),
    met: bad.length === 0,
  };
}

/** The processor time of worker and server for one entity. */
interface Cost {
  readonly worker: Spread;
  readonly server: Spread;
}

/** Returns the processor time for one entity; undefined where it was not measured. */
export function costOf({ workload, worker, server }: Series, results: Pick<Results, 'workloads'>): Cost | undefined {
  const { entities } = sizeOf(results, workload);
  if (worker === undefined || server === undefined || entities < MIN_TIMED) return undefined;
  const each = ({ median, min, max }: Spread): Spread => ({
    median: median / entities,
    min: min / entities,
    max: max / entities,
  });
  return { worker: each(worker.cpuMs), server: each(server.cpuMs) };
}

function processorTargets(one: Series, results: Results): Target[] {
  const { contender, workload, condition, name } = one;
  const cost = costOf(one, results);
  if (contender !== WARM || condition !== 'loopback' || cost === undefined) return [];
  const { entities } = sizeOf(results, workload);
  const most = name === 'fresh' ? FRESH_CPU_MS : UNCHANGED_CPU_MS;
  // What a run costs by itself is not that of entities: with few unchanged ones it is most.
  if (name !== 'fresh' && (name !== 'nothing to do' || entities < PAGE)) return [];
  const digits = name === 'fresh' ? 1 : 2;
  const text = (ms: number): string => `${ms.toFixed(digits)} ms`;
  const sum = cost.worker.median + cost.server.median;
  return [
    {
      rule: `processor time per ${name === 'fresh' ? 'fresh' : 'unchanged'} entity, worker and server`,
      of: workload,
      most: text(most),
      measured: `${text(sum)}: worker ${spreadText(cost.worker, text)}, server ${spreadText(cost.server, text)}`,
      met: sum <= most,
    },
  ];
}

function idleTargets({ contender, workload, name, condition, ms }: Series, results: Results): Target[] {
  const { entities } = sizeOf(results, workload);
  const read = results.reads.find((each) => each.workload === workload);
  if (contender !== WARM || condition !== 'loopback' || name !== 'nothing to do') return [];
  if (read === undefined || entities < MIN_TIMED || entities > PAGE) return [];
  const own = ms.median - read.ms.median;
  return [
    {
      rule: 'time of a run with nothing to do, beyond the emulator',
      of: workload,
      most: msText(NOTHING_MS),
      measured: `${msText(own)} (of ${spreadText(ms, msText)} in all)`,
      met: own <= NOTHING_MS,
    },
  ];
}

function startTargets({ starts }: Results): Target[] {
  const limit = (of: string, most: number, ms: Spread | undefined): Target[] =>
    ms === undefined
      ? []
      : [{ rule: 'start', of, most: msText(most), measured: spreadText(ms, msText), met: ms.median <= most }];
  return [
    ...limit('`--version`', VERSION_MS, starts['--version']),
    ...limit('worker, from its start to its first poll', WORKER_START_MS, starts['worker']),
  ];
}

function memoryTargets({ series, workloads, soak }: Results): Target[] {
  const largest = Math.max(...workloads.filter(({ writes }) => writes > 0).map(({ entities }) => entities));
  const limit = (rule: string, most: number, { name, workload }: Series, peak: Spread): Target => ({
    rule,
    of: `${workload}, ${name}`,
    most: bytesText(most),
    measured: spreadText(peak, bytesText),
    met: peak.max <= most,
  });
  const ours = series.filter(
    ({ contender, condition, workload }) =>
      contender === WARM && condition === 'loopback' && sizeOf({ workloads }, workload).entities === largest,
  );
  const memory = [
    ...ours.flatMap((one) =>
      one.worker === undefined ? [] : [limit('memory of the worker', WORKER_BYTES, one, one.worker.peakRssBytes)],
    ),
    ...ours.map((one) => limit('memory of the command', COMMAND_BYTES, one, one.peakRssBytes)),
  ];
  if (soak === undefined) return memory;
  const quarter = Math.floor(soak.rssBytes.length / 4);
  const early = spreadOf(soak.rssBytes.slice(quarter, 2 * quarter));
  const late = spreadOf(soak.rssBytes.slice(-quarter));
  const growth = late.median / early.median;
  return [
    ...memory,
    {
      rule: 'growth of the worker over many runs',
      of: `last quarter of ${soak.runs.toLocaleString('en-US')} runs against the second`,
      most: ratioText(GROWTH),
      measured: `${ratioText(growth)} (${spreadText(late, bytesText)} against ${spreadText(early, bytesText)})`,
      met: growth <= GROWTH,
    },
  ];
}
