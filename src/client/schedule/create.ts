import type { ScheduleDescription, ScheduleOptions, ScheduleUpdateOptions } from '@temporalio/client';
import { entityId } from '../../contract/entity.js';
import { ExitCode } from '../../contract/failures.js';
import type { BootstrapRequest } from '../../contract/request.js';
import {
  type ScheduleCommand,
  type ScheduledRun,
  type ScheduledRunMemo,
  type ScheduleMemo,
  type Timing,
} from '../../contract/schedule.js';
import { IamAccount, IamNamespace } from '../../contract/search-attributes.js';
import { scheduleId, WorkflowType } from '../../contract/workflow-ids.js';
import { counted, joinFirst, revisionText } from '../../report/text.js';
import { type TemporalConnection, withDeadline } from '../../temporal/connect.js';
import type { RunOptions } from '../run/events.js';
import { isUnknownSearchAttribute } from '../run/start.js';
import { ScheduleError } from './errors.js';
import { permitted } from './permit.js';
import { describeIfThere, scheduledRunOf, timingOf } from './read.js';
import { policiesOf, specOf, timingText } from './timing.js';

/** Entities that a change names. */
const MAX_NAMED = 5;

/** A schedule to make. */
export interface WantedSchedule {
  readonly request: BootstrapRequest;
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
  const { target, namespace, environment } = wanted.request;
  const id = scheduleId({ account: target.account, namespace, environment }, command, name);
  const { allowOlder = false, ...content } = wanted.request;
  // Its runs are named by the schedule, and not by the job that made it. Going back is allowed now, and not at each run.
  const request = { ...content, key: id };
  const found = await describeIfThere(temporal, id);
  if (found !== undefined && !allowOlder) assertNotOlder(found, request);
  // Also where nothing else has changed: the workers may ask for another permit than they did, and refuse the one it has.
  const scheduled = await permitted(temporal, { version: 1, schedule: id, command, request }, options);
  const changes = found === undefined ? [] : changesOf(found, wanted, scheduled);
  if (found !== undefined && changes.length === 0) return created(temporal, id, 'unchanged', []);
  await write(temporal, scheduled, wanted, found !== undefined);
  return created(temporal, id, found === undefined ? 'created' : 'updated', changes);
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
function assertNotOlder(found: ScheduleDescription, { revision, pipeline }: BootstrapRequest): void {
  const before = scheduledRunOf(found)?.request;
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
  scheduled: ScheduledRun,
  { timing, paused }: WantedSchedule,
  isThere: boolean,
): Promise<void> {
  const { schedule, command, request } = scheduled;
  const { target, namespace, environment, digest, manifest, pipeline, revision } = request;
  const memo: ScheduledRunMemo = {
    ...{ digest, manifest, environment, pipeline, timing },
    ...(revision === undefined ? {} : { revision }),
  };
  const send = async (isSearchable: boolean): Promise<void> => {
    const typedSearchAttributes = isSearchable
      ? [
          { key: IamAccount, value: target.account },
          { key: IamNamespace, value: namespace },
        ]
      : [];
    const options: ScheduleUpdateOptions & Pick<ScheduleOptions, 'spec'> = {
      spec: specOf(timing),
      policies: policiesOf(timing),
      typedSearchAttributes,
      state: {},
      action: {
        type: 'startWorkflow',
        workflowType: WorkflowType.ScheduledRun,
        workflowId: schedule,
        taskQueue,
        args: [scheduled],
        memo: { ...memo },
        staticSummary: `${command === 'detect' ? 'looks for drift of' : 'enforces'} ${namespace} (${environment}) in ${target.account}`,
        typedSearchAttributes,
      },
    };
    const about: ScheduleMemo = { account: target.account, namespace, environment, command };
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
  { request }: ScheduledRun,
): readonly string[] {
  const before = scheduledRunOf(found);
  if (before === undefined) return ['its content could not be read'];
  const text = timingOf(found);
  const changed = (what: string, old: string, now: string): string[] =>
    old === now ? [] : [`${what}${old} -> ${now}`];
  return [
    ...changed('', text === undefined ? 'unknown times' : timingText(text), timingText(timing)),
    ...(before.request.digest === request.digest ? [] : manifestChanges(before.request, request)),
    ...changed('revision: ', revisionOf(before.request), revisionOf(request)),
    ...(paused === true && !found.state.paused ? ['paused'] : []),
    ...permitChanges(before.request, request),
  ];
}

/** Returns whether the permit of a schedule is another one, in words. It is signed for the whole request and its maker. */
function permitChanges(before: BootstrapRequest, now: BootstrapRequest): string[] {
  const [old, next] = [before, now].map(({ proof }) => proof?.permit?.signature);
  return [
    ...(before.allowOlder === true ? ['no longer undoes newer revisions'] : []),
    ...(old === next
      ? []
      : [next === undefined ? 'permit: dropped, as no worker asks for one' : 'permit: signed anew']),
  ];
}

function revisionOf({ revision, pipeline }: BootstrapRequest): string {
  return revision === undefined ? 'none' : revisionText(revision, pipeline.commit);
}

/** Returns the entities by which two manifests differ, or that something else does. */
function manifestChanges(before: BootstrapRequest, now: BootstrapRequest): readonly string[] {
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
