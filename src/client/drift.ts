import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { DriftRecord, DriftState, WatchedEnvironment, WatchedFleet } from '../contract/drift-record.js';
import type { ScheduleSummary } from '../contract/schedule.js';
import { driftRecordWorkflowId, type EnvironmentReference } from '../contract/workflow-ids.js';
import { incompleteText, isIncomplete } from '../report/drift-record.js';
import { durationText } from '../report/words.js';
import { type TemporalConnection, withDeadline } from '../temporal/connect.js';
import { isWorkflowNotFound } from '../temporal/errors.js';
import { failingActivities } from './run/failing-activities.js';
import { findSchedule, listSchedules, type ScheduleFilter } from './schedule/read.js';
import { listRecords, looksAt } from './schedule/records.js';

/** The time after which a run that was due or has started counts as late, in milliseconds. */
const MAX_DELAY_MS = 10 * 60_000;

/** The time after which the run of a fleet has looked at each account, in milliseconds: one may take an hour. */
const MAX_FLEET_MS = 2 * 3_600_000;

/** The time after which a task that no worker has taken tells that none polls, in milliseconds. */
const MAX_UNTAKEN_MS = 10_000;

/** Runs that Temporal is asked about at a time. */
const PARALLEL_READS = 20;

/** Returns the drift of everything that is watched, as the last looks found it. Needs no worker. */
export async function drift(temporal: TemporalConnection, filter: ScheduleFilter = {}): Promise<DriftState> {
  const [schedules, records] = await Promise.all([listSchedules(temporal, filter), listRecords(temporal, filter)]);
  const now = Date.now();
  const keys = new Map<string, EnvironmentReference>();
  // A record without a schedule is that of a run which was open when its schedule was deleted.
  for (const { account, namespace, environment } of schedules) {
    if (account === null) continue;
    const of = { account, namespace, environment };
    keys.set(driftRecordWorkflowId(of), of);
  }
  // The accounts of a fleet are those that its runs have looked at.
  for (const [id, record] of records) {
    const { account, namespace, environment } = record;
    if (schedules.some((one) => one.account === null && looksAt(one, record))) {
      keys.set(id, { account, namespace, environment });
    }
  }
  const environments = await mapInTurns([...keys].sort(), async ([id, of]): Promise<WatchedEnvironment> => {
    const record = records.get(id) ?? null;
    const own = schedules.filter((one) => looksAt(one, { ...of, looks: record?.looks ?? [] }));
    const next = own.flatMap(({ nextAt }) => nextAt ?? []).sort();
    return {
      ...of,
      state: stateOf(record),
      record,
      schedules: own,
      nextLookAt: next[0] ?? null,
      problem: await problemOf(temporal, record, own, now),
    };
  });
  const fleets = await mapInTurns(fleetsOf(schedules), (one) => watchedFleet(temporal, one, now));
  return { version: 1, command: 'drift', at: new Date(now).toISOString(), environments, fleets };
}

/** Returns the schedules of fleets, by fleet. */
function fleetsOf(schedules: readonly ScheduleSummary[]): readonly (readonly ScheduleSummary[])[] {
  const byFleet = new Map<string, ScheduleSummary[]>();
  for (const one of schedules) {
    if (one.account !== null) continue;
    const key = `${one.namespace}:${one.environment}`;
    byFleet.set(key, [...(byFleet.get(key) ?? []), one]);
  }
  return [...byFleet.values()];
}

async function watchedFleet(
  temporal: TemporalConnection,
  schedules: readonly ScheduleSummary[],
  now: number,
): Promise<WatchedFleet> {
  const { namespace = '', environment: fleet = '' } = schedules[0] ?? {};
  const next = schedules.flatMap(({ nextAt }) => nextAt ?? []).sort();
  const problems = await Promise.all(schedules.map((one) => fleetProblemOf(temporal, one, now)));
  const problem = problems.find((one) => one !== null) ?? null;
  return { namespace, fleet, schedules, nextLookAt: next[0] ?? null, problem };
}

/** Returns why the last run of a fleet's schedule has not looked at all accounts. Null where it has, or is going on. */
async function fleetProblemOf(
  temporal: TemporalConnection,
  schedule: ScheduleSummary,
  now: number,
): Promise<string | null> {
  const stall = (await stallOf(temporal, schedule, now)) ?? dueProblem([schedule], now);
  if (stall !== null || schedule.lastAt === null) return stall;
  const [run] = (await findSchedule(temporal, schedule.id))?.runs ?? [];
  const hasLooked = run === undefined || ['running', 'converged', 'pending'].includes(run.state);
  return hasLooked ? null : `the run of ${run.startedAt} ended as ${run.state}: ${run.reason ?? 'see its page'}`;
}

