import type { ScheduleDescription, ScheduleOptions, ScheduleUpdateOptions } from '@temporalio/client';
import { entityId } from '../../contract/entity.js';
import { ExitCode } from '../../contract/failures.js';
import type { FleetRequest } from '../../contract/fleet.js';
import type { BootstrapRequest } from '../../contract/request.js';
import { isFleetRequest } from '../../contract/fleet.js';
import type { SchedulePermitRequest } from '../../contract/schedule-permit.js';
import type { ScheduleCommand, ScheduledRunMemo, ScheduleMemo, Timing } from '../../contract/schedule.js';
import { IamAccount, IamNamespace } from '../../contract/search-attributes.js';
import { type ScheduledEnvironment, scheduleId, WorkflowType } from '../../contract/workflow-ids.js';
import { fleetDigest } from '../../engine/request-digest.js';
import { counted, joinFirst, revisionText } from '../../report/text.js';
import { type TemporalConnection, withDeadline } from '../../temporal/connect.js';
import type { RunOptions } from '../run/events.js';
import { isUnknownSearchAttribute } from '../run/start.js';
import { ScheduleError } from './errors.js';
import { permitted } from './permit.js';
import { describeIfThere, scheduledRequestOf, timingOf } from './read.js';
import { policiesOf, specOf, timingText } from './timing.js';

/** Entities that a change names. */
const MAX_NAMED = 5;

/** The request of a schedule: that of an environment, or that of a fleet. */
type AnyRequest = BootstrapRequest | FleetRequest;

/** A schedule to make. */
export interface WantedSchedule {
  readonly request: AnyRequest;
  readonly command: ScheduleCommand;
  readonly timing: Timing;
  /** Tells it from other schedules of the environment that do the same. Default: none. */
  readonly name?: string | undefined;
  /** Makes it without starting it, or pauses one that is there. Default: false. */
  readonly paused?: boolean | undefined;
}

/** The result of making a schedule. */
export interface CreatedSchedule {
  readonly id: string;
  readonly outcome: 'created' | 'updated' | 'unchanged';
  /** The changes, a line each: `every 6h -> every 1h`. */
  readonly changes: readonly string[];
  /** Null where it is paused, or its times lie in the past. */
  readonly nextAt: string | null;
  readonly paused: boolean;
}

/**
 * Makes a schedule, or changes it to what is wanted where it is there already.
 *
 * @throws ScheduleError where the manifest is older than that of the schedule, or its maker may not; BusyError, IdTokenError
 */
export async function createSchedule(
  temporal: TemporalConnection,
  wanted: WantedSchedule,
  options: RunOptions = {},
): Promise<CreatedSchedule> {
  const { command, name } = wanted;
  const id = scheduleId(environmentOf(wanted.request), command, name);
  const { allowOlder = false } = wanted.request;
  const run = argumentOf(id, wanted);
  const found = await describeIfThere(temporal, id);
  if (found !== undefined && !allowOlder) assertNotOlder(found, run.request);
  // Also where nothing else has changed: the workers may ask for another permit than they did, and refuse the one it has.
  const scheduled = await permitted(temporal, run, options);
  const changes = found === undefined ? [] : changesOf(found, wanted, scheduled);
  if (found !== undefined && changes.length === 0) return created(temporal, id, 'unchanged', []);
  await write(temporal, scheduled, wanted, found !== undefined);
  return created(temporal, id, found === undefined ? 'created' : 'updated', changes);
}

/** Returns the environment, or the fleet, that a request is for. */
function environmentOf(request: AnyRequest): ScheduledEnvironment {
  const { namespace, environment } = request;
  if (isFleetRequest(request)) return { account: null, namespace, environment: request.fleet };
  return { account: request.target.account, namespace, environment };
}

/**
 * Returns what the runs of a schedule do. They are named by the schedule, and not by the job that made it. Going back is
 * allowed now, and not at each run.
 */
function argumentOf(id: string, { command, request }: WantedSchedule): SchedulePermitRequest {
  if (!isFleetRequest(request)) {
    return { version: 1, schedule: id, command, request: { ...withoutRollback(request), key: id } };
  }
  const content = { ...withoutRollback(request), command };
  return { version: 1, schedule: id, command, request: { ...content, digest: fleetDigest(content), key: id } };
}

function withoutRollback<T extends AnyRequest>(request: T): Omit<T, 'allowOlder'> {
  return Object.fromEntries(Object.entries(request).filter(([field]) => field !== 'allowOlder')) as Omit<
    T,
    'allowOlder'
  >;
}

async function created(
  temporal: TemporalConnection,
  id: string,
  outcome: CreatedSchedule['outcome'],
  changes: readonly string[],
): Promise<CreatedSchedule> {
  const found = await describeIfThere(temporal, id);
  const { paused = false } = found?.state ?? {};
  const [next] = paused ? [] : (found?.info.nextActionTimes ?? []);
  return { id, outcome, changes, nextAt: next?.toISOString() ?? null, paused };
}

