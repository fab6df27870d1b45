import type { ScheduleDescription, ScheduleSummary as SdkSummary, WorkflowHandle } from '@temporalio/client';
import { identityText, principalText, type SchedulePermit } from '../../contract/identity.js';
import { unreadableReason } from '../../contract/unreadable.js';
import { fleetRequest } from '../../contract/fleet-shapes.js';
import type { FleetReport, FleetRequest } from '../../contract/fleet.js';
import type { BootstrapRequest } from '../../contract/request.js';
import { scheduledRun } from '../../contract/schedule-shapes.js';
import { isFleetRequest } from '../../contract/fleet.js';
import type { ScheduledResult, ScheduledRun, ScheduleSummary, Timing } from '../../contract/schedule.js';
import { parseScheduleId, SCHEDULE_ID_PREFIX, WorkflowType } from '../../contract/workflow-ids.js';
import { type TemporalConnection, withDeadline } from '../../temporal/connect.js';
import { GrpcStatus, grpcStatusOf, isWorkflowFailed, isWorkflowNotFound } from '../../temporal/errors.js';
import { unknownSchedule } from './errors.js';

/** Runs that `describe` tells of. Temporal remembers ten. */
const MAX_RUNS = 5;

/** Schedules in one answer: the maximum, since servers allow only a few searches in a second. */
const SCHEDULES_AT_A_TIME = 1_000;

/** The parts of a run's result that a schedule shows. */
type RunResult = Pick<ScheduledResult, 'result' | 'reason' | 'inDrift' | 'corrected'>;

/** Selects schedules. */
export interface ScheduleFilter {
  readonly account?: string | undefined;
  readonly namespace?: string | undefined;
}

/** A run of a schedule. */
export interface ScheduleRun {
  /** The time that it was due. */
  readonly scheduledAt: string;
  readonly startedAt: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly url: string | null;
  /** `running`, the result, or Temporal's status where it has none. */
  readonly state: string;
  readonly inDrift: number | null;
  readonly corrected: number | null;
  readonly reason: string | null;
}

/** Everything that is known of a schedule. */
export interface DescribedSchedule extends ScheduleSummary {
  readonly timing: Timing | null;
  /** The next times. */
  readonly next: readonly string[];
  /** The last runs, newest first. */
  readonly runs: readonly ScheduleRun[];
  /** Starts that the schedule has left out, since the run before was still open. */
  readonly skipped: number;
  /** Times that have passed while the server was down for longer than the schedule catches up. */
  readonly missed: number;
  /** Null where the client cannot read its content. */
  readonly request: Pick<BootstrapRequest, 'manifest' | 'digest' | 'pipeline' | 'revision'> | null;
  /** Null where it is for a fleet: they depend on the account. */
  readonly entities: number | null;
  /** The maker, as proven. Null where nobody asked for a proof. */
  readonly requester: string | null;
  readonly createdAt: string;
  readonly updatedAt: string | null;
}

/** Lists the schedules of this tool, by ID. */
export async function listSchedules(
  { client }: TemporalConnection,
  { account, namespace }: ScheduleFilter = {},
): Promise<ScheduleSummary[]> {
  const found: ScheduleSummary[] = [];
  for await (const one of client.schedule.list({ pageSize: SCHEDULES_AT_A_TIME })) {
    const summary = one.scheduleId.startsWith(SCHEDULE_ID_PREFIX) ? summaryOf(one) : undefined;
    if (summary === undefined) continue;
    // The accounts of a fleet are known to its runs.
    if (account !== undefined && summary.account !== null && summary.account !== account) continue;
    if (namespace !== undefined && summary.namespace !== namespace) continue;
    found.push(summary);
  }
  return found.sort((a, b) => a.id.localeCompare(b.id));
}

/**
 * Describes a schedule and its last runs.
 *
 * @throws ScheduleError where there is none
 */
export async function describeSchedule(temporal: TemporalConnection, id: string): Promise<DescribedSchedule> {
  const described = await findSchedule(temporal, id);
  if (described === undefined) throw unknownSchedule(id);
  return described;
}

/** Describes a schedule and its last runs. Undefined where there is none, which the list may still show. */
export async function findSchedule(temporal: TemporalConnection, id: string): Promise<DescribedSchedule | undefined> {
  const found = await describeIfThere(temporal, id);
  const summary = found && summaryOf(found);
  if (found === undefined || summary === undefined) return undefined;
  const { info } = found;
  const request = scheduledRequestOf(found);
  const recent = info.recentActions.slice(-MAX_RUNS).reverse();
  const permit = request?.proof?.permit;
  return {
    ...summary,
    timing: timingOf(found) ?? null,
    next: found.state.paused ? [] : info.nextActionTimes.slice(0, 3).map((time) => time.toISOString()),
    runs: await Promise.all(recent.map((action) => runOf(temporal, action))),
    skipped: info.numActionsSkippedOverlap,
    missed: info.numActionsMissedCatchupWindow,
    request: request === undefined ? null : contentOf(request),
    entities: request === undefined || isFleetRequest(request) ? null : request.entities.length,
    requester: makerText(permit),
    createdAt: info.createdAt.toISOString(),
    updatedAt: info.lastUpdatedAt?.toISOString() ?? null,
  };
}

function makerText({ requester = null, principal }: Partial<SchedulePermit> = {}): string | null {
  const known = [requester === null ? [] : identityText(requester), principal ? principalText(principal) : []].flat();
  return known.length === 0 ? null : known.join(', as ');
}

