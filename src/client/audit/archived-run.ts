import type { AuditApproval, AuditDecision, AuditRun, AuditWrite } from '../../contract/audit.js';
import type { EntityReport, Report } from '../../contract/report.js';
import { summarize } from '../../report/build.js';
import type { RunRecord } from '../explain/run-records.js';

/** The records of one end of a run. */
export interface RunParts {
  readonly run: AuditRun;
  readonly decisions: AuditDecision[];
  readonly approvals: AuditApproval[];
  readonly writes: AuditWrite[];
}

/** Sorts runs, newest first. */
export function newestRuns(runs: readonly RunParts[]): RunParts[] {
  const order = ({ run }: RunParts): string => `${run.startedAt} ${run.closedAt}`;
  return [...runs].sort((a, b) => order(b).localeCompare(order(a)));
}

/** Returns a run as the records of a file tell of it. */
export function runRecordOf(parts: RunParts): RunRecord {
  const { run } = parts;
  const { workflowId, runId, environment, manifest, pipeline, startedAt, closedAt, requester, principal } = run;
  return {
    account: run.account ?? '',
    reference: {
      source: 'audit',
      workflowId,
      runId,
      // Its page is gone with the run.
      url: null,
      namespace: run.namespace ?? '',
      environment,
      manifest,
      pipeline,
      startedAt,
      endedAt: closedAt,
      ...(requester && { requester }),
      ...(principal && { principal }),
    },
    report: reportOf(parts),
  };
}

function reportOf({ run, decisions, approvals, writes }: RunParts): Report | null {
  const entities = decisions.map(({ entity, report }): EntityReport => ({
    ...report,
    writes: writes
      .filter((write) => write.entity === entity)
      .map(({ operation, requestId, at }) => ({ operation, requestId, at })),
  }));
  const [approval] = approvals;
  if (run.report !== null) {
    return { ...run.report, entities, ...(approval && { approval: approval.approval }) };
  }
  return entities.length === 0 ? null : unreported(run, entities);
}

/** Returns the report of a run that was cancelled or terminated, from what the runs of its entities told. */
function unreported(run: AuditRun, entities: readonly EntityReport[]): Report {
  const { workflowId, runId, pipeline, startedAt, closedAt, reason, remedy, target } = run;
  return {
    version: 2,
    command: 'apply',
    result: 'cancelled',
    account: run.account ?? '',
    partition: target?.partition ?? 'aws',
    namespace: run.namespace ?? '',
    environment: run.environment ?? '',
    digest: '',
    request: { key: '', pipeline },
    workflow: { workflowId, runId, url: null },
    entities,
    summary: summarize(entities),
    apiCalls: { total: 0, byOperation: {} },
    startedAt,
    durationMs: Date.parse(closedAt) - Date.parse(startedAt),
    reason,
    remedy,
  };
}
