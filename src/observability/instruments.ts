import { type MetricName, METRICS } from '../contract/metrics.js';

/** The labels of a metric. */
export type Labels<N extends MetricName> = Readonly<Record<(typeof METRICS)[N]['labels'][number], string>>;

/** The part of the Temporal SDK's meters that is used. A workflow's meter is silent during replay. */
export interface Meter {
  createCounter(
    name: string,
    unit: string,
    help: string,
  ): { add(value: number, labels: Readonly<Record<string, string>>): void };
  createGauge(
    name: string,
    valueType: 'int',
    unit: string,
    help: string,
  ): { set(value: number, labels: Readonly<Record<string, string>>): void };
  createHistogram(
    name: string,
    valueType: 'float',
    unit: string,
    help: string,
  ): { record(value: number, labels: Readonly<Record<string, string>>): void };
}

/** Returns a recorder of a metric, in counts or seconds; of a gauge, its value. */
export function metric<N extends MetricName>(meter: Meter, name: N): (value: number, labels: Labels<N>) => void {
  return anyMetric(meter, name);
}

/** Returns a recorder of a metric whose labels are not checked by type. */
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
  if (type === 'gauge') {
    const gauge = meter.createGauge(name, 'int', '', help);
    return (value, labels) => {
      gauge.set(value, labels);
    };
  }
  const histogram = meter.createHistogram(name, 'float', 'seconds', help);
  return (value, labels) => {
    // Clock skew between machines can make it negative, and the SDK throws on that.
    histogram.record(Math.max(0, value), labels);
  };
}

/** Returns the name of a metric on the Prometheus page. */
export function pageName(name: MetricName): string {
  const suffixes = { counter: '_total', gauge: '', histogram: '_seconds' } as const;
  return `${name}${suffixes[METRICS[name].type]}`;
}
