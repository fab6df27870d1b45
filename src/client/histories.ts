import { createHash } from 'node:crypto';
import type { temporal } from '@temporalio/proto';
import type { RunReference } from '../contract/explain.js';
import { entityWorkflowId, parseBootstrapWorkflowId } from '../contract/workflow-ids.js';
import type { ReconcileResult, ReconcileRequest, BootstrapRequest } from '../contract/request.js';
import type { EntityReport, Report } from '../contract/report.js';
import type { Activities, ReconcileStepResult } from '../contract/activities.js';
import { withDeadline } from '../temporal/connect.js';
import type { TemporalConnection } from '../temporal/connect.js';
import { reportOfFailure } from './run/follow.js';
import { bootstrapQuery, parseMemo } from './runs.js';

/** Runs that are looked through at most, the newest ones. */
const MAX_RUNS = 1_000;

/** Runs of one entity whose histories are read at most, the newest ones. */
const MAX_ENTITY_RUNS = 50;

/** Runs whose results or histories are fetched at a time. */
const AT_A_TIME = 10;

/** One apply of a manifest, as Temporal has kept it. */
export interface KeptRun {
  readonly account: string;
  readonly reference: RunReference;
  /** Null while it is open, and where it has ended without one: cancelled, terminated. */
  readonly report: Report | null;
}

/** One attempt, and all before it, of a step of an entity's run. */
export interface KeptStep {
  /** The activity's name: `createEntity`. */
  readonly name: string;
  /** ISO 8601. */
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** The last attempt, from 1. */
  readonly attempt: number;
  /** Why the attempt before the last one failed; null where there was none. */
  readonly lastFailure: string | null;
  readonly result: ReconcileStepResult | null;
}

/** What one run did with one entity, as the history of the entity's own workflow tells it. */
export interface KeptEntityRun {
  readonly workflowId: string;
  readonly runId: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly request: ReconcileRequest;
  readonly steps: readonly KeptStep[];
  readonly report: EntityReport | null;
}

/** Applies since a time, newest first, those that are open included. */
export async function keptRuns(
  temporal: TemporalConnection,
  from: Date,
  account?: string,
  namespace?: string,
): Promise<{ readonly runs: readonly KeptRun[]; readonly truncated: boolean }> {
  const { client } = temporal;
  // A run that began before the window may end in it.
  const query = `${bootstrapQuery({ account, namespace })} AND (CloseTime >= "${from.toISOString()}" OR ExecutionStatus = "Running")`;
  const listed = [];
  for await (const run of client.workflow.list({ query })) {
    if (listed.length === MAX_RUNS) return { runs: await readAll(temporal, listed), truncated: true };
    listed.push(run);
  }
  return { runs: await readAll(temporal, listed), truncated: false };
}

type Listed = Parameters<typeof referenceTo>[1];

async function readAll(temporal: TemporalConnection, listed: readonly Listed[]): Promise<KeptRun[]> {
  const runs = await inTurns(listed, async (run): Promise<KeptRun> => {
    const ended = run.status.name === 'COMPLETED' || run.status.name === 'FAILED';
    return {
      account: parseBootstrapWorkflowId(run.workflowId).account,
      reference: referenceTo(temporal, run),
      report: ended ? await reportOf(temporal, run) : null,
    };
  });
  return runs.sort((a, b) => b.reference.startedAt.localeCompare(a.reference.startedAt));
}

function referenceTo(
  temporal: TemporalConnection,
  run: {
    readonly workflowId: string;
    readonly runId: string;
    readonly startTime: Date;
    readonly closeTime?: Date;
    readonly status: { readonly name: string };
    readonly memo?: Readonly<Record<string, unknown>>;
  },
): RunReference {
  const { environment, manifest, pipeline } = parseMemo(run.memo);
  return {
    workflowId: run.workflowId,
    runId: run.runId,
    url: temporal.runUrl(run.workflowId, run.runId),
    namespace: parseBootstrapWorkflowId(run.workflowId).namespace,
    environment: environment ?? null,
    manifest: manifest ?? null,
    pipeline: pipeline ?? { provider: 'unknown', url: null, commit: null, actor: null },
    startedAt: run.startTime.toISOString(),
    endedAt: run.closeTime?.toISOString() ?? null,
  };
}

async function reportOf({ client }: TemporalConnection, run: Listed): Promise<Report | null> {
  const handle = client.workflow.getHandle(run.workflowId, run.runId, { followRuns: false });
  try {
    return await withDeadline(client, () => handle.result() as Promise<Report>);
  } catch (error) {
    if (error instanceof Error && error.name === 'WorkflowFailedError') return reportOfFailure(error);
    // Its retention has ended meanwhile.
    if (error instanceof Error && error.name === 'WorkflowNotFoundError') return null;
    throw error;
  }
}

/** What a run asked for; undefined where Temporal has not kept it. */
export async function requestOf(
  temporal: TemporalConnection,
  { workflowId, runId }: Pick<RunReference, 'workflowId' | 'runId'>,
): Promise<BootstrapRequest | undefined> {
  const { client } = temporal;
  const { namespace } = client.options;
  const execution = { workflowId, runId };
  try {
    const { history } = await withDeadline(client, () =>
      client.workflowService.getWorkflowExecutionHistory({ namespace, execution, maximumPageSize: 1 }),
    );
    const started = history?.events?.[0]?.workflowExecutionStartedEventAttributes;
    return (await decoded<BootstrapRequest>(temporal, started?.input)) ?? undefined;
  } catch (error) {
    if ((error as { code?: number }).code === NOT_FOUND) return undefined;
    throw error;
  }
}

