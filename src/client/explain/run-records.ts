import { createHash } from 'node:crypto';
import type { Client, WorkflowHandle } from '@temporalio/client';
import type { Activities, ReconcileActivityResult } from '../../contract/activities.js';
import type { RunReference } from '../../contract/explain.js';
import type { EntityReport, Report } from '../../contract/report.js';
import type { BootstrapRequest, ReconcileRequest, ReconcileResult } from '../../contract/request.js';
import { entityWorkflowId, parseBootstrapWorkflowId } from '../../contract/workflow-ids.js';
import { type TemporalConnection, withDeadline } from '../../temporal/connect.js';
import { readNamespace } from '../../temporal/installation.js';
import { GrpcStatus, grpcStatusOf, isWorkflowFailed, isWorkflowNotFound } from '../../temporal/errors.js';
import { startArgumentOf } from '../../temporal/first-event.js';
import { decodeFirstPayload, readFailureMessage } from '../../temporal/payload-codec.js';
import type { bootstrap } from '../../workflows/index.js';
import { UNKNOWN_PIPELINE } from '../../report/run-description.js';
import { reportOfFailure } from '../run/follow.js';
import { bootstrapQuery, parseMemo } from '../runs.js';
import { firstOfChain, lastOfChain, type ListedRun } from './chained-runs.js';

const MAX_RUNS = 1_000;

/** The form of a run ID, and of the ID of a request to IAM. */
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The form of our workflow IDs, without what would end a query. */
const WORKFLOW_ID = /^iam[\w-]*:[^"\\\p{C}]+$/u;

/** The number of runs whose results or histories are read at a time. */
const BATCH_SIZE = 10;

/** A bootstrap run, as Temporal keeps it. */
export interface RunRecord {
  readonly account: string;
  readonly reference: RunReference;
  /** Null while the run is open, and where it closed without a report: it was cancelled or terminated. */
  readonly report: Report | null;
}

/** Lists the bootstrap runs that are open or closed after a time, newest first. */
export async function listRunRecords(
  temporal: TemporalConnection,
  from: Date,
  account?: string,
  namespace?: string,
): Promise<{ readonly runs: readonly RunRecord[]; readonly truncated: boolean }> {
  const query = `${bootstrapQuery({ account, namespace })} AND ${closedAfter(from)}`;
  const listed: ListedRun[] = [];
  let truncated = false;
  for await (const run of temporal.client.workflow.list({ query })) {
    truncated = listed.length === MAX_RUNS;
    if (truncated) break;
    listed.push(run);
  }
  const runs = await inBatches(listed, (run) => readRunRecord(temporal, run));
  return { runs: runs.sort((a, b) => b.reference.startedAt.localeCompare(a.reference.startedAt)), truncated };
}

/** Returns the visibility query for runs in a window. A run that started before the window may close in it. */
export function closedAfter(from: Date): string {
  return `(CloseTime >= "${from.toISOString()}" OR ExecutionStatus = "Running")`;
}

/** Finds the run with a run ID, or the newest run with a workflow ID. Null where Temporal knows no such run. */
export async function findRunRecord(
  temporal: TemporalConnection,
  id: string,
): Promise<(RunRecord & { readonly type: string }) | null> {
  const isRunId = UUID.test(id);
  // Other queries, such as names, have no colon: no workflow ID is without one.
  if (!isRunId && !WORKFLOW_ID.test(id)) return null;
  const query = `${isRunId ? 'RunId' : 'WorkflowId'} = "${id}"`;
  for await (const run of temporal.client.workflow.list({ query })) {
    const last = await lastOfChain(temporal, run);
    return { ...(await readRunRecord(temporal, last)), type: run.type };
  }
  return null;
}

async function readRunRecord(temporal: TemporalConnection, run: ListedRun): Promise<RunRecord> {
  const hasReport = run.status.name === 'COMPLETED' || run.status.name === 'FAILED';
  const report = hasReport ? await readReport(temporal, run) : null;
  const { requester, principal } = report ?? {};
  return {
    account: parseBootstrapWorkflowId(run.workflowId).account,
    reference: {
      ...runReference(temporal, run),
      ...(await firstOfChain(temporal, run)),
      ...(requester && { requester }),
      ...(principal && { principal }),
    },
    report,
  };
}

function runReference(temporal: TemporalConnection, run: ListedRun): RunReference {
  const { environment, manifest, pipeline } = parseMemo(run.memo);
  return {
    workflowId: run.workflowId,
    runId: run.runId,
    url: temporal.runUrl(run.workflowId, run.runId),
    namespace: parseBootstrapWorkflowId(run.workflowId).namespace,
    environment: environment ?? null,
    manifest: manifest ?? null,
    pipeline: pipeline ?? UNKNOWN_PIPELINE,
    startedAt: run.startTime.toISOString(),
    endedAt: run.closeTime?.toISOString() ?? null,
  };
}

async function readReport({ client }: TemporalConnection, run: ListedRun): Promise<Report | null> {
  const handle = client.workflow.getHandle<typeof bootstrap>(run.workflowId, run.runId, { followRuns: false });
  try {
    return await withDeadline(client, () => handle.result());
  } catch (error) {
    if (isWorkflowFailed(error)) return reportOfFailure(error);
    // Its retention has expired meanwhile.
    if (isWorkflowNotFound(error)) return null;
    throw error;
  }
}

/** Reads the request of a run from the first event of its history. Undefined where Temporal no longer keeps it. */
export async function readRequest(
  { client }: TemporalConnection,
  { workflowId, runId }: Pick<RunReference, 'workflowId' | 'runId'>,
): Promise<BootstrapRequest | undefined> {
  const execution = { workflowId, runId };
  try {
    return (await withDeadline(client, () => startArgumentOf<BootstrapRequest>(client, execution))) ?? undefined;
  } catch (error) {
    if (grpcStatusOf(error) === GrpcStatus.NotFound) return undefined;
    throw error;
  }
}

/** Returns how long the Temporal namespace keeps closed runs, in milliseconds. Null where the server does not report it. */
export async function readRetentionMs({ client }: TemporalConnection): Promise<number | null> {
  return (await readNamespace(client)).retentionMs;
}

/** Processes all items, one batch at a time. */
export async function inBatches<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let first = 0; first < items.length; first += BATCH_SIZE) {
    results.push(...(await Promise.all(items.slice(first, first + BATCH_SIZE).map(work))));
  }
  return results;
}

