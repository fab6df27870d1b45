import { metricMeter } from '@temporalio/workflow';
import { COMMANDS } from '../contract/metrics.js';
import { metric } from '../observability/instruments.js';
import type { Report } from '../contract/report.js';

/** Counts a run that has ended, with its entities and conflicts. A replay counts nothing. */
export function recordRun({ command: requested, result, entities, durationMs }: Report): void {
  // Any client may have written the request, and a label takes no free text.
  const command = COMMANDS.includes(requested) ? requested : 'other';
  metric(metricMeter, 'iam_bootstrap_runs')(1, { command, result });
  metric(metricMeter, 'iam_bootstrap_run_duration')(durationMs / 1000, { command });

  const countEntities = metric(metricMeter, 'iam_bootstrap_entities');
  for (const [kind, ofKind] of grouped(entities, ({ kind }) => kind)) {
    for (const [outcome, { length }] of grouped(ofKind, ({ outcome }) => outcome)) {
      countEntities(length, { command, kind, outcome });
    }
    const drifted = ofKind.filter(({ drift }) => drift.length > 0).length;
    if (drifted > 0) metric(metricMeter, 'iam_bootstrap_drifted_entities')(drifted, { command, kind });
  }

  const conflicts = entities.flatMap((entity) => entity.conflicts);
  for (const [resolution, { length }] of grouped(conflicts, ({ resolvedAs }) => resolvedAs)) {
    metric(metricMeter, 'iam_bootstrap_conflicts')(length, { resolution });
  }
}

/** Counts a start that found its lock taken. */
export function recordRefusal(lock: Lock): void {
  metric(metricMeter, 'iam_bootstrap_lock_refusals')(1, { lock });
}

/** Records how long a lock was waited for. */
export function recordWait(lock: Lock, ms: number): void {
  metric(metricMeter, 'iam_bootstrap_lock_wait')(ms / 1000, { lock });
}

/** A kind of lock, as a label. */
export type Lock = 'namespace' | 'entity' | 'fleet';

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
