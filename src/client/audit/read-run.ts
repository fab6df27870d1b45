import type { ExecutionReference } from '../../contract/audit.js';
import { entityId } from '../../contract/entity.js';
import type { FleetReport } from '../../contract/fleet.js';
import type { Principal } from '../../contract/identity.js';
import type { Approval, EntityReport, Report } from '../../contract/report.js';
import type { BootstrapRequest } from '../../contract/request.js';
import type { ScheduledResult } from '../../contract/schedule.js';
import { missingKeyOf, unreadableReason } from '../../contract/unreadable.js';
import { UserFacingError } from '../../contract/user-facing-error.js';
import { WorkflowType } from '../../contract/workflow-ids.js';
import { readRunEnd } from '../../temporal/close-event.js';
import { type TemporalConnection, withDeadline } from '../../temporal/connect.js';
import { GrpcStatus, grpcStatusOf, isWorkflowNotFound } from '../../temporal/errors.js';
import { firstEventOf } from '../../temporal/first-event.js';
import { decodeFirstPayload } from '../../temporal/payload-codec.js';
import { startedBy } from '../../temporal/principal.js';
import { textFields } from '../../report/run-description.js';
import { parseMemo, withRunUrl } from '../runs.js';
import { readEntityRuns } from './entity-runs.js';
import { readHistory } from './history.js';
import type { ListedRun } from './list-runs.js';

/** A closed run, with everything that an audit tells of it. */
export interface ClosedRun {
  readonly run: ListedRun;
  readonly url: string | null;
  readonly memo: ReturnType<typeof parseMemo>;
  readonly target: BootstrapRequest['target'] | null;
  readonly parent: ExecutionReference | null;
  /** The run that this one repeats, where it was reset. */
  readonly resetOf?: string;
  /** The client that started it, as the server has authenticated it. */
  readonly principal?: Principal;
  /** The reason that the server tells, where the run has no report. */
  readonly reason: string | null;
  readonly report: Report | null;
  readonly fleet: FleetReport | null;
  readonly scheduled: ScheduledResult | null;
  /** The entities of the report with all their writes. Those of a run without a report are what their own runs tell. */
  readonly entities: readonly EntityReport[];
  readonly approvals: readonly Approval[];
  /** Runs whose histories are gone: their part of this run is unknown. */
  readonly missing: readonly ExecutionReference[];
}

/** The reason for which a run was not read: for now where a part of it is open. */
export interface UnreadReason {
  readonly reason: string;
  readonly isOpen: boolean;
}

type ReadRun = { readonly closed: ClosedRun } | UnreadReason;

/**
 * Reads a closed run.
 *
 * @throws the error of a server that answers no call; what is wrong with one run is a reason
 */
export async function readRun(temporal: TemporalConnection, run: ListedRun): Promise<ReadRun> {
  try {
    return await withDeadline(temporal.client, () => read(temporal, run), READ_TIMEOUT_MS);
  } catch (error) {
    if (isServerFailure(error)) throw error;
    if (error instanceof UnreadRunError) return { reason: error.message, isOpen: error.isOpen };
    if (isWorkflowNotFound(error) || grpcStatusOf(error) === GrpcStatus.NotFound) {
      return { reason: 'its history is gone', isOpen: false };
    }
    const message = error instanceof Error ? error.message : String(error);
    return { reason: `it cannot be read as a run of iam-bootstrap: ${message}`, isOpen: false };
  }
}

/** The statuses that each further call would answer, too. */
const SERVER_FAILURES: ReadonlySet<unknown> = new Set([
  GrpcStatus.Cancelled,
  GrpcStatus.PermissionDenied,
  GrpcStatus.Unavailable,
  GrpcStatus.Unauthenticated,
]);

function isServerFailure(error: unknown): boolean {
  return error instanceof UserFacingError || SERVER_FAILURES.has(grpcStatusOf(error));
}

const READ_TIMEOUT_MS = 60_000;

/** Reports that a run cannot be read now. */
class UnreadRunError extends Error {
  constructor(
    message: string,
    readonly isOpen = false,
  ) {
    super(message);
  }
}

async function read(temporal: TemporalConnection, run: ListedRun): Promise<ReadRun> {
  const { client } = temporal;
  assertReadable(Object.values(run.memo ?? {}));
  const [end, first, start] = await Promise.all([
    readRunEnd(client, run),
    firstEventOf(client, run),
    startedBy(client, run),
  ]);
  const started = first?.workflowExecutionStartedEventAttributes;
  const request = await decodeFirstPayload<unknown>(client, started?.input?.payloads);
  assertReadable([end.value, request]);
  const value = resultOf(run, started, end.value);
  const report = value.report === null ? null : withRunUrl(temporal, value.report);
  const told = hasApprovalsInReport(run, report) ? null : await readHistory(client, run);
  const { entities, missing } = await entitiesOf(temporal, run, report);
  return {
    closed: {
      run,
      url: temporal.runUrl(run.workflowId, run.runId),
      memo: parseMemo(run.memo),
      target: targetOf(request),
      parent: executionOf(started?.parentWorkflowExecution),
      ...resetOf(run, started?.originalExecutionRunId),
      ...(start && { principal: start.principal }),
      ...value,
      reason: [value.reason, end.reason, told?.cancelReason].find((reason) => reason != null) ?? null,
      report,
      entities,
      approvals: told?.approvals ?? approvalsIn(report),
      missing,
    },
  };
}