/** Maps a list, a few items at a time: each may ask Temporal about an open run. */
async function mapInTurns<T, R>(items: readonly T[], map: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += PARALLEL_READS) {
    results.push(...(await Promise.all(items.slice(start, start + PARALLEL_READS).map(map))));
  }
  return results;
}

/** Returns the state of a record. Nothing tells that nothing drifts where some entities could not be read. */
export function stateOf(record: DriftRecord | null): WatchedEnvironment['state'] {
  if (record?.lookedAt == null) return 'unknown';
  if (record.inDrift > 0) return 'drift';
  return isIncomplete(record) ? 'unknown' : 'no-drift';
}

/** Returns why nothing has looked when it should have, or will not. Null where all is well. */
async function problemOf(
  temporal: TemporalConnection,
  record: DriftRecord | null,
  schedules: readonly ScheduleSummary[],
  now: number,
): Promise<string | null> {
  const active = schedules.filter(({ paused }) => !paused);
  const [note] = schedules.flatMap((one) => one.note ?? []);
  if (active.length === 0) return `paused${note === undefined ? '' : ` ${note}`}`;
  const seenAt = [record?.lookedAt ?? '', record?.failed?.at ?? ''].sort().at(-1) ?? '';
  const open = active.filter(({ lastAt }) => lastAt !== null && lastAt > seenAt);
  const [stuck] = (await Promise.all(open.map((one) => stallOf(temporal, one, now)))).filter((text) => text !== null);
  if (stuck !== undefined) return stuck;
  const overdue = dueProblem(active, now) ?? leftOutProblem(record, active, now);
  if (overdue !== null) return overdue;
  return record === null ? null : failedProblem(record);
}

function failedProblem(record: DriftRecord): string | null {
  const { failed } = record;
  return failed === null ? null : (incompleteText(record) ?? `the look at ${failed.at} failed: ${failed.reason}`);
}

function dueProblem(schedules: readonly ScheduleSummary[], now: number): string | null {
  const due = schedules.flatMap(({ nextAt, paused }) => (paused ? [] : (nextAt ?? []))).sort()[0];
  const isLate = due !== undefined && now - Date.parse(due) > MAX_DELAY_MS;
  return isLate ? `the run that was due at ${due} has not started` : null;
}

/** Returns that no run of a fleet has looked at one of its accounts for long. Null where one has. */
export function leftOutProblem(
  record: Pick<DriftRecord, 'lookedAt'> | null,
  schedules: readonly Pick<ScheduleSummary, 'id' | 'account' | 'lastAt'>[],
  now: number,
): string | null {
  const [fleet] = schedules;
  if (record?.lookedAt == null || fleet?.lastAt == null || schedules.some(({ account }) => account !== null))
    return null;
  const isOld = fleet.lastAt > record.lookedAt && now - Date.parse(fleet.lastAt) > MAX_FLEET_MS;
  return isOld
    ? `the run of ${fleet.lastAt} has not looked at it: see \`iam-bootstrap schedule describe ${fleet.id}\``
    : null;
}

/** Returns why the last run of a schedule has not looked yet. Null where it is going on. */
async function stallOf(
  { client, taskQueue }: TemporalConnection,
  { lastAt, lastRun }: ScheduleSummary,
  now: number,
): Promise<string | null> {
  if (lastRun === null || lastAt === null) return null;
  const run = `the run of ${lastAt}`;
  try {
    const describe = (runId?: string): Promise<WorkflowExecutionDescription> =>
      withDeadline(client, () => client.workflow.getHandle(lastRun.workflowId, runId).describe());
    const first = await describe(lastRun.runId);
    // The run of a fleet goes on in others.
    const description = first.status.name === 'CONTINUED_AS_NEW' ? await describe() : first;
    const status = description.status.name;
    // One that has ended by itself has told the record, which the list may not show yet.
    if (status === 'COMPLETED' || status === 'FAILED') return null;
    if (status !== 'RUNNING') return `${run} has not looked: it was ${status.toLowerCase().replaceAll('_', ' ')}`;
    const { scheduledTime, startedTime } = description.raw.pendingWorkflowTask ?? {};
    const waitedMs = scheduledTime == null || startedTime != null ? 0 : now - Number(scheduledTime.seconds) * 1_000;
    if (waitedMs > MAX_UNTAKEN_MS) {
      return `${run} waits for ${durationText(waitedMs)}: no worker of task queue ${taskQueue} takes it`;
    }
    const [failing] = await failingActivities(client, description);
    if (failing !== undefined) return `${run} tries again: ${failing.message}`;
    return now - Date.parse(lastAt) > MAX_DELAY_MS ? `${run} has not ended` : null;
  } catch (error) {
    // The list of schedules may be older than the run.
    if (isWorkflowNotFound(error)) return null;
    throw error;
  }
}
