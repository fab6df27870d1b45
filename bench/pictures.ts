import { svgOf } from './chart.js';
import type { Bar, Group } from './chart.js';
import { idealMs, LATENCY_TRUE } from './conditions.js';
import { WARM } from './contender.js';
import { spreadOf, totalOf } from './figures.js';
import type { CaseName, Series } from './figures.js';
import { sizeOf } from './results.js';
import type { Results } from './results.js';
import { costOf } from './targets.js';
import { bytesText, msText } from './text.js';

/** A question about performance, and the file of the picture that answers it. */
export interface Picture {
  readonly question: string;
  readonly file: string;
  readonly svg: string;
}

/** The cases that a picture compares. Others are in the tables. */
const COMPARED: readonly CaseName[] = ['fresh', 'fresh again', 'nothing to do', 'one drift', 'state lost'];

/** The cases whose costs are shown by the number of roles. */
const BY_SIZE: readonly CaseName[] = ['fresh', 'nothing to do'];

/** Draws a picture for each question that the results answer. */
export function picturesOf(results: Results): Picture[] {
  const pictures = [time(results), calls(results), processor(results), memory(results), starts(results)];
  return pictures.filter((picture) => picture !== undefined);
}

/** Returns the series of the smallest workload where AWS takes its time that more than one contender has. */
export function latencySeries({ series }: Pick<Results, 'series'>): readonly Series[] {
  const all = series.filter(({ condition }) => condition === 'latency-true');
  const first = all.find(({ contender }) => contender !== WARM);
  return first === undefined ? [] : all.filter(({ workload }) => workload === first.workload);
}

function picture(question: string, name: string, groups: readonly Group[], text: (value: number) => string): Picture {
  return { question, file: `performance-${name}.svg`, svg: svgOf({ title: question, groups, text }) };
}

function compared(results: Results, valueOf: (one: Series) => Bar['value']): Group[] {
  const series = latencySeries(results);
  const roleOf = (contender: string): Bar['role'] =>
    results.contenders.find(({ name }) => name === contender)?.role ?? 'peer';
  return COMPARED.map((title) => ({
    title,
    bars: series
      .filter(({ name }) => name === title)
      .map((one) => ({
        label: one.contender,
        value: valueOf(one),
        role: roleOf(one.contender),
        hasFailed: !one.asDeclared,
      })),
  })).filter(({ bars }) => bars.length > 0);
}

function time(results: Results): Picture | undefined {
  const groups = compared(results, ({ ms }) => ms);
  const workload = latencySeries(results)[0]?.workload;
  if (workload === undefined) return undefined;
  const ideal = msText(idealMs(LATENCY_TRUE, sizeOf(results, workload).writes));
  const question = `How long does an apply of ${workload} take, where AWS lets all writes through in ${ideal}?`;
  return picture(question, 'time', groups, msText);
}

function calls(results: Results): Picture | undefined {
  const groups = compared(results, (one) => spreadOf([totalOf(one.calls)]));
  const workload = latencySeries(results)[0]?.workload;
  if (workload === undefined) return undefined;
  return picture(`How many calls does an apply of ${workload} make?`, 'calls', groups, (value) =>
    value.toLocaleString('en-US'),
  );
}

/** Returns our series on loopback with roles, the smallest workload first. */
function bySize(results: Results): Series[] {
  return results.series
    .filter(
      ({ contender, condition, workload, worker }) =>
        contender === WARM && condition === 'loopback' && workload.endsWith(' roles') && worker !== undefined,
    )
    .sort((a, b) => sizeOf(results, a.workload).entities - sizeOf(results, b.workload).entities);
}

function processor(results: Results): Picture | undefined {
  const groups = BY_SIZE.map((title) => ({
    title: title === 'fresh' ? 'a fresh role' : 'an unchanged role',
    bars: bySize(results)
      .filter(({ name }) => name === title)
      .flatMap((one): Bar[] => {
        const cost = costOf(one, results);
        if (cost === undefined) return [];
        return [
          { label: `${one.workload}: worker`, value: cost.worker, role: 'ours' },
          { label: 'server', value: cost.server, role: 'floor' },
        ];
      }),
  })).filter(({ bars }) => bars.length > 0);
  if (groups.length === 0) return undefined;
  return picture('How much processor time does a role cost?', 'processor', groups, millisecondsText);
}

function millisecondsText(ms: number): string {
  return `${ms < 1 ? ms.toFixed(2) : ms.toFixed(1)} ms`;
}

function memory(results: Results): Picture | undefined {
  const groups = (['worker', 'command'] as const)
    .flatMap((what) =>
      BY_SIZE.map((title) => ({
        title: `${what}, ${title}`,
        bars: bySize(results)
          .filter(({ name }) => name === title)
          .map(({ workload, worker, peakRssBytes }): Bar => {
            const value = what === 'worker' ? (worker?.peakRssBytes ?? peakRssBytes) : peakRssBytes;
            return { label: workload, value, role: 'ours' };
          }),
      })),
    )
    .filter(({ bars }) => bars.length > 0);
  if (groups.length === 0) return undefined;
  return picture('How much memory do the worker and the command take at most?', 'memory', groups, bytesText);
}

function starts({ starts: all, installed }: Results): Picture | undefined {
  const bars = (from: Results['starts'], role: Bar['role']): Bar[] =>
    Object.entries(from).map(([label, value]) => ({ label, value, role: label === 'node' ? 'floor' : role }));
  const groups = [
    { title: 'from this repository', bars: bars(all, 'ours') },
    { title: 'installed from npm', bars: bars(installed?.starts ?? {}, 'ours') },
  ].filter((group) => group.bars.length > 0);
  if (groups.length === 0) return undefined;
  return picture('How long does a start take?', 'starts', groups, msText);
}
