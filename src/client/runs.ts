import { randomUUID } from 'node:crypto';
import type { WorkflowExecutionDescription, WorkflowExecutionInfo } from '@temporalio/client';
import { progressQuery } from '../contract/messages.js';
import type { Progress } from '../contract/progress.js';
import type { Report } from '../contract/report.js';
import type { BootstrapMemo } from '../contract/request.js';
import type { Revision } from '../contract/revision.js';
import { IamConflicts, IamOutcome } from '../contract/search-attributes.js';
import { missingKeyOf } from '../contract/unreadable.js';
import { bootstrapWorkflowId, WorkflowType } from '../contract/workflow-ids.js';
import type { Principal } from '../contract/identity.js';
import { type TemporalConnection, withDeadline } from '../temporal/connect.js';
import { findUnservedReason } from '../temporal/pollers.js';
import { startedBy } from '../temporal/principal.js';
import { GrpcStatus, grpcStatusOf, isWorkflowNotFound } from '../temporal/errors.js';
import type { bootstrap } from '../workflows/index.js';
import { pipelineOf, textFields } from '../report/run-description.js';
import { failingActivities, retryText } from './run/failing-activities.js';
import { withLockHolders } from './run/lock-holders.js';
import { findMissingWorker, type MissingWorker } from './run/missing-worker.js';

const MAX_PROGRESS_QUERIES = 10;

/** Runs of a list whose first events are read. */
const MAX_PRINCIPALS = 20;

const PROGRESS_TIMEOUT_MS = 3_000;

/** A namespace of an account, by which its open run is found. */
export interface NamespaceReference {
  readonly account: string;
  readonly namespace: string;
  /** Refers to this run only. Default: the open run, whatever its ID. */
  readonly runId?: string | undefined;
}

/** The open run that holds the lock of a namespace. */
export interface LockHolder {
  /** The ID of the workflow, which is the lock. */
  readonly workflowId: string;
  readonly runId: string;
  /** The run that it goes on from, with an empty history. Missing where it has not continued as new. */
  readonly firstRunId?: string;
  /** The workflow type. Any client may start a run of any type under the ID. */
  readonly type: string;
  readonly startedAt: string;
  readonly url: string | null;
  readonly memo: Partial<BootstrapMemo>;
}

/** A run, as `status` shows it. */
export interface RunSummary extends LockHolder {
  /** Temporal's name of the status: `RUNNING`, `COMPLETED`, `FAILED`, `CANCELLED`, `TERMINATED`, … */
  readonly status: string;
  /** The result of the report, or `awaiting approval`. Null where the run has recorded none. */
  readonly result: string | null;
  /** Creates that AWS answered with "already exists". Null where the run has recorded no number. */
  readonly conflicts: number | null;
  readonly closedAt: string | null;
  /** The client that started it, as Temporal has recorded it. Missing where it records none, and of older runs. */
  readonly principal?: Principal;
  /** The ID of the key that this client lacks to read the memo. */
  readonly encryptedWith?: string;
  readonly progress?: Progress | null;
  /** The reason for which no worker takes the tasks of the open run, and the remedy. Missing where one does. */
  readonly missingWorker?: MissingWorker;
}

/** Selects the runs of a namespace, of an account, or of all accounts. */
export interface RunFilter {
  readonly account?: string | undefined;
  /** The name of a namespace. Requires an account. */
  readonly namespace?: string | undefined;
  readonly limit: number;
  /** Queries open runs for their progress, and the newest runs for who started them. Default: false. */
  readonly progress?: boolean | undefined;
}

/** Lists bootstrap runs, newest first. */
export async function recentRuns(temporal: TemporalConnection, filter: RunFilter): Promise<RunSummary[]> {
  const { client } = temporal;
  const runs: RunSummary[] = [];
  for await (const run of client.workflow.list({ query: bootstrapQuery(filter) })) {
    if (runs.length >= filter.limit) break;
    runs.push({
      workflowId: run.workflowId,
      runId: run.runId,
      type: run.type,
      status: run.status.name,
      result: run.typedSearchAttributes.get(IamOutcome) ?? null,
      conflicts: run.typedSearchAttributes.get(IamConflicts) ?? null,
      ...runOrigin(run),
      closedAt: run.closeTime?.toISOString() ?? null,
      url: temporal.runUrl(run.workflowId, run.runId),
      memo: parseMemo(run.memo),
      ...encryptedMemo(run.memo),
    });
  }
  runs.sort((a, b) => b.startedAt.localeCompare(a.startedAt));
  return filter.progress === true ? withProgress(temporal, await withPrincipals(temporal, runs)) : runs;
}

