// Generates docs/metrics.md.

const code = (text) => `\`${text}\``;

/** Returns the page about the metrics of a worker. */
export function metricsPage(metrics, pageName) {
  const rows = Object.entries(metrics).map(([name, { type, labels, help }]) => [
    code(pageName(name)),
    type,
    labels.map(code).join(', '),
    help,
  ]);
  return [
    '# Metrics',
    'The metrics that a worker serves to Prometheus at `/metrics` if `IAM_BOOTSTRAP_METRICS` is set ([operations](operations.md#metrics)). Histograms are in seconds.',
    [
      '| metric | type | labels | meaning |',
      '| --- | --- | --- | --- |',
      ...rows.map((cells) => `| ${cells.join(' | ')} |`),
    ].join('\n'),
    'Each metric also has the labels `namespace` (of Temporal) and `taskQueue`; metrics of runs have `workflowType`. Labels have bounded values: they name no entity, account, run or namespace of a manifest, except for `iam_bootstrap_entities_in_drift`, which names what schedules watch. Rare counters start at zero, so that their first increment shows as a rise. A run is counted once, by the worker that ended it; replays count nothing. If a worker is killed, counts since the last scrape are lost, and a workflow task that another worker repeats is counted there again.',
    "The page also has [Temporal's own metrics](https://docs.temporal.io/references/sdk-metrics), `temporal_…`: pollers, task latencies, failures of activities and workflows, slots, caches.",
  ].join('\n\n');
}
