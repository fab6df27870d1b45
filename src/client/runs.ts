import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { Pipeline } from '../contract/entity.js';
import type { BootstrapMemo } from '../contract/request.js';
import type { Progress } from '../contract/progress.js';
import { progressQuery } from '../contract/messages.js';
import { IamConflicts, IamOutcome } from '../contract/search-attributes.js';
import { bootstrapWorkflowId, WorkflowType } from '../contract/workflow-ids.js';
import type { Revision } from '../contract/revision.js';
import { within } from '../temporal/connect.js';
import type { TemporalConnection } from '../temporal/connect.js';

/** Runs under way that are asked for their progress at a time. */
const MAX_ASKED = 10;

/** How long a run may take to say how far it is, in milliseconds. */
const PROGRESS_DEADLINE_MS = 3_000;

/** Which run is meant: the one under way of a namespace, or only that one. */
export interface NamespaceReference {
  readonly account: string;
  readonly namespace: string;
  readonly runId?: string | undefined;
}

/** A run that holds the namespace. */
export interface LockHolder {
  readonly workflowId: string;
  readonly runId: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly url: string | null;
  readonly memo: Partial<BootstrapMemo>;
}

/** A run, as `status` shows it. */
export interface RunSummary extends LockHolder {
  /** Temporal's word: `RUNNING`, `COMPLETED`, `FAILED`, `CANCELLED`, `TERMINATED`, … */
  readonly status: string;
  /** What its report says, as `refused`, or `awaiting approval`; null where nothing is recorded (yet). */
  readonly result: string | null;
  /** Creates that AWS answered with "already exists"; null where nothing is recorded (yet). */
  readonly conflicts: number | null;
  readonly closedAt: string | null;
  /** How far it is; only of runs under way, and null where no worker says. */
  readonly progress?: Progress | null;
}

/** Runs of a namespace, of an account, or of all. */
export interface RunFilter {
  readonly account?: string | undefined;
  /** Only with an account. */
  readonly namespace?: string | undefined;
  /** How many, the newest. */
  readonly limit: number;
  /** Ask those under way how far they are. Default: false. */
  readonly progress?: boolean | undefined;
}

/** Runs of bootstraps, newest first. */
export async function recentRuns(temporal: TemporalConnection, filter: RunFilter): Promise<RunSummary[]> {
  const { client } = temporal;
  const runs: RunSummary[] = [];
  for await (const run of client.workflow.list({ query: bootstrapsOf(filter) })) {
    if (runs.length >= filter.limit) break;
    runs.push({
      workflowId: run.workflowId,
      runId: run.runId,
      status: run.status.name,
      result: run.typedSearchAttributes.get(IamOutcome) ?? null,
      conflicts: run.typedSearchAttributes.get(IamConflicts) ?? null,
      startedAt: run.startTime.toISOString(),
      closedAt: run.closeTime?.toISOString() ?? null,
      url: temporal.runUrl(run.workflowId, run.runId),
      memo: memoOf(run.memo),
    });
  }
  runs.sort((a, b) => b.startedAt.localeCompare(a.startedAt));
  return filter.progress === true ? withProgress(temporal, runs) : runs;
}

/**
 * The query for the bootstraps of a namespace, of an account, or of all. The ID of a namespace is exact; that of an
 * account is how those of its namespaces begin.
 */
export function bootstrapsOf({ account, namespace }: Pick<RunFilter, 'account' | 'namespace'>): string {
  const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;
  const place =
    account !== undefined && namespace !== undefined
      ? `WorkflowId = ${quoted(bootstrapWorkflowId(account, namespace))}`
      : `WorkflowId STARTS_WITH ${quoted(bootstrapWorkflowId(account ?? '', '').replace(/:+$/, ':'))}`;
  return `${place} AND WorkflowType = "${WorkflowType.Bootstrap}"`;
}

/** The first runs under way say how far they are: a question goes to a worker. */
async function withProgress(temporal: TemporalConnection, runs: readonly RunSummary[]): Promise<RunSummary[]> {
  const open = runs.filter(({ status }) => status === 'RUNNING');
  const asked = (await hasWorker(temporal)) ? open.slice(0, MAX_ASKED) : [];
  const answers = await Promise.all(asked.map((run) => progressOf(temporal, run)));
  return runs.map((run) =>
    run.status === 'RUNNING' ? { ...run, progress: answers[asked.indexOf(run)] ?? null } : run,
  );
}