/** An older pipeline must not turn a schedule back. */
function assertNotOlder(found: ScheduleDescription, { revision, pipeline }: AnyRequest): void {
  const before = scheduledRequestOf(found);
  const last = before?.revision;
  if (revision === undefined || last?.source !== revision.source) return;
  if (revision.value >= last.value) return;
  throw new ScheduleError(
    `revision ${revisionText(revision, pipeline.commit)} is older than that of the schedule, ${revisionText(last, before?.pipeline.commit ?? null)}`,
    'make the schedule with the newest commit; to go back anyway, use --allow-older',
    ExitCode.Refused,
  );
}

async function write(
  { client, taskQueue }: TemporalConnection,
  scheduled: SchedulePermitRequest,
  { timing, paused }: WantedSchedule,
  isThere: boolean,
): Promise<void> {
  const { schedule, command, request } = scheduled;
  const { digest, pipeline, revision } = request;
  const { account, namespace, environment } = environmentOf(request);
  const memo: ScheduledRunMemo = {
    ...{ digest, environment, pipeline, timing },
    manifest: isFleetRequest(request) ? request.manifest.name : request.manifest,
    ...(revision === undefined ? {} : { revision }),
  };
  const send = async (isSearchable: boolean): Promise<void> => {
    const typedSearchAttributes = isSearchable
      ? [...(account === null ? [] : [{ key: IamAccount, value: account }]), { key: IamNamespace, value: namespace }]
      : [];
    const options: ScheduleUpdateOptions & Pick<ScheduleOptions, 'spec'> = {
      spec: specOf(timing),
      policies: policiesOf(timing),
      typedSearchAttributes,
      state: {},
      action: {
        type: 'startWorkflow',
        workflowType: isFleetRequest(request) ? WorkflowType.Fleet : WorkflowType.ScheduledRun,
        workflowId: schedule,
        taskQueue,
        args: [isFleetRequest(request) ? request : scheduled],
        memo: { ...memo },
        staticSummary: `${command === 'detect' ? 'looks for drift of' : 'enforces'} ${namespace} (${environment}) in ${account ?? 'the accounts of the fleet'}`,
        typedSearchAttributes,
      },
    };
    const about: ScheduleMemo = { account, namespace, environment, command };
    try {
      await withDeadline(client, () =>
        isThere
          ? client.schedule.getHandle(schedule).update(({ state }) => ({
              ...options,
              state: { ...state, paused: paused === true || state.paused },
            }))
          : client.schedule
              .create({
                ...options,
                scheduleId: schedule,
                memo: { ...about },
                state: { paused: paused === true },
              })
              .then(() => undefined),
      );
    } catch (error) {
      if (!isSearchable || !isUnknownSearchAttribute(error)) throw error;
      await send(false);
    }
  };
  await send(true);
}

/** Returns what differs between a schedule and what is wanted, and permitted. */
function changesOf(
  found: ScheduleDescription,
  { timing, paused }: WantedSchedule,
  { request }: SchedulePermitRequest,
): readonly string[] {
  const before = scheduledRequestOf(found);
  if (before === undefined) return ['its content could not be read'];
  const text = timingOf(found);
  const changed = (what: string, old: string, now: string): string[] =>
    old === now ? [] : [`${what}${old} -> ${now}`];
  return [
    ...changed('', text === undefined ? 'unknown times' : timingText(text), timingText(timing)),
    ...(before.digest === request.digest ? [] : manifestChanges(before, request)),
    ...changed('revision: ', revisionOf(before), revisionOf(request)),
    ...(paused === true && !found.state.paused ? ['paused'] : []),
    ...permitChanges(before, request),
  ];
}

/** Returns whether the permit of a schedule is another one, in words. It is signed for the whole request and its maker. */
function permitChanges(before: AnyRequest, now: AnyRequest): string[] {
  const [old, next] = [before, now].map(({ proof }) => proof?.permit?.signature);
  return [
    ...(before.allowOlder === true ? ['no longer undoes newer revisions'] : []),
    ...(old === next
      ? []
      : [next === undefined ? 'permit: dropped, as no worker asks for one' : 'permit: signed anew']),
  ];
}

function revisionOf({ revision, pipeline }: AnyRequest): string {
  return revision === undefined ? 'none' : revisionText(revision, pipeline.commit);
}

/** Returns the entities by which two manifests differ, or that something else does. */
function manifestChanges(before: AnyRequest, now: AnyRequest): readonly string[] {
  if (isFleetRequest(before) || isFleetRequest(now)) return ['the fleet, its manifest or its options'];
  const contents = ({ entities }: BootstrapRequest): ReadonlyMap<string, string> =>
    new Map(entities.map((entity) => [entityId(entity), JSON.stringify({ ...entity, source: undefined })]));
  const [old, next] = [contents(before), contents(now)];
  const added = [...next.keys()].filter((id) => !old.has(id));
  const removed = [...old.keys()].filter((id) => !next.has(id));
  const changed = [...next].filter(([id, content]) => old.has(id) && old.get(id) !== content).map(([id]) => id);
  const named = (verb: string, ids: readonly string[]): string[] =>
    ids.length === 0 ? [] : [`${counted(ids.length, 'entity', 'entities')} ${verb}: ${joinFirst(ids, MAX_NAMED)}`];
  const lines = [...named('added', added), ...named('removed', removed), ...named('changed', changed)];
  return lines.length === 0 ? ['options of the request'] : lines;
}