/**
 * Returns the visibility query for the bootstrap runs of a namespace, of an account, or of all accounts. The workflow ID
 * of a namespace is matched exactly; the IDs of an account share a prefix.
 */
export function bootstrapQuery({ account, namespace }: Pick<RunFilter, 'account' | 'namespace'>): string {
  const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;
  const workflowId =
    account !== undefined && namespace !== undefined
      ? `WorkflowId = ${quoted(bootstrapWorkflowId(account, namespace))}`
      : `WorkflowId STARTS_WITH ${quoted(bootstrapWorkflowId(account ?? '', '').replace(/:+$/, ':'))}`;
  // Runs that continue each other are one run, which the last of them tells of.
  return `${workflowId} AND WorkflowType = "${WorkflowType.Bootstrap}" AND ExecutionStatus != "ContinuedAsNew"`;
}

/** Adds to the newest runs who started them. A server that does not record it has nothing to add. */
async function withPrincipals({ client }: TemporalConnection, runs: readonly RunSummary[]): Promise<RunSummary[]> {
  const newest = runs.slice(0, MAX_PRINCIPALS).map(async (run) => {
    const start = await withDeadline(client, () => startedBy(client, run), PROGRESS_TIMEOUT_MS).catch(() => undefined);
    return start === undefined ? run : { ...run, principal: start.principal };
  });
  return [...(await Promise.all(newest)), ...runs.slice(MAX_PRINCIPALS)];
}

/** Adds the progress of the first open runs. Each query is answered by a worker. */
async function withProgress(temporal: TemporalConnection, runs: readonly RunSummary[]): Promise<RunSummary[]> {
  const open = runs.filter(({ status }) => status === 'RUNNING');
  const isServed = (await findUnservedReason(temporal))?.why !== 'no-poller';
  const queried = isServed ? open.slice(0, MAX_PROGRESS_QUERIES) : [];
  const states = await Promise.all(queried.map((run) => stateOf(temporal, run)));
  return runs.map((run) =>
    run.status === 'RUNNING' ? { ...run, ...(states[queried.indexOf(run)] ?? { progress: null }) } : run,
  );
}

/** Returns the progress of an open run, or why no worker takes its tasks. */
async function stateOf(
  temporal: TemporalConnection,
  run: LockHolder,
): Promise<Pick<RunSummary, 'progress' | 'missingWorker'>> {
  const progress = await progressOf(temporal, run);
  const lacking = progress === null ? await findMissingWorker(temporal, run, true) : null;
  return lacking === null ? { progress } : { progress, missingWorker: lacking };
}

/** Returns the progress of an open run, and what it waits for. Null where no worker answers in time. */
export async function progressOf(
  { client }: TemporalConnection,
  { workflowId, runId }: Pick<LockHolder, 'workflowId' | 'runId'>,
): Promise<Progress | null> {
  const handle = client.workflow.getHandle<typeof bootstrap>(workflowId, runId);
  const ask = async <T>(call: () => Promise<T>): Promise<T | null> =>
    withDeadline(client, call, PROGRESS_TIMEOUT_MS).catch(() => null);
  const [progress, failing] = await Promise.all([
    // The run of a fleet answers the query of this name by its accounts.
    ask(() => handle.query(progressQuery)).then((found) =>
      found !== null && 'entities' in found ? withLockHolders(client, found) : null,
    ),
    ask(async () => failingActivities(client, await handle.describe())),
  ]);
  const [first] = failing ?? [];
  if (progress === null || first === undefined) return progress;
  return { ...progress, waitingFor: progress.waitingFor ?? retryText(first) };
}

/** Returns the open run of a workflow ID. Null where none is open. */
export async function lockHolderOf(temporal: TemporalConnection, workflowId: string): Promise<LockHolder | null> {
  const { client } = temporal;
  let description: WorkflowExecutionDescription;
  try {
    description = await withDeadline(client, () => client.workflow.getHandle(workflowId).describe());
  } catch (error) {
    if (isWorkflowNotFound(error)) return null;
    throw error;
  }
  if (description.status.name !== 'RUNNING') return null;
  return {
    workflowId,
    runId: description.runId,
    type: description.type,
    ...runOrigin(description),
    url: temporal.runUrl(workflowId, description.runId),
    memo: parseMemo(description.memo),
  };
}

/**
 * Adds the link to the run to a report: the worker does not know the UI. Reports of version 1, which an older worker has
 * made, do not tell what is granted.
 */