/** gRPC's. */
const NOT_FOUND = 5;

/** The run of an ID, whatever workflow it is of; null where Temporal knows none. */
export async function keptRun(
  temporal: TemporalConnection,
  runId: string,
): Promise<(KeptRun & { readonly type: string }) | null> {
  for await (const run of temporal.client.workflow.list({ query: `RunId = "${runId}"` })) {
    const [kept] = await readAll(temporal, [run]);
    if (kept !== undefined) return { ...kept, type: run.type };
  }
  return null;
}

/** What runs did with one entity since a time, newest first. */
export async function entityRuns(
  temporal: TemporalConnection,
  account: string,
  entity: { readonly kind: string; readonly name: string },
  from: Date,
): Promise<readonly KeptEntityRun[]> {
  const { client } = temporal;
  const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
  const lock = entityWorkflowId(account, entity, digest);
  const query = `WorkflowId = "${lock}" AND (CloseTime >= "${from.toISOString()}" OR ExecutionStatus = "Running")`;
  const listed: string[] = [];
  for await (const { runId } of client.workflow.list({ query })) {
    listed.push(runId);
    if (listed.length === MAX_ENTITY_RUNS) break;
  }
  const runs = await inTurns(listed, (runId) => entityRun(temporal, lock, runId));
  return runs.filter((run) => run !== null).sort((a, b) => b.startedAt.localeCompare(a.startedAt));
}

/** What one run did with one entity; null where its history is kept no more, or is of another kind of workflow. */
export async function entityRun(
  temporal: TemporalConnection,
  workflowId: string,
  runId: string,
): Promise<KeptEntityRun | null> {
  const { client } = temporal;
  const handle = client.workflow.getHandle(workflowId, runId);
  let events: readonly HistoryEvent[];
  try {
    ({ events = [] } = (await withDeadline(client, () => handle.fetchHistory())) as { events?: HistoryEvent[] });
  } catch (error) {
    if (error instanceof Error && error.name === 'WorkflowNotFoundError') return null;
    throw error;
  }
  const started = events[0]?.workflowExecutionStartedEventAttributes;
  const request = await decoded<ReconcileRequest>(temporal, started?.input);
  if (request?.entity === undefined) return null;
  const last = events.at(-1);
  const result =
    (await decoded<ReconcileResult>(temporal, last?.workflowExecutionCompletedEventAttributes?.result)) ??
    (await decoded<ReconcileResult>(
      temporal,
      last?.workflowExecutionFailedEventAttributes?.failure?.applicationFailureInfo?.details,
    ));
  return {
    workflowId,
    runId,
    startedAt: timeOf(events[0]) ?? '',
    request,
    steps: await stepsOf(temporal, events),
    report: result?.report ?? null,
  };
}

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;
type Payloads = temporal.api.common.v1.IPayloads;

/** Activities that answer with a {@link ReconcileStepResult}; what is listed before a Create is none. */
const STEPS: ReadonlySet<string> = new Set<keyof Activities>(['createEntity', 'updateEntity', 'deleteEntity']);

async function stepsOf(temporal: TemporalConnection, events: readonly HistoryEvent[]): Promise<KeptStep[]> {
  const steps: KeptStep[] = [];
  for (const event of events) {
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled == null) continue;
    const of = (one: { scheduledEventId?: unknown } | null | undefined): boolean =>
      one != null && String(one.scheduledEventId) === String(event.eventId);
    const start = events.find((one) => of(one.activityTaskStartedEventAttributes));
    const done = events.find((one) => of(one.activityTaskCompletedEventAttributes));
    const failed = events.find((one) => of(one.activityTaskFailedEventAttributes));
    const name = scheduled.activityType?.name ?? '';
    const { attempt, lastFailure } = start?.activityTaskStartedEventAttributes ?? {};
    steps.push({
      name,
      startedAt: timeOf(start),
      endedAt: timeOf(done ?? failed),
      attempt: attempt ?? 1,
      lastFailure: failed?.activityTaskFailedEventAttributes?.failure?.message ?? lastFailure?.message ?? null,
      result: STEPS.has(name)
        ? await decoded<ReconcileStepResult>(temporal, done?.activityTaskCompletedEventAttributes?.result)
        : null,
    });
  }
  return steps;
}

function timeOf(event: HistoryEvent | undefined): string | null {
  const { seconds, nanos } = event?.eventTime ?? {};
  return seconds == null ? null : new Date(Number(seconds) * 1_000 + (nanos ?? 0) / 1e6).toISOString();
}

/** The first of some payloads; null where there is none. */
async function decoded<T>({ client }: TemporalConnection, payloads: Payloads | null | undefined): Promise<T | null> {
  if (payloads?.payloads == null || payloads.payloads.length === 0) return null;
  const { decodeFromPayloadsAtIndex } = await import('@temporalio/common/lib/internal-non-workflow/codec-helpers.js');
  return decodeFromPayloadsAtIndex<T>(client.options.loadedDataConverter, 0, payloads.payloads);
}

/** How long the Temporal namespace keeps what has ended, in milliseconds; null where it does not say. */
export async function retentionMs({ client }: TemporalConnection): Promise<number | null> {
  const { namespace } = client.options;
  const { config } = await withDeadline(client, () => client.workflowService.describeNamespace({ namespace }));
  const seconds = config?.workflowExecutionRetentionTtl?.seconds;
  return seconds == null ? null : Number(seconds) * 1_000;
}

async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let first = 0; first < items.length; first += AT_A_TIME) {
    results.push(...(await Promise.all(items.slice(first, first + AT_A_TIME).map(work))));
  }
  return results;
}
