import type { ApprovalAction, ApprovalRule, PendingApproval } from '../contract/approval.js';
import { entityId } from '../contract/entity.js';
import type { Progress } from '../contract/progress.js';
import type { EntityReport, Report } from '../contract/report.js';
import type { WorkerGateResult } from '../contract/worker-gate.js';
import { blockOf, blocksOf } from '../report/blocks.js';
import { changedProperties } from '../report/entity-lines.js';
import { code, fenced, page, PAGE_WIDTH, plain, table } from '../report/markdown.js';
import { markdownBlocks, needsAttention } from '../report/markdown-blocks.js';
import { counted, countsOf, joinFirst } from '../report/text.js';
import { approvalText, durationText, isListed, requesterText, wordOf } from '../report/words.js';

/** Rows of a table that a page shows. */
const MAX_ROWS = 50;

/** Entities of a plan or report on a page. More would keep the workflow busy for too long. */
const MAX_ENTITIES = 500;

/** Problems on the page of a run that is open. */
const MAX_PROBLEMS = 20;

/** Entities that the table of a plan or report lists. The blocks name all. */
const MAX_ENTITY_ROWS = 25;

/** Properties, and writes, that a cell names. */
const MAX_NAMES = 3;

/** Characters of a reason in a cell, and of a word in it. The blocks have them in full. */
const MAX_REASON_LENGTH = 80;
const MAX_WORD_LENGTH = 24;

/**
 * The size of the blocks on a page, as part of a URL. The Temporal UI asks its server for each page by a URL that has all of
 * it, and the server takes one megabyte. The worker compresses what is larger than 128 KB, which the UI cannot read.
 */
const MAX_SIZE = 90_000;

/** The share of it for what a person must look at, where there is more. */
const ATTENTION_SHARE = 0.6;

function sizeInUrl(text: string): number {
  return encodeURIComponent(text).length;
}

/** Signals that were not accepted as a decision. */
export interface IgnoredSignals {
  readonly count: number;
  readonly last: string;
}

/** Returns the page of a bootstrap run that is open, with the problems that it has met so far. */
export function progressDetails(
  { phase, done, total, entities, waitingFor }: Progress,
  pending: PendingApproval | null,
  ignored: IgnoredSignals,
  problems: readonly EntityReport[] = [],
): string {
  const status = `**${phase}**: ${String(done)} of ${String(total)}`;
  if (pending !== null) return page([...approvalDetails(status, pending, ignored)]);
  const rows = entities.map((entity) => [plain(entityId(entity)), entity.state]);
  const blocks = problems.map((entity) => blockOf({ command: 'apply' }, entity, { grants: false }));
  const omitted = Math.max(0, blocks.length - MAX_PROBLEMS);
  return page([
    status,
    ...(waitingFor === null ? [] : ['', plain(waitingFor)]),
    ...(blocks.length === 0 ? [] : ['', ATTENTION_HEADING]),
    ...markdownBlocks(blocks.slice(0, MAX_PROBLEMS), { ...PAGE_OPTIONS, maxLength: MAX_SIZE, omitted }),
    ...table(['entity', 'state'], rows, MAX_ROWS),
  ]);
}

/** Returns the page of a bootstrap run that has ended. */
export function reportDetails(report: Report): string {
  const { result, reason, remedy, approval, apiCalls, durationMs } = report;
  const requester = requesterText(report);
  return page([
    `**${result}**: ${plain(countsOf(report))}; ${counted(apiCalls.total, 'AWS call')}, ${durationText(durationMs)}`,
    ...(reason === null ? [] : ['', `Reason: ${plain(reason)}.`]),
    ...(remedy === null ? [] : ['', `Remedy: ${plain(remedy)}.`]),
    ...(requester === undefined ? [] : ['', `${plain(requester)}.`]),
    ...(approval === undefined ? [] : ['', `${plain(approvalText(approval))}.`]),
    ...sections(report, 'each entity has a run of its own under **Relationships**; the job prints all of it'),
  ]);
}

/** Returns the page of a plan. */
export function planDetails(report: Report): string {
  const { result, reason, remedy, entities } = report;
  return page([
    `**${result}**: ${counted(entities.length, 'entity', 'entities')}; ${plain(countsOf(report))}`,
    ...(reason === null ? [] : ['', `Reason: ${plain(reason)}.`]),
    ...(remedy === null ? [] : ['', `Remedy: ${plain(remedy)}.`]),
    ...sections(report, 'the job prints all of it'),
  ]);
}

const ATTENTION_HEADING = '### Look at this first';

const PAGE_OPTIONS = { foldsLong: false, measure: sizeInUrl, width: PAGE_WIDTH } as const;

