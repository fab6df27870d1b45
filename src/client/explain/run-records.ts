import type { RunReference } from '../../contract/explain.js';
import type { Report } from '../../contract/report.js';
import type { BootstrapRequest } from '../../contract/request.js';
import { parseBootstrapWorkflowId } from '../../contract/workflow-ids.js';
import { withDeadline } from '../../temporal/connect.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { GrpcStatus, grpcStatusOf, isWorkflowFailed, isWorkflowNotFound } from '../../temporal/errors.js';
import { decodeFirstPayload } from '../../temporal/payload-codec.js';
import type { bootstrap } from '../../workflows/index.js';
import { UNKNOWN_PIPELINE } from '../describe.js';
import { reportOfFailure } from '../run/follow.js';
import { bootstrapQuery, parseMemo } from '../runs.js';

/** Runs that are read, the newest ones. */
const MAX_RUNS = 1_000;

/** Runs whose results or histories are read at a time. */
const BATCH_SIZE = 10;

/** A bootstrap run, as Temporal keeps it. */
export interface RunRecord {
  /** Twelve digits. */
  readonly account: string;
  /** The run, with its pipeline and times. */
  readonly reference: RunReference;
  /** Null while the run is open, and where it closed without a report: it was cancelled or terminated. */
  readonly report: Report | null;
}

type ListedRun = AsyncIterableItem<ReturnType<TemporalConnection['client']['workflow']['list']>>;
type AsyncIterableItem<T> = T extends AsyncIterable<infer Item> ? Item : never;

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

/** Finds the run with an ID, of any workflow type. Null where Temporal knows no such run. */
export async function findRunRecord(
  temporal: TemporalConnection,
  runId: string,
): Promise<(RunRecord & { readonly type: string }) | null> {
  for await (const run of temporal.client.workflow.list({ query: `RunId = "${runId}"` })) {
    return { ...(await readRunRecord(temporal, run)), type: run.type };
  }
  return null;
}

async function readRunRecord(temporal: TemporalConnection, run: ListedRun): Promise<RunRecord> {
  const hasReport = run.status.name === 'COMPLETED' || run.status.name === 'FAILED';
  return {
    account: parseBootstrapWorkflowId(run.workflowId).account,
    reference: runReference(temporal, run),
    report: hasReport ? await readReport(temporal, run) : null,
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
  const { namespace } = client.options;
  const execution = { workflowId, runId };
  try {
    const { history } = await withDeadline(client, () =>
      client.workflowService.getWorkflowExecutionHistory({ namespace, execution, maximumPageSize: 1 }),
    );
    const started = history?.events?.[0]?.workflowExecutionStartedEventAttributes;
    return (await decodeFirstPayload<BootstrapRequest>(started?.input?.payloads)) ?? undefined;
  } catch (error) {
    if (grpcStatusOf(error) === GrpcStatus.NotFound) return undefined;
    throw error;
  }
}

/** Returns how long the Temporal namespace keeps closed runs, in milliseconds. Null where the server does not report it. */
export async function readRetentionMs({ client }: TemporalConnection): Promise<number | null> {
  const { namespace } = client.options;
  const { config } = await withDeadline(client, () => client.workflowService.describeNamespace({ namespace }));
  const seconds = config?.workflowExecutionRetentionTtl?.seconds;
  return seconds == null ? null : Number(seconds) * 1_000;
}

/** Does work for all items, a batch at a time. */
export async function inBatches<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let first = 0; first < items.length; first += BATCH_SIZE) {
    results.push(...(await Promise.all(items.slice(first, first + BATCH_SIZE).map(work))));
  }
  return results;
}
