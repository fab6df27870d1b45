import { entityId } from '../../contract/entity.js';
import type { FleetReport } from '../../contract/fleet.js';
import type { Principal } from '../../contract/identity.js';
import type { Approval, EntityReport, Report } from '../../contract/report.js';
import type { BootstrapRequest } from '../../contract/request.js';
import type { ScheduledResult } from '../../contract/schedule.js';
import { missingKeyOf, unreadableReason } from '../../contract/unreadable.js';
import { WorkflowType } from '../../contract/workflow-ids.js';
import { readRunEnd } from '../../temporal/close-event.js';
import { type TemporalConnection, withDeadline } from '../../temporal/connect.js';
import { GrpcStatus, grpcStatusOf } from '../../temporal/errors.js';
import { firstEventOf } from '../../temporal/first-event.js';
import { decodeFirstPayload } from '../../temporal/payload-codec.js';
import { startedBy } from '../../temporal/principal.js';
import { parseMemo, withRunUrl } from '../runs.js';
import { readEntityRuns } from './entity-runs.js';
import type { ListedRun } from './list-runs.js';
import { readWaveApprovals } from './wave-approvals.js';

/** A closed run, with everything that an audit tells of it. */
export interface ClosedRun {
  readonly run: ListedRun;
  readonly url: string | null;
  readonly memo: ReturnType<typeof parseMemo>;
  readonly target: BootstrapRequest['target'] | null;
  readonly parent: { readonly workflowId: string; readonly runId: string } | null;
  readonly principal?: Principal;
  /** The reason that the server tells, where the run has no report. */
  readonly reason: string | null;
  readonly report: Report | null;
  readonly fleet: FleetReport | null;
  readonly scheduled: ScheduledResult | null;
  /** The entities of the report with all their writes. Those of a run without a report are what their own runs tell. */
  readonly entities: readonly EntityReport[];
  readonly approvals: readonly Approval[];
}

/** A closed run, or the reason for which it was not read: for now where the next export may have it. */
export type ReadRun = { readonly closed: ClosedRun } | { readonly reason: string; readonly isOpen: boolean };

/** Reads a closed run. */
export async function readRun(temporal: TemporalConnection, run: ListedRun): Promise<ReadRun> {
  try {
    return await withDeadline(temporal.client, () => read(temporal, run), READ_TIMEOUT_MS);
  } catch (error) {
    if (error instanceof UnreadRunError) return { reason: error.message, isOpen: error.isOpen };
    if (grpcStatusOf(error) !== GrpcStatus.NotFound) throw error;
    return { reason: 'Temporal does not keep it any more', isOpen: false };
  }
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
  const value = resultOf(run, end.value);
  const report = value.report === null ? null : withRunUrl(temporal, value.report);
  return {
    closed: {
      run,
      url: temporal.runUrl(run.workflowId, run.runId),
      memo: parseMemo(run.memo),
      target: targetOf(request),
      parent: executionOf(started?.parentWorkflowExecution),
      ...(start && { principal: start.principal }),
      reason: end.reason,
      ...value,
      report,
      entities: await entitiesOf(temporal, run, report),
      approvals: run.type === WorkflowType.Fleet ? await readWaveApprovals(client, run) : approvalsIn(report),
    },
  };
}

/** Returns the result of a run by its type. Any client may have started the run. */
function resultOf({ type }: ListedRun, value: unknown): Pick<ClosedRun, 'report' | 'fleet' | 'scheduled'> {
  const found = isObject(value) ? value : null;
  return {
    report: isReport(value) ? value : null,
    fleet: type === WorkflowType.Fleet ? (found as FleetReport | null) : null,
    scheduled: type === WorkflowType.ScheduledRun ? (found as ScheduledResult | null) : null,
  };
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
): Promise<readonly EntityReport[]> {
  const isComplete = report?.entities.every(({ omittedLines }) => omittedLines === undefined) === true;
  if (isComplete || run.type !== WorkflowType.Bootstrap) return report?.entities ?? [];
  // The last run of a chain tells of all.
  if (run.status.name === 'CONTINUED_AS_NEW') return [];
  const own = await readEntityRuns(temporal, run);
  const [open] = own.filter(({ isOpen }) => isOpen);
  if (open !== undefined) throw new UnreadRunError(`the run of ${entityId(open.report)} is still open`, true);
  if (report === null) return own.map((one) => one.report);
  const writes = new Map(own.map((one) => [entityId(one.report), one.report.writes]));
  return report.entities.map((entity) =>
    entity.omittedLines === undefined ? entity : { ...entity, writes: writes.get(entityId(entity)) ?? entity.writes },
  );
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