/** Returns what a report has of its entities: what a person must look at, a table of all that is listed, and the rest. */
function sections(report: Report, elsewhere: string): readonly string[] {
  const listed = report.entities.filter((entity) => isListed(entity)).sort((a, b) => rankOf(a) - rankOf(b));
  const blocks = blocksOf({ ...report, entities: listed.slice(0, MAX_ENTITIES) }, { grants: true });
  const [first, rest] = [blocks.filter(needsAttention), blocks.filter((block) => !needsAttention(block))];
  const options = { ...PAGE_OPTIONS, elsewhere };
  const attention = markdownBlocks(first, {
    ...options,
    maxLength: rest.length === 0 ? MAX_SIZE : MAX_SIZE * ATTENTION_SHARE,
  });
  const maxLength = MAX_SIZE - sizeInUrl(attention.join('\n'));
  const omitted = Math.max(0, listed.length - MAX_ENTITIES);
  return [
    ...(first.length === 0 ? [] : ['', ATTENTION_HEADING, ...attention]),
    ...(listed.length < 2 ? [] : ['', '### Entities', ...entityTable(report, listed)]),
    ...(rest.length === 0 ? [] : ['', first.length === 0 ? '### Changes' : '### Other changes']),
    ...markdownBlocks(rest, { ...options, maxLength, omitted }),
  ];
}

/** Orders entities by how much a person must look at them. */
function rankOf({ outcome, warnings, unmanaged }: EntityReport): number {
  if (outcome === 'failed' || outcome === 'refused') return 0;
  return warnings.length + unmanaged.length > 0 ? 1 : 2;
}

function entityTable(report: Report, entities: readonly EntityReport[]): readonly string[] {
  const rows = entities.slice(0, MAX_ENTITY_ROWS).map((entity) => [
    plain(entityId(entity)),
    wordOf(report, entity),
    plain(joinFirst(changedProperties(entity), MAX_NAMES)),
    plain(
      [entity.reason, entity.remedy].flatMap((text) => (text === null ? [] : [shortened(text)])).join('; remedy: '),
    ),
    joinFirst(
      entity.writes.map(({ requestId }) => (requestId === null ? 'reply lost' : code(requestId))),
      MAX_NAMES,
    ),
  ]);
  const decision = report.command === 'plan' ? 'decision' : 'outcome';
  const more = entities.length - rows.length;
  return [
    ...table(['entity', decision, 'what changes', 'why, remedy', 'AWS request IDs'], rows),
    ...(more > 0 ? ['', `and ${String(more)} more`] : []),
  ];
}

function shortened(text: string): string {
  const cut = (part: string, max: number): string => (part.length <= max ? part : `${part.slice(0, max)}…`);
  const words = text.split(' ').map((word) => cut(word, MAX_WORD_LENGTH));
  return cut(words.join(' '), MAX_REASON_LENGTH);
}

/** Returns the plan that waits for an approval, and how to decide. */
function approvalDetails(
  status: string,
  { plan, report, expiresAt, rule }: PendingApproval,
  ignored: IgnoredSignals,
): readonly string[] {
  const { account, namespace } = report;
  const command = (action: ApprovalAction): string =>
    `iam-bootstrap ${action} --account ${account} --namespace ${namespace}`;
  return [
    `${status}; ${plain(countsOf(report))}`,
    '',
    `Plan ${code(plan)} waits for an approval until ${plain(expiresAt)}. How to decide is at the end of this page.`,
    ...sections(report, `${code(command('approve'))} shows the whole plan before it asks`),
    '',
    '### Approve or reject',
    '',
    `Run ${code(`${command('approve')} --plan ${plan}`)}`,
    '',
    `or ${code(`${command('reject')} --plan ${plan}`)}.`,
    '',
    ...(rule === undefined ? inputLines(plan) : provenLines(rule)),
    ...(ignored.count === 0 ? [] : ['', ignoredText(ignored)]),
  ];
}

/** Returns how to decide in the Temporal UI. */
function inputLines(plan: string): readonly string[] {
  return [
    'Or choose **More Actions**, **Send an Update** (or **Send a Signal**), `approve` or `reject`, and paste this input with your name in it:',
    '',
    ...fenced(JSON.stringify({ plan, by: '', reason: '' }, null, 2).split('\n'), 'json'),
  ];
}

/** Returns whose decision counts, where it has to be proven: what is sent in the Temporal UI proves nothing. */
function provenLines({ count, by, notRequester }: ApprovalRule): readonly string[] {
  const requester = notRequester ? ', and that of the requester does not count' : '';
  return [
    `It needs ${counted(count, 'proven approval')} of ${plain(by)}${requester}: run the command in a CI job of theirs, or with ${code('--login')}.`,
  ];
}

function ignoredText({ count, last }: IgnoredSignals): string {
  const signals = count === 1 ? '1 signal was' : `${String(count)} signals were`;
  return `${signals} ignored; the last one: ${plain(last)}`;
}

/** Returns the page of a bootstrap that was started under another ID and waits for its namespace. */
export function lockWaitDetails(lock: string): string {
  return page([`Waiting for the run of ${code(lock)} that is in progress.`]);
}

/** Returns the page of a gate: each check of the worker, with what to do. */
export function gateDetails({ deployment, build, checks }: WorkerGateResult): string {
  const of = build === null ? 'This worker' : `Build ${code(build)} of ${code(deployment ?? '')}`;
  const failed = checks.filter(({ status }) => status === 'fail').length;
  const rows = checks.map(({ name, status, message, remedy }) => [
    status,
    plain(name),
    plain(message),
    plain(remedy ?? ''),
  ]);
  return page([
    failed === 0 ? `${of} can do its work.` : `${of} gets no runs: ${counted(failed, 'check')} failed.`,
    ...table(['', 'check', 'finding', 'remedy'], rows, checks.length),
  ]);
}