export function withRunUrl(temporal: TemporalConnection, report: Report): Report {
  const { workflowId, runId } = report.workflow;
  const entities = report.entities.map((entity) => ({ ...NO_GRANTS, ...entity }));
  return { ...report, version: 2, entities, workflow: { workflowId, runId, url: temporal.runUrl(workflowId, runId) } };
}

const NO_GRANTS = { grants: [], warnings: [] };

/** Returns the open run of a namespace. Null where none is open, or another than the referenced one. */
export async function openRun(
  temporal: TemporalConnection,
  { account, namespace, runId }: NamespaceReference,
): Promise<LockHolder | null> {
  const lockHolder = await lockHolderOf(temporal, bootstrapWorkflowId(account, namespace));
  return runId === undefined || runId === lockHolder?.runId || runId === lockHolder?.firstRunId ? lockHolder : null;
}

/** Returns the run ID by which a client knows a run: that of the first run of its chain. */
export function firstRunIdOf({ runId, firstRunId = runId }: Pick<LockHolder, 'runId' | 'firstRunId'>): string {
  return firstRunId;
}

/** Returns the first run of a chain, and its start. */
export function runOrigin({
  memo = {},
  startTime,
}: Pick<WorkflowExecutionInfo, 'memo' | 'startTime'>): Pick<LockHolder, 'firstRunId' | 'startedAt'> {
  const { runId, startedAt } = textFields(memo['firstRun']);
  const isContinued = runId !== undefined && startedAt !== undefined && !Number.isNaN(Date.parse(startedAt));
  return isContinued ? { firstRunId: runId, startedAt } : { startedAt: startTime.toISOString() };
}

/** Reads a memo, which any client may have written. Fields of an unexpected type are left out. */
export function parseMemo(memo: Readonly<Record<string, unknown>> = {}): Partial<BootstrapMemo> {
  const { value, source } = (memo['revision'] ?? {}) as Partial<Revision>;
  return {
    ...textFields(memo),
    pipeline: pipelineOf(memo['pipeline']),
    ...(typeof value === 'number' && (source === 'given' || source === 'commit-time')
      ? { revision: { value, source } }
      : {}),
    ...(memo['allowOlder'] === true ? { allowOlder: true } : {}),
  };
}

function encryptedMemo(memo: Readonly<Record<string, unknown>> = {}): Pick<RunSummary, 'encryptedWith'> {
  const encryptedWith = Object.values(memo).map(missingKeyOf).find(Boolean);
  return encryptedWith === undefined ? {} : { encryptedWith };
}

/** The person who cancels a run, and why. */
export interface CancelReason {
  readonly by: string | null;
  readonly reason: string | null;
}

/**
 * Requests the cancellation of an open run. The run finishes the calls in flight and starts no others: `followRun` waits
 * until it has closed.
 *
 * @returns the run, or null where the namespace has no open run or another than the referenced one
 * @throws UnreachableError
 */
export async function requestCancel(
  temporal: TemporalConnection,
  reference: NamespaceReference,
  { by, reason }: CancelReason,
): Promise<LockHolder | null> {
  const run = await openRun(temporal, reference);
  if (run === null) return null;
  const { workflowId, runId } = run;
  const isOpen = await cancelRun(temporal, { workflowId, runId }, [by === null ? [] : `by ${by}`, reason ?? []].flat());
  // The run may have continued as new meanwhile, which Temporal does not tell: a closed run is no error to it.
  const next = await openRun(temporal, { ...reference, runId: firstRunIdOf(run) });
  if (next !== null && next.runId !== runId) {
    return requestCancel(temporal, { ...reference, runId: next.runId }, { by, reason });
  }
  return isOpen || next !== null ? run : null;
}

/** Requests the cancellation of a run; a handle cannot carry a reason. Reports whether Temporal knows the run. */
async function cancelRun(
  { client }: TemporalConnection,
  workflowExecution: Pick<LockHolder, 'workflowId' | 'runId'>,
  reasons: readonly string[],
): Promise<boolean> {
  try {
    await withDeadline(client, () =>
      client.workflowService.requestCancelWorkflowExecution({
        namespace: client.options.namespace,
        workflowExecution,
        identity: client.options.identity,
        requestId: randomUUID(),
        reason: reasons.join(': '),
      }),
    );
    return true;
  } catch (error) {
    if (grpcStatusOf(error) === GrpcStatus.NotFound) return false;
    throw error;
  }
}