/** How far an open run is; null where no worker says in time. */
export async function progressOf(
  { client }: TemporalConnection,
  { workflowId, runId }: Pick<LockHolder, 'workflowId' | 'runId'>,
): Promise<Progress | null> {
  const handle = client.workflow.getHandle(workflowId, runId);
  return within(client, () => handle.query(progressQuery), PROGRESS_DEADLINE_MS).catch(() => null);
}

/** The run of that ID that is under way; null where there is none any more. */
export async function lockHolderOf(temporal: TemporalConnection, workflowId: string): Promise<LockHolder | null> {
  const { client } = temporal;
  let description: WorkflowExecutionDescription;
  try {
    description = await within(client, () => client.workflow.getHandle(workflowId).describe());
  } catch (error) {
    if (error instanceof Error && error.name === 'WorkflowNotFoundError') return null;
    throw error;
  }
  if (description.status.name !== 'RUNNING') return null;
  return {
    workflowId,
    runId: description.runId,
    startedAt: description.startTime.toISOString(),
    url: temporal.runUrl(workflowId, description.runId),
    memo: memoOf(description.memo),
  };
}

/** The run that is meant, while it is under way; null where there is none, or another one. */
export async function openRun(temporal: TemporalConnection, place: NamespaceReference): Promise<LockHolder | null> {
  const holder = await lockHolderOf(temporal, bootstrapWorkflowId(place.account, place.namespace));
  return place.runId === undefined || place.runId === holder?.runId ? holder : null;
}

/** The options by which a command finds a namespace. */
export function namespaceFlags({ account, namespace }: Pick<NamespaceReference, 'account' | 'namespace'>): string {
  return `--account ${account} --namespace ${namespace}`;
}

/** A memo, which any client may have written: what is no text in it is left out. */
export function memoOf(memo: Readonly<Record<string, unknown>> = {}): Partial<BootstrapMemo> {
  const texts = (value: unknown): Readonly<Record<string, string>> =>
    Object.fromEntries(
      Object.entries(typeof value === 'object' && value !== null ? value : {}).filter(
        (entry): entry is [string, string] => typeof entry[1] === 'string',
      ),
    );
  const unknown = { provider: 'unknown', url: null, commit: null, actor: null };
  const revision = memo['revision'] as Partial<Revision> | null | undefined;
  const { value, source } = revision ?? {};
  return {
    ...texts(memo),
    pipeline: { ...unknown, ...texts(memo['pipeline']) },
    ...(typeof value === 'number' && (source === 'given' || source === 'commit-time')
      ? { revision: { value, source } }
      : {}),
    ...(memo['allowOlder'] === true ? { allowOlder: true } : {}),
  };
}

/** Who asked for a run, for people: `https://ci.example.com/42 (job deploy, commit 4b825dc642cb, by ada)`. */
export function pipelineText(pipeline: Pipeline | undefined): string {
  const { provider, url, job, commit, actor } = pipeline ?? {
    provider: 'unknown',
    url: null,
    commit: null,
    actor: null,
  };
  const who = url ?? actor ?? (provider === 'unknown' ? 'another pipeline' : provider);
  const more = [
    ...(job == null ? [] : [`job ${job}`]),
    ...(commit === null ? [] : [`commit ${commit.slice(0, 12)}`]),
    ...(url === null || actor === null ? [] : [`by ${actor}`]),
  ];
  return more.length === 0 ? who : `${who} (${more.join(', ')})`;
}

/** `TASK_QUEUE_TYPE_WORKFLOW`. */
const WORKFLOW_TASK_QUEUE = 1;

/** Whether anybody polls the task queue. */
export async function hasWorker({ client, taskQueue }: TemporalConnection): Promise<boolean> {
  try {
    const { pollers } = await within(client, () =>
      client.workflowService.describeTaskQueue({
        namespace: client.options.namespace,
        taskQueue: { name: taskQueue },
        // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- a dynamic import finds no enumeration
        taskQueueType: WORKFLOW_TASK_QUEUE,
      }),
    );
    return pollers.length > 0;
  } catch {
    return true;
  }
}
