import { setTimeout as pause } from 'node:timers/promises';
import { forgetScheduleSignal } from '../../contract/messages.js';
import {
  accountScheduleId,
  driftRecordWorkflowId,
  type EnvironmentReference,
  parseScheduleId,
  SCHEDULE_ID_PREFIX,
  scheduledAccountWorkflowId,
  type ScheduledEnvironment,
} from '../../contract/workflow-ids.js';
import { type TemporalConnection, withDeadline } from '../../temporal/connect.js';
import { isWorkflowNotFound } from '../../temporal/errors.js';
import { change } from './change.js';
import { unknownSchedule } from './errors.js';
import { describeIfThere, listSchedules } from './read.js';
import { listRecords, looksAt, namesSchedule, scheduleIn } from './records.js';

/** The longest wait for cancelled runs, in milliseconds. One that writes ends after its call in flight. */
const MAX_END_MS = 60_000;

const POLL_MS = 250;

/** The note of a schedule whose deletion has begun. A repeated deletion completes it. */
const NOTE = 'for its deletion';

/** A run that was open when its schedule was deleted, and was cancelled. */
export interface CancelledRun {
  readonly workflowId: string;
  readonly url: string | null;
  /** False where it had not ended after a minute, as when no worker runs. */
  readonly hasEnded: boolean;
}

/**
 * Deletes a schedule: pauses it, cancels its open runs, has the drift records forget it, and removes it last. So a repeat
 * completes a deletion that was cut off. With the last schedule of an environment, the record of its drift ends.
 * `onCancel` hears of each run that is waited for.
 *
 * @throws ScheduleError where neither a schedule nor a run or a record of it is left
 */
export async function deleteSchedule(
  temporal: TemporalConnection,
  id: string,
  onCancel: (run: Omit<CancelledRun, 'hasEnded'>) => void = () => undefined,
): Promise<readonly CancelledRun[]> {
  const { command } = parseScheduleId(id);
  if (!id.startsWith(SCHEDULE_ID_PREFIX) || !['detect', 'enforce'].includes(command)) throw unknownSchedule(id);
  const isThere = (await describeIfThere(temporal, id)) !== undefined;
  if (isThere) await change(temporal, id, (handle) => handle.pause(NOTE));
  const cancelled = await endRuns(temporal, id, onCancel);
  const hasForgotten = await forgetEverywhere(temporal, id, isThere);
  if (isThere) await change(temporal, id, (handle) => handle.delete());
  else if (cancelled.length === 0 && !hasForgotten) throw unknownSchedule(id);
  return cancelled;
}

/** Cancels the open runs of a schedule, and waits for their end: until then they may begin a record anew. */
async function endRuns(
  temporal: TemporalConnection,
  id: string,
  onCancel: NonNullable<Parameters<typeof deleteSchedule>[2]>,
): Promise<readonly CancelledRun[]> {
  const deadline = Date.now() + MAX_END_MS;
  const cancelled: CancelledRun[] = [];
  const known = new Set<string>();
  for (;;) {
    const open = (await listOpenRuns(temporal, id)).filter((workflowId) => !known.has(workflowId));
    if (open.length === 0) return cancelled;
    // The run of a fleet ends those of its accounts, except those that it has left to go on alone.
    const own = open.filter((workflowId) => !isAccountRun(id, workflowId));
    const ended = (own.length > 0 ? own : open).map(async (workflowId) => {
      known.add(workflowId);
      const runId = await cancel(temporal, workflowId);
      if (runId === null) return;
      const run = { workflowId, url: temporal.runUrl(workflowId, runId) };
      onCancel(run);
      cancelled.push({ ...run, hasEnded: await hasEndedBy(temporal, workflowId, deadline) });
    });
    await Promise.all(ended);
  }
}

