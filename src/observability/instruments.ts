import { METRICS } from '../contract/metrics.js';
import type { MetricName } from '../contract/metrics.js';

export type Labels<N extends MetricName> = Readonly<Record<(typeof METRICS)[N]['labels'][number], string>>;

/** What is used of the Temporal SDK's meters: the worker's own, and the one of workflows, which is silent in a replay. */
export interface Meter {
  createCounter(
    name: string,
    unit: string,
    help: string,
  ): { add(value: number, labels: Readonly<Record<string, string>>): void };
  createHistogram(
    name: string,
    valueType: 'float',
    unit: string,
    help: string,
  ): { record(value: number, labels: Readonly<Record<string, string>>): void };
}

/** A metric to record on: counts, or seconds. */
export function metric<N extends MetricName>(meter: Meter, name: N): (value: number, labels: Labels<N>) => void {
  return anyMetric(meter, name);
}

/** The same, with labels that only the table knows. */
export function anyMetric(
  meter: Meter,
  name: MetricName,
): (value: number, labels: Readonly<Record<string, string>>) => void {
  const { type, help } = METRICS[name];
  if (type === 'counter') {
    const counter = meter.createCounter(name, '', help);
    return (value, labels) => {
      counter.add(value, labels);
    };
  }
  const histogram = meter.createHistogram(name, 'float', 'seconds', help);
  return (value, labels) => {
    // Clocks of two machines may make it less than nothing, at which the SDK throws.
    histogram.record(Math.max(0, value), labels);
  };
}

/** The metric's name on the page. */
export function pageName(name: MetricName): string {
  return `${name}_${METRICS[name].type === 'counter' ? 'total' : 'seconds'}`;
}
