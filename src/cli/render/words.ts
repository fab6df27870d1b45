import { OUTCOME_OF_ACTION } from '../../contract/actions.js';
import type { Approval, Conflict, EntityReport, Outcome, Report } from '../../contract/report.js';
import { counted, countsOf } from '../../report/text.js';

/** One character for each outcome, in lists and tables. */
export const SIGNS: Readonly<Record<Outcome, string>> = {
  created: '+',
  adopted: '&',
  updated: '~',
  replaced: '±',
  released: '<',
  deleted: '-',
  unchanged: '=',
  refused: '!',
  failed: 'x',
  skipped: '.',
  pending: ' ',
};

/** Returns the outcome under which an entity is shown; a plan shows the outcome that it would have. */
export function shownAs({ command }: Report, { decision, outcome }: EntityReport): Outcome {
  return command === 'plan' ? OUTCOME_OF_ACTION[decision] : outcome;
}

/** Returns the word for an entity: its decision in a plan, its outcome in a run. */
export function wordOf({ command }: Report, { decision, outcome }: EntityReport): string {
  return command === 'plan' ? decision : outcome;
}

/** Returns true if an entity is listed. Unchanged entities are only counted, unless `explained` is set and they have a reason. */
export function isListed(entity: EntityReport, explained = false): boolean {
  const { outcome, drift, unmanaged, reason } = entity;
  if (noteLines(entity).length > 0) return true;
  return outcome !== 'unchanged' || drift.length + unmanaged.length > 0 || (explained && reason !== null);
}

/** Describes a decision: `plan approved by alice at …: as agreed`. */
export function approvalText({ verdict, by, reason, at }: Approval): string {
  const who = by === null ? '' : ` by ${by}`;
  return `plan ${verdict}${who} at ${at}${reason === null || reason === '' ? '' : `: ${reason}`}`;
}

/** Describes what an entity's run found that the plan had not shown, and what it has left to do. */
export function noteLines({ planned, changedSincePlan = [], remainingWrites = [] }: EntityReport): readonly string[] {
  return [
    ...(planned === undefined ? [] : [`planned: ${planned}`]),
    ...changedSincePlan.map((line) => `changed since the plan: ${line}`),
    ...remainingWrites.map((line) => `left to do: ${line}`),
  ];
}

/** Describes a Create that failed with "already exists", and how it was resolved. */
export function conflictText({ operation, code, requestId, resolvedAs }: Conflict): string {
  return `conflict: ${operation} answered ${code} (request ${requestId ?? 'unknown'}), resolved as ${resolvedAs}`;
}

/** Summarizes a report in a line: `No changes. …`, `Plan: 1 to create, 2 refused`, `converged: 2 created`. */
export function summaryOf(report: Report): string {
  const { command, result, entities } = report;
  const isPlan = command === 'plan' && ['converged', 'pending', 'refused'].includes(result);
  const hasNoChanges = result === 'converged' && entities.every(({ outcome }) => outcome === 'unchanged');
  if (hasNoChanges && (command === 'plan' || command === 'apply')) {
    const matches = entities.length === 1 ? 'matches' : 'match';
    return `No changes. ${counted(entities.length, 'entity', 'entities')} ${matches} the manifest.`;
  }
  return `${isPlan ? 'Plan' : result}: ${countsOf(report)};`;
}

/** Formats milliseconds for people: `0.4 s`, `12 s`, `3 min 5 s`. */
export function durationText(ms: number): string {
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  return seconds < 60 ? `${String(seconds)} s` : `${String(Math.floor(seconds / 60))} min ${String(seconds % 60)} s`;
}
