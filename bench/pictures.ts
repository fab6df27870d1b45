import { spreadOf, totalOf } from './figures.js';
import type { Series } from './figures.js';
import { rolesIn } from './results.js';
import type { Results } from './results.js';
import { type Bar, type Group, svgOf } from './chart.js';
import { idealMs, LATENCY_TRUE } from './conditions.js';
import { bytesText, msText } from './text.js';
import { WRITES_PER_ROLE } from './workload.js';

/** The cases of all contenders with one workload, under one condition. */
export interface Section {
  readonly workload: string;
  readonly condition: Series['condition'];
  readonly series: readonly Series[];
}

/** Groups the series by workload and condition. */
export function sectionsOf({ series }: Results): Section[] {
  const sections = new Map<string, Section>();
  for (const one of series) {
    const { workload, condition } = one;
    const key = JSON.stringify([workload, condition]);
    sections.set(key, { workload, condition, series: [...(sections.get(key)?.series ?? []), one] });
  }
  return [...sections.values()];
}

/** Draws the sections that compare several contenders, and the figures that grow with the number of roles. */
export function imagesOf(results: Results): Record<string, string> {
  const roleOf = (contender: string): Bar['role'] =>
    results.contenders.find(({ name }) => name === contender)?.role ?? 'peer';
  const images: Record<string, string> = {};
  for (const section of sectionsOf(results)) {
    if (new Set(section.series.map(({ contender }) => contender)).size < 2) continue;
    const names = [...new Set(section.series.map(({ name }) => name))];
    const groups = (valueOf: (one: Series) => Bar['value']): Group[] =>
      names.map((title) => ({
        title,
        bars: section.series
          .filter(({ name }) => name === title)
          .map((one) => ({
            label: one.contender,
            value: valueOf(one),
            role: roleOf(one.contender),
            hasFailed: !one.asDeclared,
          })),
      }));
    const where = `${section.workload}, ${section.condition}`;
    images[imageName(section, 'calls')] = svgOf({
      title: `API calls: ${where}`,
      groups: groups(({ calls }) => spreadOf([totalOf(calls)])),
      text: (value) => value.toLocaleString('en-US'),
    });
    const ideal = idealMs(LATENCY_TRUE, WRITES_PER_ROLE * rolesIn(results, section.workload));
    images[imageName(section, 'time')] = svgOf({
      title:
        section.condition === 'latency-true' ? `Time: ${where}; the bucket allows ${msText(ideal)}` : `Time: ${where}`,
      groups: groups(({ ms }) => ms),
      text: msText,
    });
  }
  return { ...images, ...scaleImages(results) };
}
function scaleImages(results: Results): Record<string, string> {
  const ours = results.series.filter(
    ({ worker, condition, workload }) =>
      worker !== undefined && condition === 'loopback' && rolesIn(results, workload) > 0,
  );
  if (new Set(ours.map(({ workload }) => workload)).size < 2) return {};
  const byRoles = (name: Series['name'], value: (one: Series) => Bar['value']): Bar[] =>
    ours
      .filter((one) => one.name === name)
      .sort((a, b) => rolesIn(results, a.workload) - rolesIn(results, b.workload))
      .map((one) => ({ label: one.workload, value: value(one), role: 'ours' as const }));
  const groups = (what: string, value: (one: Series) => Bar['value']): Group[] =>
    (['fresh', 'nothing to do'] as const)
      .map((name) => ({ title: what === '' ? name : `${name}: ${what}`, bars: byRoles(name, value) }))
      .filter(({ bars }) => bars.length > 0);
  return {
    'performance-scale-time.svg': svgOf({
      title: 'Time by number of roles',
      groups: groups('', ({ ms }) => ms),
      text: msText,
    }),
    'performance-scale-memory.svg': svgOf({
      title: 'Most memory by number of roles',
      groups: [
        ...groups('worker', ({ worker, peakRssBytes }) => worker?.peakRssBytes ?? peakRssBytes),
        ...groups('command', ({ peakRssBytes }) => peakRssBytes),
      ],
      text: bytesText,
    }),
  };
}
export function imageName({ workload, condition }: Section, what: 'calls' | 'time'): string {
  return `performance-${condition}-${workload.replaceAll(/\W+/g, '-')}-${what}.svg`;
}
