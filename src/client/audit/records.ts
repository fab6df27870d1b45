import type { AuditedType, AuditRecord, AuditRun } from '../../contract/audit.js';
import { entityId } from '../../contract/entity.js';
import type { Report } from '../../contract/report.js';
import {
  parseBootstrapWorkflowId,
  parseScheduleId,
  SCHEDULE_ID_PREFIX,
  WorkflowType,
} from '../../contract/workflow-ids.js';
import { UNKNOWN_PIPELINE } from '../../report/run-description.js';
import type { ClosedRun } from './read-run.js';

/** Returns the records of a run: the run itself, its approvals, and each decision with its writes. */
export function recordsOf(closed: ClosedRun): readonly [AuditRun, ...AuditRecord[]] {
  const { runId } = closed.run;
  const numbers = { decision: 0, approval: 0, write: 0 };
  const fields = <K extends keyof typeof numbers>(kind: K) => {
    numbers[kind] += 1;
    return { version: 1, kind, id: `${runId}/${kind}/${String(numbers[kind])}`, runId, ...ownerOf(closed) } as const;
  };
  const approvals = closed.approvals.map((approval) => ({ ...fields('approval'), approval }));
  const decisions = closed.entities.flatMap(({ writes, ...report }): AuditRecord[] => {
    const entity = entityId(report);
    const decision = { ...fields('decision'), entity, report };
    return [decision, ...writes.map((write) => ({ ...fields('write'), entity, ...write }))];
  });
  return [runOf(closed, { ...numbers }), ...approvals, ...decisions];
}

function runOf(closed: ClosedRun, records: AuditRun['records']): AuditRun {
  const { run, url, target, parent, report, fleet, scheduled } = closed;
  return {
    version: 1,
    kind: 'run',
    id: `${run.runId}/run`,
    runId: run.runId,
    ...ownerOf(closed),
    type: run.type as AuditedType,
    workflowId: run.workflowId,
    url,
    status: run.status.name,
    ...endOf(closed),
    ...originOf(closed),
    startedAt: run.startTime.toISOString(),
    closedAt: (run.closeTime ?? run.startTime).toISOString(),
    target,
    parent,
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
  const { requester, principal = client } = report ?? {};
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
