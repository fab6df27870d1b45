import type { AuditedType, AuditRecord, AuditRun, AuditUnread } from '../../contract/audit.js';
import { entityId } from '../../contract/entity.js';
import type { Report } from '../../contract/report.js';
import {
  parseBootstrapWorkflowId,
  parseScheduleId,
  SCHEDULE_ID_PREFIX,
  WorkflowType,
} from '../../contract/workflow-ids.js';
import { UNKNOWN_PIPELINE } from '../../report/run-description.js';
import type { ListedRun } from './list-runs.js';
import type { ClosedRun } from './read-run.js';

/** Returns the records of a run: the run itself, its approvals, and each decision with its writes. */
export function recordsOf(closed: ClosedRun): readonly [AuditRun, ...AuditRecord[]] {
  const { run } = closed;
  const numbers = { decision: 0, approval: 0, write: 0 };
  const fields = <K extends keyof typeof numbers>(kind: K) => {
    numbers[kind] += 1;
    return { version: 1, kind, ...idsOf(run, `${kind}/${String(numbers[kind])}`), ...ownerOf(closed) } as const;
  };
  const approvals = closed.approvals.map((approval) => ({ ...fields('approval'), approval }));
  const isNew = firstOfEach();
  const decisions = closed.entities.flatMap(({ writes, ...report }): AuditRecord[] => {
    const entity = entityId(report);
    const decision = { ...fields('decision'), entity, report };
    return [decision, ...writes.filter(isNew).map((write) => ({ ...fields('write'), entity, ...write }))];
  });
  return [runOf(closed, { ...numbers }), ...approvals, ...decisions];
}

/** Returns the record of a run that could not be read. Nothing but the list of runs tells of it. */
export function unreadRecordOf(run: ListedRun, reason: string): AuditUnread {
  const { account, namespace } = parseBootstrapWorkflowId(run.workflowId);
  const isOfNamespace = run.type === WorkflowType.Bootstrap || run.type === WorkflowType.Plan;
  return {
    version: 1,
    kind: 'unread',
    ...idsOf(run, 'unread'),
    account: isOfNamespace ? account : null,
    namespace: isOfNamespace ? namespace : null,
    type: run.type as AuditedType,
    workflowId: run.workflowId,
    status: run.status.name,
    reason,
  };
}

/** A run that was reset, or whose database was restored, closes again: only with its time is an ID that of one end. */
function idsOf(run: ListedRun, record: string): Pick<AuditRun, 'id' | 'runId' | 'closedAt'> {
  const { runId } = run;
  const closedAt = closeTimeOf(run);
  return { id: `${runId}/${closedAt}/${record}`, runId, closedAt };
}

/** Returns when a run closed. */
export function closeTimeOf({ closeTime, startTime }: ListedRun): string {
  return (closeTime ?? startTime).toISOString();
}

/** Returns a filter that keeps the first of the writes with one request ID. Writes whose replies were lost have none. */
export function firstOfEach(): (write: { readonly requestId: string | null }) => boolean {
  const seen = new Set<string>();
  return ({ requestId }) => {
    if (requestId === null) return true;
    const isFirst = !seen.has(requestId);
    seen.add(requestId);
    return isFirst;
  };
}

function runOf(closed: ClosedRun, records: AuditRun['records']): AuditRun {
  const { run, url, target, parent, resetOf, missing, report, fleet, scheduled } = closed;
  return {
    version: 1,
    kind: 'run',
    ...idsOf(run, 'run'),
    ...ownerOf(closed),
    type: run.type as AuditedType,
    workflowId: run.workflowId,
    url,
    status: run.status.name,
    ...endOf(closed),
    ...originOf(closed),
    startedAt: run.startTime.toISOString(),
    ...(resetOf !== undefined && { resetOf }),
    target,
    parent,
    missing,
    records,
    report: report === null ? null : withoutRecords(report),
    fleet,
    scheduled,
  };
}

function endOf({ report, fleet, scheduled, reason }: ClosedRun): Pick<AuditRun, 'result' | 'reason' | 'remedy'> {
  const end = report ?? fleet ?? scheduled;
  return end === null
    ? { result: null, reason, remedy: null }
    : { result: end.result, reason: end.reason ?? reason, remedy: end.remedy };
}

type Origin = Pick<AuditRun, 'environment' | 'manifest' | 'pipeline' | 'requester' | 'principal'>;

function originOf({ memo, report, principal: client }: ClosedRun): Origin {
  const { environment = report?.environment ?? null, manifest = null } = memo;
  const { pipeline = report?.request.pipeline ?? UNKNOWN_PIPELINE } = memo;
  const { requester } = report ?? {};
  // Any client can have its run report another one.
  const principal = client ?? report?.principal;
  return { environment, manifest, pipeline, ...(requester && { requester }), ...(principal && { principal }) };
}

/** Returns a report without what other records have. */
function withoutRecords(report: Report): NonNullable<AuditRun['report']> {
  const others: ReadonlySet<string> = new Set(['entities', 'approval'] satisfies (keyof Report)[]);
  const rest = Object.entries(report).filter(([name]) => !others.has(name));
  return Object.fromEntries(rest) as unknown as NonNullable<AuditRun['report']>;
}

/** Returns the account and the namespace of a run: as it reported them, else as its ID tells. */
function ownerOf({ run, report, fleet, target }: ClosedRun): Pick<AuditRun, 'account' | 'namespace'> {
  if (report !== null) return { account: report.account, namespace: report.namespace };
  if (run.type === WorkflowType.Fleet) {
    return { account: null, namespace: fleet?.namespace ?? namespaceOfFleet(run.workflowId) };
  }
  const { account, namespace } = parseBootstrapWorkflowId(run.workflowId);
  const isCapture = run.type === WorkflowType.Capture;
  return { account: target?.account ?? account, namespace: isCapture ? null : namespace };
}

/** Returns the namespace in the ID of a fleet's run, which a client or a schedule has started. */
function namespaceOfFleet(workflowId: string): string | null {
  if (workflowId.startsWith(SCHEDULE_ID_PREFIX)) return parseScheduleId(workflowId).namespace;
  return workflowId.split(':')[1] ?? null;
}
