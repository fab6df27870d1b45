import { identityText, principalText } from '../contract/identity.js';
import { OUTCOME_OF_ACTION } from '../contract/actions.js';
import type { Approval, Conflict, EntityReport, Outcome, Report } from '../contract/report.js';
import { labelled } from './drift.js';
import { counted, countsOf } from './text.js';

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
  cancelled: 'c',
  skipped: '.',
  pending: ' ',
};

/** Returns the outcome under which an entity is shown; a plan shows the outcome that it would have. */
export function shownAs({ command }: Pick<Report, 'command'>, { decision, outcome, unread }: EntityReport): Outcome {
  return command === 'plan' && unread === undefined ? OUTCOME_OF_ACTION[decision] : outcome;
}

/** Returns the word for an entity: its decision in a plan, its outcome in a run. */
export function wordOf({ command }: Pick<Report, 'command'>, { decision, outcome, unread }: EntityReport): string {
  return command === 'plan' && unread === undefined ? decision : outcome;
}

/** Returns true if an entity is listed. Unchanged entities are only counted, unless they are orphans, or `explained` is set and they have a reason. */
export function isListed(entity: EntityReport, explained = false): boolean {
  const { outcome, drift, unmanaged, reason } = entity;
  if (entity.orphan === true || noteLines(entity).length > 0) return true;
  return outcome !== 'unchanged' || drift.length + unmanaged.length > 0 || (explained && reason !== null);
}

/** Describes a decision: `plan approved by alice at …: as agreed`. */
export function approvalText({ verdict, by, reason, at, approvers }: Approval): string {
  const proven = approvers?.map(identityText).join(', ');
  const who = proven === undefined ? (by === null ? '' : ` by ${by} (claimed)`) : ` by ${proven}, proven,`;
  return `plan ${verdict}${who} at ${at}${reason === null || reason === '' ? '' : `: ${reason}`}`;
}

/** Describes who asked for a run, as proven, and as Temporal has authenticated it. Undefined where nothing tells. */
export function requesterText({ requester, principal }: Pick<Report, 'requester' | 'principal'>): string | undefined {
  const asked = [
    ...(requester === undefined ? [] : [`${identityText(requester)}, proven`]),
    ...(principal === undefined ? [] : [principalText(principal)]),
  ];
  return asked.length === 0 ? undefined : `asked for by ${asked.join(', as ')}`;
}

/** Describes what an entity's run found that the plan had not shown, and what it has left to do. */
export function noteLines({
  planned,
  suppressed = [],
  cosmetic = [],
  changedSincePlan = [],
  remainingWrites = [],
}: EntityReport): readonly string[] {
  return [
    ...(planned === undefined ? [] : [`planned: ${planned}`]),
    ...suppressed.map((line) => `suppressed finding: ${labelled(line)}`),
    ...cosmetic.map((line) => `cosmetic, written with the next change of the document: ${line}`),
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
  const { command, result, entities, orphans = [] } = report;
  const isPlan = command === 'plan' && ['converged', 'pending', 'refused'].includes(result);
  const hasNoChanges = result === 'converged' && entities.every(({ outcome }) => outcome === 'unchanged');
  if (hasNoChanges && (command === 'plan' || command === 'apply')) {
    const left = orphans.length === 0 ? '' : ` ${counted(orphans.length, 'orphan')} kept.`;
    const differing = entities.filter(({ drift }) => drift.length > 0).length;
    if (differing > 0) {
      return `Nothing to write. ${counted(differing, 'observed entity differs', 'observed entities differ')} from the manifest.${left}`;
    }
    const matches = entities.length === 1 ? 'matches' : 'match';
    return `No changes. ${counted(entities.length, 'entity', 'entities')} ${matches} the manifest.${left}`;
  }
  const warnings = entities.reduce((sum, one) => sum + (one.outcome === 'skipped' ? 0 : one.warnings.length), 0);
  const counts = warnings === 0 ? countsOf(report) : `${countsOf(report)}, ${counted(warnings, 'warning')}`;
  return `${isPlan ? 'Plan' : result}: ${counts};`;
}

/** Formats milliseconds for people: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 5 min`, `3 d 4 h`. */
export function durationText(ms: number): string {
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${String(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${String(minutes)} min ${String(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 24
    ? `${String(hours)} h ${String(minutes % 60)} min`
    : `${String(Math.floor(hours / 24))} d ${String(hours % 24)} h`;
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/** Formats how long ago something was: `2 minutes ago`. */
export function agoText(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const [unit, length] = UNITS.find(([, one]) => seconds >= one) ?? [];
  return unit === undefined ? 'just now' : `${counted(Math.floor(seconds / length), unit)} ago`;
}