/** A reset copies the first event, which keeps the ID of the run that it was written for. */
function resetOf({ runId }: ListedRun, original: string | null | undefined): Pick<ClosedRun, 'resetOf'> {
  return original == null || original === '' || original === runId ? {} : { resetOf: original };
}

type Started =
  { readonly continuedExecutionRunId?: string | null; readonly firstExecutionRunId?: string | null } | null | undefined;

function firstRunIdIn(memo: ListedRun['memo']): string | undefined {
  return textFields(memo?.['firstRun'])['runId'];
}

type Result = Pick<ClosedRun, 'report' | 'fleet' | 'scheduled' | 'reason'>;

/** Returns the result of a run by its type. Any client may have started the run. */
function resultOf({ type, runId, memo }: ListedRun, started: Started, value: unknown): Result {
  const found = isObject(value) ? value : null;
  const report = isReport(value) ? value : null;
  const isContinued = (started?.continuedExecutionRunId ?? '') !== '';
  // The report of a chain names its first run, or the one in it that was reset.
  const names = isContinued ? [runId, started?.firstExecutionRunId, firstRunIdIn(memo)] : [runId];
  const isOwn = report === null || names.includes(report.workflow.runId);
  return {
    report: isOwn ? report : null,
    fleet: type === WorkflowType.Fleet ? (found as FleetReport | null) : null,
    scheduled: type === WorkflowType.ScheduledRun ? (found as ScheduledResult | null) : null,
    reason: isOwn ? null : `its result is the report of another run, ${report.workflow.runId}, and does not count`,
  };
}

/** True where nothing is to be read from the history of a run: no person decides about it, or its report has all. */
function hasApprovalsInReport({ type }: ListedRun, report: Report | null): boolean {
  if (type === WorkflowType.Fleet) return false;
  return type !== WorkflowType.Bootstrap || report !== null;
}

function approvalsIn(report: Report | null): readonly Approval[] {
  return report?.approval === undefined ? [] : [report.approval];
}

function executionOf(
  execution: { readonly workflowId?: string | null; readonly runId?: string | null } | null | undefined,
): ClosedRun['parent'] {
  if (execution == null) return null;
  return { workflowId: execution.workflowId ?? '', runId: execution.runId ?? '' };
}

/** Returns the entities of a run. Their own runs have the writes that a report leaves out, or that no report tells. */
async function entitiesOf(
  temporal: TemporalConnection,
  run: ListedRun,
  report: Report | null,
): Promise<Pick<ClosedRun, 'entities' | 'missing'>> {
  const isComplete = report?.entities.every(({ omittedLines }) => omittedLines === undefined) === true;
  if (isComplete || run.type !== WorkflowType.Bootstrap) return { entities: report?.entities ?? [], missing: [] };
  // The last run of a chain tells of all.
  if (run.status.name === 'CONTINUED_AS_NEW') return { entities: [], missing: [] };
  const { runs, missing } = await readEntityRuns(temporal, run);
  const [open] = runs.filter(({ isOpen }) => isOpen);
  if (open !== undefined) throw new UnreadRunError(`the run of ${entityId(open.report)} is still open`, true);
  if (report === null) return { entities: runs.map((one) => one.report), missing };
  const writes = new Map(runs.map((one) => [entityId(one.report), one.report.writes]));
  const entities = report.entities.map((entity) =>
    entity.omittedLines === undefined ? entity : { ...entity, writes: writes.get(entityId(entity)) ?? entity.writes },
  );
  return { entities, missing };
}

function assertReadable(values: readonly unknown[]): void {
  for (const value of values) {
    const reason = unreadableReason(value);
    if (reason === null) continue;
    const key = missingKeyOf(value);
    throw new UnreadRunError(key === undefined ? reason : `it is encrypted with key ${key}, which is missing here`);
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isReport(value: unknown): value is Report {
  return isObject(value) && Array.isArray(value['entities']) && isObject(value['workflow']);
}

/** Returns the account that a request names. Any client may have started the run. */
function targetOf(request: unknown): BootstrapRequest['target'] | null {
  const target = isObject(request) ? (request['target'] ?? targetIn(request['request'])) : undefined;
  if (!isObject(target)) return null;
  const { account, partition, assumeRole } = target;
  if (typeof account !== 'string' || typeof partition !== 'string') return null;
  return { account, partition, ...(typeof assumeRole === 'string' ? { assumeRole } : {}) };
}

/** The request of a scheduled run is a part of its argument. */
function targetIn(request: unknown): unknown {
  return isObject(request) ? request['target'] : undefined;
}
