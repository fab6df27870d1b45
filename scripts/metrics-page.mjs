// What is generated of the metrics: docs/metrics.md.

const code = (text) => `\`${text}\``;

/** The page about what a worker counts and measures. */
export function metricsPage(metrics, pageName) {
  const rows = Object.entries(metrics).map(([name, { type, labels, help }]) => [
    code(pageName(name)),
    type,
    labels.map(code).join(', '),
    help,
  ]);
  return [
    '# Metrics',
    'What a worker serves to Prometheus at `/metrics` where `IAM_BOOTSTRAP_METRICS` says so; [operations](operations.md#metrics) says how. Histograms are in seconds.',
    [
      '| metric | type | labels | what it is |',
      '| --- | --- | --- | --- |',
      ...rows.map((cells) => `| ${cells.join(' | ')} |`),
    ].join('\n'),
    'Each has `namespace` (the one of Temporal) and `taskQueue` as well, and those of runs have `workflowType`. Labels are of bounded sets: no entity, account, namespace of a manifest or run is named. Counters of what is rare are there at zero from the start, so that their first step is a rise. A run is counted once, by the worker that ended it: replays are silent. A worker that is killed takes along what was not scraped, and a step of a workflow that Temporal has another worker repeat counts there again.',
    "Beside them are [Temporal's own](https://docs.temporal.io/references/sdk-metrics), `temporal_…`: pollers, task latencies, failures of activities and workflows, slots, caches.",
  ].join('\n\n');
}
