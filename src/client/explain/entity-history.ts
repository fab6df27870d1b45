import { createHash } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import type { Activities, ReconcileActivityResult } from '../../contract/activities.js';
import type { EntityReport } from '../../contract/report.js';
import type { ReconcileRequest, ReconcileResult } from '../../contract/request.js';
import { entityWorkflowId } from '../../contract/workflow-ids.js';
import { withDeadline } from '../../temporal/connect.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { isWorkflowNotFound } from '../../temporal/errors.js';
import { decodeFirstPayload } from '../../temporal/payload-codec.js';
import { closedAfter, inBatches } from './run-records.js';

/** Runs of one entity's workflow whose histories are read, the newest ones. */
const MAX_ENTITY_RUNS = 50;

/** An activity of an entity's workflow, with all its attempts. */
export interface ActivityRecord {
  /** The activity's type: `createEntity`. */
  readonly name: string;
  /** The start of the last attempt. ISO 8601. */
  readonly startedAt: string | null;
  /** The end of the last attempt. ISO 8601. */
  readonly endedAt: string | null;
  /** The last attempt, from 1. */
  readonly attempt: number;
  /** The failure of the last attempt, or else of the one before. Null where none failed. */
  readonly lastFailure: string | null;
  /** The result of an activity that writes. Null where it has none. */
  readonly result: ReconcileActivityResult | null;
}

/** The history of one run of an entity's own workflow. */
export interface EntityHistory {
  /** The ID of the workflow. */
  readonly workflowId: string;
  /** The ID of the run. */
  readonly runId: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** The argument of the workflow. */
  readonly request: ReconcileRequest;
  /** Oldest first. */
  readonly activities: readonly ActivityRecord[];
  /** Null while the run is open. */
  readonly report: EntityReport | null;
}

/** Reads the histories of one entity's workflow since a time, newest first. */
export async function readEntityHistories(
  temporal: TemporalConnection,
  account: string,
  entity: { readonly kind: string; readonly name: string },
  from: Date,
): Promise<readonly EntityHistory[]> {
  const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
  const workflowId = entityWorkflowId(account, entity, digest);
  const query = `WorkflowId = "${workflowId}" AND ${closedAfter(from)}`;
  const runIds: string[] = [];
  for await (const { runId } of temporal.client.workflow.list({ query })) {
    runIds.push(runId);
    if (runIds.length === MAX_ENTITY_RUNS) break;
  }
  const histories = await inBatches(runIds, (runId) => readEntityHistory(temporal, workflowId, runId));
  return histories.filter((history) => history !== null).sort((a, b) => b.startedAt.localeCompare(a.startedAt));
}

/** Reads the history of one run. Null where Temporal no longer keeps it, or where it belongs to another workflow type. */
export async function readEntityHistory(
  { client }: TemporalConnection,
  workflowId: string,
  runId: string,
): Promise<EntityHistory | null> {
  const handle = client.workflow.getHandle(workflowId, runId);
  let events: readonly HistoryEvent[];
  try {
    events = (await withDeadline(client, () => handle.fetchHistory())).events ?? [];
  } catch (error) {
    if (isWorkflowNotFound(error)) return null;
    throw error;
  }
  const [first] = events;
  const started = first?.workflowExecutionStartedEventAttributes;
  const request = await decodeFirstPayload<ReconcileRequest>(started?.input?.payloads);
  if (request?.entity === undefined) return null;
  const result = await decodeFirstPayload<ReconcileResult>(resultPayloads(events.at(-1)));
  return {
    workflowId,
    runId,
    startedAt: timeOf(first) ?? '',
    request,
    activities: await readActivities(events),
    report: result?.report ?? null,
  };
}

type HistoryEvent = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];

/** A failed run carries its result in the details of the failure. */
function resultPayloads(last: HistoryEvent | undefined) {
  const completed = last?.workflowExecutionCompletedEventAttributes;
  const failure = last?.workflowExecutionFailedEventAttributes?.failure;
  return completed?.result?.payloads ?? failure?.applicationFailureInfo?.details?.payloads;
}

/** Activities whose result is a {@link ReconcileActivityResult}. */
const WRITING_ACTIVITIES: ReadonlySet<string> = new Set<keyof Activities>([
  'createEntity',
  'updateEntity',
  'deleteEntity',
]);

async function readActivities(events: readonly HistoryEvent[]): Promise<ActivityRecord[]> {
  const scheduled = events.filter((event) => event.activityTaskScheduledEventAttributes != null);
  return Promise.all(scheduled.map((event) => readActivity(event, events)));
}

/** Reads the last attempt of an activity. Temporal records no earlier one. */
async function readActivity(scheduled: HistoryEvent, events: readonly HistoryEvent[]): Promise<ActivityRecord> {
  const isOfActivity = (attributes: { scheduledEventId?: unknown } | null | undefined): boolean =>
    attributes != null && String(attributes.scheduledEventId) === String(scheduled.eventId);
  const started = events.find((event) => isOfActivity(event.activityTaskStartedEventAttributes));
  const completed = events.find((event) => isOfActivity(event.activityTaskCompletedEventAttributes));
  const failed = events.find((event) => isOfActivity(event.activityTaskFailedEventAttributes));
  const name = scheduled.activityTaskScheduledEventAttributes?.activityType?.name ?? '';
  return {
    name,
    startedAt: timeOf(started),
    endedAt: timeOf(completed ?? failed),
    attempt: started?.activityTaskStartedEventAttributes?.attempt ?? 1,
    lastFailure: lastFailureOf(started, failed),
    result: WRITING_ACTIVITIES.has(name)
      ? await decodeFirstPayload(completed?.activityTaskCompletedEventAttributes?.result?.payloads)
      : null,
  };
}

function lastFailureOf(started: HistoryEvent | undefined, failed: HistoryEvent | undefined): string | null {
  const { failure } = failed?.activityTaskFailedEventAttributes ?? {};
  const { lastFailure } = started?.activityTaskStartedEventAttributes ?? {};
  return failure?.message ?? lastFailure?.message ?? null;
}

function timeOf(event: HistoryEvent | undefined): string | null {
  const { seconds, nanos } = event?.eventTime ?? {};
  return seconds == null ? null : new Date(Number(seconds) * 1_000 + (nanos ?? 0) / 1e6).toISOString();
}
