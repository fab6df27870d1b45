import type { EntityReport, Summary, Outcome, ReportResult } from '../contract/report.js';

/** Counts outcomes and conflicts. */
export function summarize(entities: readonly Pick<EntityReport, 'outcome' | 'conflicts'>[]): Summary {
  const summary: Record<Outcome | 'conflicts', number> = {
    created: 0,
    adopted: 0,
    updated: 0,
    replaced: 0,
    released: 0,
    deleted: 0,
    unchanged: 0,
    refused: 0,
    failed: 0,
    skipped: 0,
    pending: 0,
    conflicts: 0,
  };
  for (const entity of entities) {
    summary[entity.outcome] += 1;
    summary.conflicts += entity.conflicts.length;
  }
  return summary;
}

/** Returns the result that a list of outcomes amounts to. The gravest outcome wins. */
export function resultOf(entities: readonly Pick<EntityReport, 'outcome'>[]): ReportResult {
  const has = (...outcomes: Outcome[]): boolean => entities.some((entity) => outcomes.includes(entity.outcome));
  if (has('failed')) return 'failed';
  if (has('refused')) return 'refused';
  if (has('skipped')) return 'failed';
  if (has('pending')) return 'pending';
  return 'converged';
}

/** Adds call counts by operation. */
export function addCalls(
  total: Readonly<Record<string, number>>,
  more: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum: Record<string, number> = { ...total };
  for (const [operation, count] of Object.entries(more)) sum[operation] = (sum[operation] ?? 0) + count;
  return sum;
}