function contentOf(request: BootstrapRequest | FleetRequest): NonNullable<DescribedSchedule['request']> {
  const { digest, pipeline, revision } = request;
  const manifest = isFleetRequest(request) ? request.manifest.name : request.manifest;
  return { manifest, digest, pipeline, ...(revision === undefined ? {} : { revision }) };
}

/** Describes a schedule. Undefined where there is none. */
export async function describeIfThere(
  { client }: TemporalConnection,
  id: string,
): Promise<ScheduleDescription | undefined> {
  try {
    return await withDeadline(client, () => client.schedule.getHandle(id).describe());
  } catch (error) {
    const isMissing = error instanceof Error && error.name === 'ScheduleNotFoundError';
    if (isMissing || grpcStatusOf(error) === GrpcStatus.NotFound) return undefined;
    throw error;
  }
}

/** Returns the request of a schedule's runs. Undefined where it is none of this tool, or cannot be read. */
export function scheduledRequestOf({ action }: ScheduleDescription): BootstrapRequest | FleetRequest | undefined {
  const [argument] = (action.args ?? []) as readonly unknown[];
  if (action.workflowType === WorkflowType.Fleet) {
    return fleetRequest(argument, '') === null ? (argument as FleetRequest) : undefined;
  }
  if (action.workflowType !== WorkflowType.ScheduledRun) return undefined;
  return scheduledRun(argument, '') === null ? (argument as ScheduledRun).request : undefined;
}

/** Returns the times of a schedule, as they were given. */
export function timingOf({ action }: ScheduleDescription): Timing | undefined {
  const timing = action.memo?.['timing'];
  if (typeof timing !== 'object' || timing === null || unreadableReason(timing) !== null) return undefined;
  const { every, cron, jitter } = timing as Readonly<Record<string, unknown>>;
  return {
    ...(typeof every === 'number' ? { every } : {}),
    ...(typeof cron === 'string' ? { cron } : {}),
    ...(typeof jitter === 'number' ? { jitter } : {}),
  };
}

/** Returns what a list shows. The ID says it all: any client may have written the memo. */
function summaryOf(schedule: SdkSummary | ScheduleDescription): ScheduleSummary | undefined {
  const { scheduleId: id, state, info } = schedule;
  const { account, namespace, environment, command } = parseScheduleId(id);
  if (command !== 'detect' && command !== 'enforce') return undefined;
  const [next] = state.paused ? [] : info.nextActionTimes;
  const last = info.recentActions.at(-1);
  return {
    id,
    command,
    account,
    namespace,
    environment,
    paused: state.paused,
    note: state.note === undefined || state.note === '' ? null : state.note,
    nextAt: next?.toISOString() ?? null,
    lastAt: last?.takenAt.toISOString() ?? null,
    lastRun:
      last === undefined
        ? null
        : { workflowId: last.action.workflow.workflowId, runId: last.action.workflow.firstExecutionRunId },
  };
}

async function runOf(
  temporal: TemporalConnection,
  { scheduledAt, takenAt, action }: ScheduleDescription['info']['recentActions'][number],
): Promise<ScheduleRun> {
  const { workflowId, firstExecutionRunId: runId } = action.workflow;
  const run = {
    scheduledAt: scheduledAt.toISOString(),
    startedAt: takenAt.toISOString(),
    workflowId,
    runId,
    url: temporal.runUrl(workflowId, runId),
  };
  const unknown = { inDrift: null, corrected: null, reason: null };
  const status = await statusOf(temporal, workflowId, runId);
  if (status !== 'COMPLETED' && status !== 'FAILED') return { ...run, ...unknown, state: wordOf(status) };
  const result = await resultOf(temporal, workflowId, runId);
  if (result === undefined) return { ...run, ...unknown, state: wordOf(status) };
  const { inDrift, corrected, reason } = result;
  return { ...run, inDrift, corrected, reason, state: result.result };
}

async function statusOf({ client }: TemporalConnection, workflowId: string, runId: string): Promise<string> {
  try {
    const describe = (handle: WorkflowHandle): Promise<string> =>
      withDeadline(client, async () => (await handle.describe()).status.name);
    const first = await describe(client.workflow.getHandle(workflowId, runId));
    // The run of a fleet goes on in others.
    return first === 'CONTINUED_AS_NEW' ? await describe(client.workflow.getHandle(workflowId)) : first;
  } catch (error) {
    // Temporal keeps closed runs for some time only.
    if (isWorkflowNotFound(error)) return 'GONE';
    throw error;
  }
}

function wordOf(status: string): string {
  return status.toLowerCase().replaceAll('_', ' ');
}

async function resultOf(
  { client }: TemporalConnection,
  workflowId: string,
  runId: string,
): Promise<RunResult | undefined> {
  try {
    const result: unknown = await withDeadline(client, () => client.workflow.getHandle(workflowId, runId).result());
    return readResult(result);
  } catch (error) {
    if (!isWorkflowFailed(error)) throw error;
    const { details } = (error.cause ?? {}) as { readonly details?: readonly unknown[] };
    return readResult(details?.[0]);
  }
}

/** Returns the result of a scheduled run, or of that of a fleet. */
function readResult(value: unknown): RunResult | undefined {
  const {
    result,
    reason = null,
    inDrift,
    corrected,
    summary,
  } = (value ?? {}) as Partial<ScheduledResult & FleetReport>;
  if (typeof result !== 'string') return undefined;
  if (typeof inDrift === 'number') return { result, reason, inDrift, corrected: corrected ?? 0 };
  const { pending, updated } = summary ?? {};
  return typeof pending === 'number' ? { result, reason, inDrift: pending, corrected: updated ?? 0 } : undefined;
}
