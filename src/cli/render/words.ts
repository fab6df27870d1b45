import { OUTCOME_OF_ACTION } from '../../contract/actions.js';
import type { Approval, Conflict, Decision, EntityReport, Outcome, Report } from '../../contract/report.js';

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

/** What is said of an entity: of a plan the decision, of a run the outcome. */
export function wordOf({ command }: Report, { decision, outcome }: EntityReport): string {
  return command === 'plan' ? decision : outcome;
}

/**
 * Whether an entity is listed: what is unchanged is only counted.
 *
 * @param explained - lists those that are unchanged for a reason, too
 */
export function isListed({ outcome, drift, unmanaged, reason }: EntityReport, explained = false): boolean {
  return outcome !== 'unchanged' || drift.length + unmanaged.length > 0 || (explained && reason !== null);
}

/** `approved by alice at …: as agreed` */
export function approvalText({ verdict, by, reason, at }: Approval): string {
  const who = by === null ? '' : ` by ${by}`;
  return `plan ${verdict}${who} at ${at}${reason === null || reason === '' ? '' : `: ${reason}`}`;
}

/** A Create that met "already exists", with the ID by which AWS knows it, and what came of it. */
export function conflictText({ operation, code, requestId, resolvedAs }: Conflict): string {
  return `conflict: ${operation} answered ${code} (request ${requestId ?? 'unknown'}), resolved as ${resolvedAs}`;
}
