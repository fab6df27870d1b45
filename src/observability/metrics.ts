import type { MetricsExporterConfig } from '@temporalio/worker';
import type { AwsCall } from '../aws/calls.js';
import { type MetricName, METRICS } from '../contract/metrics.js';
import { anyMetric, type Meter, metric } from './instruments.js';

/** Returns the exporter options for `/metrics`, with names and units in the conventions of Prometheus. */
export function metricsAt(bindAddress: string): MetricsExporterConfig {
  const buckets = Object.entries(METRICS).flatMap(([name, one]) =>
    'buckets' in one ? [[name, [...one.buckets]]] : [],
  );
  return {
    attachServiceName: false,
    prometheus: {
      bindAddress,
      countersTotalSuffix: true,
      unitSuffix: true,
      useSecondsForDurations: true,
      histogramBucketOverrides: Object.fromEntries(buckets) as Record<string, number[]>,
    },
  };
}

/** Records zero for the metrics that show from the start. */
export function startAtZero(meter: Meter): void {
  for (const [name, one] of Object.entries(METRICS)) {
    if (!('atZero' in one)) continue;
    const record = anyMetric(meter, name as MetricName);
    for (const labels of one.atZero) record(0, labels);
  }
}

/** Limit of distinct error codes. AWS uses fewer; other endpoints must not grow the page without bound. */
const MAX_CODES = 50;
const CODE = /^[A-Za-z][\w.-]{0,63}$/;

/** Returns an observer that counts and times calls to AWS. */
export function awsCallRecorder(meter: Meter): (call: AwsCall) => void {
  const count = metric(meter, 'iam_bootstrap_aws_calls');
  const measure = metric(meter, 'iam_bootstrap_aws_call_duration');
  const codes = new Set<string>();
  return ({ operation, code, durationMs }) => {
    const known = code === null || (CODE.test(code) && (codes.has(code) || codes.size < MAX_CODES));
    if (code !== null && known) codes.add(code);
    count(1, { operation, code: known ? (code ?? 'OK') : 'Other' });
    measure(durationMs / 1000, { operation });
  };
}