/** The number of an entity's newest runs whose histories are read. */
const MAX_ENTITY_RUNS = 50;

/** An activity of an entity's workflow, with all its attempts. */
export interface ActivityRecord {
  readonly name: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly attempt: number;
  /** The failure of the last attempt, or else of the one before. Null where none failed. */
  readonly lastFailure: string | null;
  readonly result: ReconcileActivityResult | null;
}

/** The history of one run of an entity's own workflow. */
export interface EntityHistory {
  readonly workflowId: string;
  readonly runId: string;
  readonly startedAt: string;
  readonly request: ReconcileRequest;
  /** Oldest first. */
  readonly activities: readonly ActivityRecord[];
  readonly report: EntityReport | null;
  readonly isOpen: boolean;
}

/**
 * Reads the histories of the workflows of some entities since a time: for each entity the newest ones, newest first. One
 * search finds all: servers allow only a few in a second.
 */
export async function readEntityHistories(
  temporal: TemporalConnection,
  account: string,
  entities: readonly { readonly kind: string; readonly name: string }[],
  from: Date,
): Promise<readonly (readonly EntityHistory[])[]> {
  const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
  const ids = entities.map((entity) => entityWorkflowId(account, entity, digest));
  const found = new Map(ids.map((id): [string, string[]] => [id, []]));
  const query = `WorkflowId IN (${[...found.keys()].map((id) => `"${id}"`).join(', ')}) AND ${closedAfter(from)}`;
  for await (const { workflowId, runId } of entities.length === 0 ? [] : temporal.client.workflow.list({ query })) {
    const runIds = found.get(workflowId);
    if (runIds !== undefined && runIds.length < MAX_ENTITY_RUNS) runIds.push(runId);
    if ([...found.values()].every((all) => all.length === MAX_ENTITY_RUNS)) break;
  }
  const runs = [...found].flatMap(([workflowId, runIds]) => runIds.map((runId) => ({ workflowId, runId })));
  const histories = await inBatches(runs, ({ workflowId, runId }) => readEntityHistory(temporal, workflowId, runId));
  const newest = histories.flatMap((history) => history ?? []).sort((a, b) => b.startedAt.localeCompare(a.startedAt));
  return ids.map((id) => newest.filter(({ workflowId }) => workflowId === id));
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
  const request = await decodeFirstPayload<ReconcileRequest>(client, started?.input?.payloads);
  if (request?.entity === undefined) return null;
  const result = await decodeFirstPayload<ReconcileResult>(client, resultPayloads(events.at(-1)));
  return {
    workflowId,
    runId,
    startedAt: timeOf(first) ?? '',
    request,
    activities: await readActivities(client, events),
    report: result?.report ?? null,
    isOpen: !isClosing(events.at(-1)),
  };
}

/** True for the event that closes a run. */
function isClosing(event: HistoryEvent | undefined): boolean {
  return (
    event?.workflowExecutionCompletedEventAttributes != null ||
    event?.workflowExecutionFailedEventAttributes != null ||
    event?.workflowExecutionCanceledEventAttributes != null ||
    event?.workflowExecutionTerminatedEventAttributes != null ||
    event?.workflowExecutionTimedOutEventAttributes != null
  );
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

async function readActivities(client: Client, events: readonly HistoryEvent[]): Promise<ActivityRecord[]> {
  const scheduled = events.filter((event) => event.activityTaskScheduledEventAttributes != null);
  return Promise.all(scheduled.map((event) => readActivity(client, event, events)));
}

async function readActivity(
  client: Client,
  scheduled: HistoryEvent,
  events: readonly HistoryEvent[],
): Promise<ActivityRecord> {
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
    lastFailure: await lastFailureOf(client, started, failed),
    result: WRITING_ACTIVITIES.has(name)
      ? await decodeFirstPayload(client, completed?.activityTaskCompletedEventAttributes?.result?.payloads)
      : null,
  };
}

async function lastFailureOf(
  client: Client,
  started: HistoryEvent | undefined,
  failed: HistoryEvent | undefined,
): Promise<string | null> {
  const { failure } = failed?.activityTaskFailedEventAttributes ?? {};
  const { lastFailure } = started?.activityTaskStartedEventAttributes ?? {};
  const last = failure ?? lastFailure;
  return last == null ? null : readFailureMessage(client, last);
}

function timeOf(event: HistoryEvent | undefined): string | null {
  const { seconds, nanos } = event?.eventTime ?? {};
  return seconds == null ? null : new Date(Number(seconds) * 1_000 + (nanos ?? 0) / 1e6).toISOString();
}
