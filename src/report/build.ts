import type { PlannedEntity } from '../contract/activities.js';
import { ExitCode, FAILURES } from '../contract/failures.js';
import type { FailureType } from '../contract/failures.js';
import type { EntityReport, Report } from '../contract/report.js';
import type { BootstrapRequest } from '../contract/request.js';
import { resultOf, summarize } from './summarize.js';
import { truncateToFit } from './truncate.js';

/** The run that a report is about. */
export interface ReportedRun {
  readonly command: Report['command'];
  readonly request: BootstrapRequest;
  readonly workflowId: string;
  readonly runId: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
}

/** A failure that ended a run or an entity, for people. */
export interface ReportedFailure {
  readonly type: FailureType;
  /** The message, with the AWS request ID where one is known. */
  readonly reason: string;
  /** Calls that the failed activity sent, by operation. */
  readonly calls: Readonly<Record<string, number>>;
}

/** Builds the report of a run from the reports of its entities. */
export function buildReport(
  { command, request, workflowId, runId, startedAt }: ReportedRun,
  entities: readonly EntityReport[],
  calls: Readonly<Record<string, number>>,
  now: number,
): Report {
  return {
    version: 1,
    command,
    result: resultOf(entities),
    account: request.target.account,
    partition: request.target.partition,
    namespace: request.namespace,
    environment: request.environment,
    digest: request.digest,
    request: { key: request.key, pipeline: request.pipeline },
    ...(request.revision === undefined ? {} : { revision: request.revision }),
    workflow: { workflowId, runId, url: null },
    entities: truncateToFit(entities),
    summary: summarize(entities),
    apiCalls: { total: Object.values(calls).reduce((sum, count) => sum + count, 0), byOperation: calls },
    startedAt: new Date(startedAt).toISOString(),
    durationMs: now - startedAt,
    reason: null,
    remedy: null,
  };
}

/** Builds the report of a run that could not read the account: no entity was read, and nothing was written. */
export function buildFailedReport(run: ReportedRun, { type, reason, calls }: ReportedFailure, now: number): Report {
  return {
    ...buildReport(run, [], calls, now),
    result: isRefusal(type) ? 'refused' : 'failed',
    reason,
    remedy: FAILURES[type].remedy,
  };
}

/** Reports whether a failure is a refusal by our rules and not an error. */
export function isRefusal(type: FailureType): boolean {
  return FAILURES[type].exitCode === ExitCode.Refused;
}

/** Builds the report of an entity before anything is written. */
export function plannedReport(planned: PlannedEntity, source: EntityReport['source']): EntityReport {
  const { action, drift, unmanaged, reason, remedy, omittedLines } = planned.decision;
  return {
    kind: planned.kind,
    name: planned.name,
    arn: planned.arn,
    decision: action,
    outcome: action === 'no-op' ? 'unchanged' : action === 'refuse' ? 'refused' : 'pending',
    confirmedBy: null,
    drift,
    unmanaged,
    writes: [],
    conflicts: [],
    reason,
    remedy,
    attempts: 0,
    ...(omittedLines === undefined ? {} : { omittedLines }),
    ...(source === undefined ? {} : { source }),
  };
}

/** Builds the report of an entity that should have been written and was not. */
export function skippedReport(planned: PlannedEntity, source: EntityReport['source'], reason: string): EntityReport {
  return { ...plannedReport(planned, source), outcome: 'skipped', reason, remedy: null };
}
