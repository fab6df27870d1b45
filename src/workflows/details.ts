import type { EntityClaim } from '../contract/entity-claims.js';
import type { ApprovalAction, PendingApproval } from '../contract/approval.js';
import { entityId } from '../contract/entity.js';
import type { EntityState, Progress } from '../contract/progress.js';
import type { EntityReport, Report } from '../contract/report.js';
import type { AppliedRevision } from '../contract/revision.js';
import { code, page, plain, table } from '../report/markdown.js';
import { counted, countsOf, driftText, revisionText } from '../report/text.js';

/** Rows of a table that a page shows. */
const MAX_ROWS = 50;

/** Lines of one entity that the page of a pending approval shows. */
const MAX_LINES = 10;

/** Signals that were not accepted as a decision. */
export interface IgnoredSignals {
  readonly count: number;
  readonly last: string;
}

/** Returns the lines of a table without its last columns where they are empty. The Temporal UI leaves no gap between columns. */
function columns(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  maxRows?: number,
): readonly string[] {
  const count =
    headings.length - [...headings].reverse().findIndex((_, index) => rows.some((row) => row.at(-1 - index)));
  const spaced = (cells: readonly string[]): readonly string[] =>
    cells.slice(0, count).map((cell, index) => (index === count - 1 ? cell : `${cell}\u00a0\u00a0`));
  return table(spaced(headings), rows.map(spaced), maxRows);
}

/** Returns the page of a bootstrap run that is open. */
export function progressDetails(
  { phase, done, total, entities, waitingFor }: Progress,
  pending: PendingApproval | null,
  ignored: IgnoredSignals,
): string {
  const status = `**${phase}**: ${String(done)} of ${String(total)}`;
  if (pending !== null) return page([status, ...approvalDetails(pending, ignored)]);
  const rows = entities.map((entity) => [plain(entityId(entity)), entity.state]);
  return page([
    status,
    ...(waitingFor === null ? [] : ['', plain(waitingFor)]),
    ...columns(['entity', 'state'], rows, MAX_ROWS),
  ]);
}

/** Returns the page of a bootstrap run that has ended. */
export function reportDetails(report: Report): string {
  const rows = report.entities
    .filter(({ outcome }) => outcome !== 'unchanged')
    .map((entity) => [plain(entityId(entity)), entity.outcome, plain(entity.reason ?? '')]);
  return page([
    `**${report.result}**: ${plain(report.reason ?? countsOf(report))}`,
    ...columns(['entity', 'state', 'reason'], rows, MAX_ROWS),
  ]);
}

/** Returns the plan that waits for an approval, and how to decide. */
function approvalDetails({ plan, report, expiresAt }: PendingApproval, ignored: IgnoredSignals): readonly string[] {
  const { account, namespace, entities } = report;
  const rows = entities
    .filter(({ decision }) => decision !== 'no-op')
    .map((entity) => [plain(entityId(entity)), entity.decision, plannedChanges(entity).join('<br>')]);
  const command = (action: ApprovalAction): string =>
    code(`iam-bootstrap ${action} --account ${account} --namespace ${namespace} --plan ${plan}`);
  return [
    '',
    `Plan ${code(plan)} waits for an approval until ${expiresAt}.`,
    ...columns(['entity', 'action', 'changes'], rows, MAX_ROWS),
    '',
    `Run ${command('approve')} or ${command('reject')},`,
    'or send this run the update or the signal `approve` or `reject` with this input and your name in it:',
    '',
    '```json',
    JSON.stringify({ plan, by: 'NAME', reason: '' }, null, 2),
    '```',
    ...(ignored.count === 0 ? [] : ['', ignoredText(ignored)]),
  ];
}

function ignoredText({ count, last }: IgnoredSignals): string {
  const signals = count === 1 ? '1 signal was' : `${String(count)} signals were`;
  return `${signals} ignored; the last one: ${plain(last)}`;
}

function plannedChanges({ drift, reason, omittedLines = 0 }: EntityReport): string[] {
  const lines = [...drift.map(driftText), ...(reason === null ? [] : [reason])];
  const shown = lines.slice(0, MAX_LINES).map(plain);
  const hidden = lines.length - shown.length + omittedLines;
  return hidden > 0 ? [...shown, `and ${String(hidden)} more`] : shown;
}

/** Returns the page of a bootstrap that was started under another ID and waits for its namespace. */
export function lockWaitDetails(lock: string): string {
  return page([`Waiting for the run of ${code(lock)} that is in progress.`]);
}

/** Returns the page of a plan. */
export function planDetails(report: Report): string {
  const { result, reason, entities } = report;
  return page([
    `**${result}**: ${counted(entities.length, 'entity', 'entities')}; ${plain(reason ?? countsOf(report))}`,
  ]);
}

/** Returns the page of one entity's run: its state, and each write with the request ID under which AWS logged it. */
export function entityDetails(
  { kind, name, arn, writes, remainingWrites = [], conflicts, reason, remedy }: EntityReport,
  state: EntityState,
): string {
  const rows = writes.map(({ operation, requestId, at }) => [operation, plain(requestId ?? 'reply lost'), at]);
  return page([
    `**${plain(entityId({ kind, name }))}**: ${state}`,
    ...(arn === null ? [] : ['', code(arn)]),
    ...(reason === null ? [] : ['', `Reason: ${plain(reason)}.`]),
    ...(remedy === null ? [] : ['', `Remedy: ${plain(remedy)}.`]),
    ...columns(['write', 'AWS request ID', 'at'], rows),
    ...remainingWrites.flatMap((line) => ['', `Left to do: ${plain(line)}`]),
    ...conflicts.flatMap((conflict) => [
      '',
      `Conflict: ${conflict.operation} answered ${plain(conflict.code)} (request ${plain(conflict.requestId ?? 'unknown')})`,
    ]),
  ]);
}

/** Returns the page of a ledger: the last revision of each source. */
export function ledgerDetails(applied: readonly AppliedRevision[]): string {
  const rows = applied.map((revision) => [
    code(revision.environment),
    code(revisionText(revision, revision.commit)),
    code(revision.url ?? 'unknown'),
    revision.at,
  ]);
  if (rows.length === 0) return page(['No revision was applied yet.']);
  return page(columns(['environment', 'last revision', 'by', 'at'], rows));
}

/** Entity claims that the page of an account's ledger lists. */
const MAX_CLAIMS_SHOWN = 100;

/** Returns the page of an account's ledger: the namespaces that declare entities without tags. */
export function accountLedgerDetails(claims: readonly EntityClaim[]): string {
  if (claims.length === 0) return page(['No entity is claimed.']);
  const rows = claims.slice(-MAX_CLAIMS_SHOWN).map(({ id, namespace, at }) => [code(id), code(namespace), at]);
  const omitted = claims.length - rows.length;
  return page([
    ...table(['entity', 'declared by', 'since'], rows),
    ...(omitted > 0 ? [`${String(omitted)} earlier claims`] : []),
  ]);
}
