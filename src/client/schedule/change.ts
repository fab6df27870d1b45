import { setTimeout as pause } from 'node:timers/promises';
import type { ScheduleHandle } from '@temporalio/client';
import { ExitCode } from '../../contract/failures.js';
import { forgetScheduleSignal } from '../../contract/messages.js';
import {
  accountScheduleId,
  driftRecordWorkflowId,
  type EnvironmentReference,
  type ScheduledEnvironment,
} from '../../contract/workflow-ids.js';
import { type TemporalConnection, withDeadline } from '../../temporal/connect.js';
import { isWorkflowNotFound } from '../../temporal/errors.js';
import { ScheduleError, unknownSchedule } from './errors.js';
import { describeSchedule, listSchedules, type ScheduleRun } from './read.js';
import { listRecords, looksAt } from './records.js';

/** The longest wait for a run that was triggered to show in its schedule, in milliseconds. */
const MAX_LAG_MS = 15_000;

const POLL_MS = 250;

/** Pauses a schedule. Its open run goes on. */
export async function pauseSchedule(temporal: TemporalConnection, id: string, note: string): Promise<void> {
  await change(temporal, id, (handle) => handle.pause(note));
}

/** Resumes a schedule. Times that have passed meanwhile are not caught up. */
export async function resumeSchedule(temporal: TemporalConnection, id: string, note: string): Promise<void> {
  await change(temporal, id, (handle) => handle.unpause(note));
}

/**
 * Starts a run of a schedule now, paused or not.
 *
 * @returns the run, or undefined where Temporal has not shown it yet
 * @throws ScheduleError where a run is open, or the schedule is unknown
 */
export async function triggerSchedule(temporal: TemporalConnection, id: string): Promise<ScheduleRun | undefined> {
  const [last] = (await describeSchedule(temporal, id)).runs;
  if (last?.state === 'running') {
    const { workflowId, url } = last;
    throw new ScheduleError(`a run of it is open: ${url ?? workflowId}`, 'wait for its end', ExitCode.Busy);
  }
  await change(temporal, id, (handle) => handle.trigger('SKIP'));
  const deadline = Date.now() + MAX_LAG_MS;
  while (Date.now() < deadline) {
    const [newest] = (await describeSchedule(temporal, id)).runs;
    if (newest !== undefined && newest.runId !== last?.runId) return newest;
    await pause(POLL_MS);
  }
  return undefined;
}

/** Deletes a schedule. With the last one of an environment, the record of its drift ends. An open run goes on. */
export async function deleteSchedule(temporal: TemporalConnection, id: string): Promise<void> {
  const deleted = await describeSchedule(temporal, id);
  const { namespace } = deleted;
  const records = await listRecords(temporal, { namespace });
  await change(temporal, id, (handle) => handle.delete());
  const left = (await listSchedules(temporal, { namespace })).filter((one) => one.id !== id);
  for (const record of [...records.values(), ...unlisted(deleted, records)]) {
    if (!looksAt(deleted, record)) continue;
    const hasOthers = left.some((one) => looksAt(one, record));
    const own = deleted.account === null ? accountScheduleId(id, record.account) : id;
    await forget(temporal, record, hasOthers ? own : null);
  }
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

async function change(
  { client }: TemporalConnection,
  id: string,
  call: (handle: ScheduleHandle) => Promise<unknown>,
): Promise<void> {
  try {
    await withDeadline(client, () => call(client.schedule.getHandle(id)));
  } catch (error) {
    if (error instanceof Error && error.name === 'ScheduleNotFoundError') throw unknownSchedule(id);
    throw error;
  }
}
