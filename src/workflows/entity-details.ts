import { entityId } from '../contract/entity.js';
import type { EntityState } from '../contract/progress.js';
import { type EntityReport, OUTCOMES, type WriteRecord } from '../contract/report.js';
import { linesOf } from '../report/entity-lines.js';
import { code, page, PAGE_WIDTH, plain, table } from '../report/markdown.js';
import { diffOf } from '../report/markdown-blocks.js';

/** The run of one entity. */
export interface EntityRunState {
  readonly report: EntityReport;
  readonly state: EntityState;
  readonly namespace: string;
  /** The run ID of the bootstrap that asked for it. */
  readonly requestedBy: string;
  /** The writes of an attempt that has failed and is repeated. Null where the last one has not failed. */
  readonly failedAttempt: readonly WriteRecord[] | null;
}

/**
 * Returns the page of one entity's run: what was decided and why, what it waits for, each write with the request ID under
 * which AWS logged it, conflicts and how they were resolved, and what changes.
 */
export function entityDetails({ report, state, namespace, requestedBy, failedAttempt }: EntityRunState): string {
  const { planned, ...others } = report;
  const { arn, decision, writes, remainingWrites = [], conflicts, reason, remedy } = report;
  const isOpen = !(OUTCOMES as readonly string[]).includes(state);
  // The paragraphs and tables have the rest.
  const changes = { ...others, conflicts: [], remainingWrites: [], reason: null, remedy: null };
  const lines = linesOf(changes, { grants: true });
  return page([
    `**${plain(entityId(report))}**: ${state}`,
    '',
    `${decidedText(decision, planned)} Requested by namespace ${code(namespace)}, run ${code(requestedBy)}.`,
    ...(arn === null ? [] : ['', code(arn)]),
    ...(reason === null ? [] : ['', `Reason: ${plain(reason)}.`]),
    ...(remedy === null ? [] : ['', `Remedy: ${plain(remedy)}.`]),
    ...(isOpen ? waitLines(failedAttempt) : []),
    ...writeTable(writes),
    ...remainingWrites.flatMap((line) => ['', `Left to do: ${plain(line)}`]),
    ...conflicts.flatMap((conflict) => ['', conflictLine(conflict, isOpen)]),
    ...(lines.length === 0 ? [] : ['', '### Changes', '', ...diffOf(lines, PAGE_WIDTH)]),
  ]);
}

function decidedText(decision: string, planned: string | undefined): string {
  return planned === undefined || planned === decision
    ? `Decision: ${plain(decision)}.`
    : `Decision: ${plain(decision)}, when it was written. The plan was to ${plain(planned)}.`;
}

function waitLines(failedAttempt: readonly WriteRecord[] | null): readonly string[] {
  if (failedAttempt === null) return ['', 'Waits for AWS. **Pending Activities** shows the call and its attempts.'];
  return [
    '',
    'The last attempt has failed, and Temporal repeats it. **Pending Activities** shows why and when.',
    ...(failedAttempt.length === 0 ? [] : ['', 'That attempt has written:', ...writeTable(failedAttempt)]),
  ];
}

function writeTable(writes: readonly WriteRecord[]): readonly string[] {
  const rows = writes.map(({ operation, requestId, at }) => [
    plain(operation),
    requestId === null ? 'reply lost' : code(requestId),
    plain(at),
  ]);
  return table(['write', 'AWS request ID', 'at'], rows);
}

function conflictLine(
  { operation, code: answer, requestId, resolvedAs }: EntityReport['conflicts'][number],
  isOpen: boolean,
): string {
  const request = requestId === null ? 'request unknown' : `request ${code(requestId)}`;
  const end = isOpen ? 'It is being resolved.' : `Resolved as ${plain(resolvedAs)}.`;
  return `Conflict: ${plain(operation)} answered ${plain(answer)} (${request}). ${end}`;
}
