import { setTimeout as pause } from 'node:timers/promises';
import type { ScheduleHandle } from '@temporalio/client';
import { ExitCode } from '../../contract/failures.js';
import { type TemporalConnection, withDeadline } from '../../temporal/connect.js';
import { ScheduleError, unknownSchedule } from './errors.js';
import { describeSchedule, type ScheduleRun } from './read.js';

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

/**
 * Makes a call that changes a schedule.
 *
 * @throws ScheduleError where there is none
 */
export async function change(
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