/** Lists the open runs of a schedule by workflow ID, for a fleet with those of its accounts. A list may lag behind. */
async function listOpenRuns(temporal: TemporalConnection, id: string): Promise<readonly string[]> {
  const described = await describeIfThere(temporal, id);
  const running = (described?.info.runningActions ?? []).map((action) => action.workflow.workflowId);
  const query = `WorkflowId STARTS_WITH ${JSON.stringify(id)} AND ExecutionStatus = "Running"`;
  const listed: string[] = [];
  for await (const { workflowId } of temporal.client.workflow.list({ query, pageSize: 100 })) {
    // Other schedules of the environment have IDs with a name at the end.
    if (isOwnRun(id, workflowId) || isAccountRun(id, workflowId)) listed.push(workflowId);
  }
  return [...new Set([...running, ...listed])];
}

/** Temporal adds the time of a run to its ID. */
function isOwnRun(id: string, workflowId: string): boolean {
  return /^-\d{4}-\d\d-\d\dT[^:]*:\d\d:[^:]*$/.test(workflowId.slice(id.length));
}

/** Reports whether a run is one that a run of a fleet's schedule has started in an account. */
function isAccountRun(id: string, workflowId: string): boolean {
  const [, account = ''] = /^:(\d{12}):/.exec(workflowId.slice(id.length)) ?? [];
  return (
    parseScheduleId(id).account === null && workflowId === scheduledAccountWorkflowId(accountScheduleId(id, account))
  );
}

/** Cancels a run, which ends between two writes, and returns its run ID. Null where it has ended already. */
async function cancel({ client }: TemporalConnection, workflowId: string): Promise<string | null> {
  const handle = client.workflow.getHandle(workflowId);
  try {
    await withDeadline(client, () => handle.cancel());
    return (await withDeadline(client, () => handle.describe())).runId;
  } catch (error) {
    if (isWorkflowNotFound(error)) return null;
    throw error;
  }
}

async function hasEndedBy({ client }: TemporalConnection, workflowId: string, deadline: number): Promise<boolean> {
  const handle = client.workflow.getHandle(workflowId);
  for (;;) {
    const { status } = await withDeadline(client, () => handle.describe());
    if (status.name !== 'RUNNING') return true;
    if (Date.now() >= deadline) return false;
    await pause(POLL_MS);
  }
}

/** Has the records of a schedule forget it. Returns false where none does. */
async function forgetEverywhere(temporal: TemporalConnection, id: string, isThere: boolean): Promise<boolean> {
  const of = { id, ...parseScheduleId(id) };
  const { namespace } = of;
  const records = await listRecords(temporal, { namespace });
  const left = (await listSchedules(temporal, { namespace })).filter((one) => one.id !== id);
  // What a schedule that is gone has looked at is known from records only.
  const own = isThere
    ? [...records.values(), ...unlisted(of, records)].filter((record) => looksAt(of, record))
    : [...records.values()].filter((record) => namesSchedule(of, record));
  for (const record of own) {
    const hasOthers = left.some((one) => looksAt(one, record));
    await forget(temporal, record, hasOthers ? scheduleIn(of, record.account) : null);
  }
  return own.length > 0;
}

/** Returns the record of a schedule's environment where the list, which lags, does not show it. */
function unlisted(
  { account, namespace, environment }: ScheduledEnvironment,
  records: ReadonlyMap<string, unknown>,
): readonly Parameters<typeof looksAt>[1][] {
  if (account === null || records.has(driftRecordWorkflowId({ account, namespace, environment }))) return [];
  return [{ account, namespace, environment, looks: [] }];
}

/** Has a record forget a schedule, or ends it where it is null. */
async function forget(
  { client }: TemporalConnection,
  of: EnvironmentReference,
  schedule: string | null,
): Promise<void> {
  try {
    const record = client.workflow.getHandle(driftRecordWorkflowId(of));
    await withDeadline(client, async () => {
      await (schedule === null ? record.cancel() : record.signal(forgetScheduleSignal, schedule));
    });
  } catch (error) {
    if (!isWorkflowNotFound(error)) throw error;
  }
}
