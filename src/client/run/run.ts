import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { ExitCode } from '../../contract/failures.js';
import { UserFacingError } from '../../contract/user-facing-error.js';
import { originOf } from '../../contract/entity.js';
import type { BootstrapMemo, BootstrapRequest } from '../../contract/request.js';
import type { PendingApproval } from '../../contract/approval.js';
import type { Progress } from '../../contract/progress.js';
import { approvalQuery, progressQuery, reportQuery } from '../../contract/messages.js';
import { workflowTaskTimeoutMs } from '../../contract/request.js';
import { IamAccount, IamNamespace } from '../../contract/search-attributes.js';
import {
  planWorkflowId,
  parseBootstrapWorkflowId,
  bootstrapWorkflowId,
  WorkflowType,
} from '../../contract/workflow-ids.js';
import { page } from '../../report/markdown.js';
import { summarize } from '../../report/summarize.js';
import type { Report } from '../../contract/report.js';
import { UnreachableError, within } from '../../temporal/connect.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { hasWorker, lockHolderOf, pipelineText, namespaceFlags, progressOf } from '../runs.js';
import type { LockHolder } from '../runs.js';

/** Between two looks at a run's progress, in milliseconds. */
const PROGRESS_INTERVAL_MS = 1_000;

/** Between two looks at the run that is waited for, in milliseconds. */
const HOLDER_INTERVAL_MS = 5_000;

/** Between two words about how far it is, in milliseconds. */
const HOLDER_PROGRESS_MS = 60_000;

/** Before the first of them: short runs are over soon. */
const FIRST_PROGRESS_MS = 250;

/** A run that shows no progress for so long makes the client look for workers. In milliseconds. */
const WORKER_CHECK_MS = 5_000;

/** Attempts after which a step that is repeated is worth a word: the first ones are IAM's everyday life. */
const FEW_ATTEMPTS = 3;

/** Entities under way that are looked at for steps that are repeated. */
const MAX_CHILDREN = 3;

/** A server that does not answer is tried again for this long, in milliseconds. */
const OUTAGE_MS = 300_000;

/** What happens while a command follows its run, for those who show it. */
export type RunEvent =
  | {
      readonly type: 'started' | 'joined';
      readonly workflowId: string;
      readonly runId: string;
      readonly url: string | null;
    }
  | {
      /** At the beginning, then as it goes on. */
      readonly type: 'waiting';
      readonly holder: LockHolder;
      /** How far that run is; null at the beginning, and where no worker says. */
      readonly progress: Progress | null;
      /** Since this wait began, in milliseconds. */
      readonly waitedMs: number;
    }
  | { readonly type: 'awaiting-approval'; readonly gate: PendingApproval }
  | { readonly type: 'progress'; readonly progress: Progress }
  | {
      /** A step is repeated again and again. */
      readonly type: 'retrying';
      /** `create Role/deploy for ci`. */
      readonly what: string;
      /** The last attempt, from 1. */
      readonly attempt: number;
      /** Why it failed. */
      readonly message: string;
    }
  | { readonly type: 'no-worker'; readonly taskQueue: string }
  | { readonly type: 'unreachable'; readonly message: string };

/** Reports that the request cannot proceed now: another run holds the namespace, no worker polls, or an approval is required. */
export class BusyError extends UserFacingError {
  override readonly name = 'BusyError';
  override readonly exitCode = ExitCode.Busy;

  constructor(
    message: string,
    remedy: string,
    /** The run that the request waits for. Null where no worker polls. */
    readonly holder: Pick<LockHolder, 'workflowId' | 'runId' | 'url'> | null,
  ) {
    super(message, remedy);
  }
}

/** Reports that an open run with another request uses the same request key. */
export class RequestKeyError extends UserFacingError {
  override readonly name = 'RequestKeyError';
  override readonly exitCode = ExitCode.Usage;

  constructor(key: string) {
    super(`request key ${key} belongs to an open run with a different request`, 'use a new request key, or omit it');
  }
}

/**
 * The report of a request that came to nothing for now: {@link BusyError}, or no server. Undefined for other errors.
 */
export function busyReport(command: Report['command'], request: BootstrapRequest, error: unknown): Report | undefined {
  if (!(error instanceof BusyError || error instanceof UnreachableError)) return undefined;
  const holder = error instanceof BusyError ? error.holder : null;
  return {
    version: 1,
    command,
    result: 'busy',
    account: request.target.account,
    partition: request.target.partition,
    namespace: request.namespace,
    environment: request.environment,
    digest: request.digest,
    request: { key: request.key, pipeline: request.pipeline },
    workflow: { workflowId: holder?.workflowId ?? '', runId: holder?.runId ?? '', url: holder?.url ?? null },
    entities: [],
    summary: summarize([]),
    apiCalls: { total: 0, byOperation: {} },
    startedAt: new Date().toISOString(),
    durationMs: 0,
    reason: error.message,
    remedy: error.remedy,
  };
}

/** Reports that a run ended without a report: it was terminated, or it timed out. */
export class RunLostError extends UserFacingError {
  override readonly name = 'RunLostError';
  override readonly exitCode = ExitCode.Failed;

  constructor(message: string, options?: ErrorOptions) {
    super(message, 'apply again: existing entities are found, and nothing is created twice', options);
  }
}

/** How a command starts and follows a run. */
export interface RunOptions {
  /** How long to wait for the namespace, for a worker or for an approval, which stays open. Default: 30 minutes. In milliseconds. */
  readonly waitTimeoutMs?: number;
  /** Fail with {@link BusyError} at once where another request is under way, or an approval is due. Default: false. */
  readonly noWait?: boolean;
  readonly onEvent?: (event: RunEvent) => void;
  /** Stops following. A request that waits is withdrawn; a run that has started goes on. */
  readonly signal?: AbortSignal;
}

const DEFAULT_WAIT_MS = 30 * 60_000;

/**
 * Applies a request: starts a run, or joins the one under way that asks for the same, or waits for its turn.
 *
 * @returns the report of a run that applied this very request
 * @throws BusyError, RunLostError, UnreachableError
 */
export async function apply(
  temporal: TemporalConnection,
  request: BootstrapRequest,
  options: RunOptions = {},
): Promise<Report> {
  const workflowId = bootstrapWorkflowId(request.target.account, request.namespace);
  const deadline = Date.now() + (options.waitTimeoutMs ?? DEFAULT_WAIT_MS);
  for (;;) {
    options.signal?.throwIfAborted();
    const runId = await start(temporal, WorkflowType.Bootstrap, workflowId, request, options);
    if (runId !== null) {
      options.onEvent?.({ type: 'started', workflowId, runId, url: temporal.runUrl(workflowId, runId) });
      return follow(temporal, workflowId, runId, deadline, options);
    }
    const holder = await persistently(options, () => lockHolderOf(temporal, workflowId));
    if (holder === null) continue;
    if (asksTheSame(holder.memo, request)) {
      options.onEvent?.({ type: 'joined', workflowId, runId: holder.runId, url: holder.url });
      return follow(temporal, workflowId, holder.runId, deadline, options);
    }
    assertOwnKey(holder.memo, request);
    if (options.noWait === true || Date.now() >= deadline) throw busy(holder, options);
    options.onEvent?.({ type: 'waiting', holder, progress: null, waitedMs: 0 });
    const ended = await waitForEnd(temporal, holder, deadline, options);
    if (!ended) throw busy(holder, options);
  }
}

/** A run is joined only where its report is the one that was asked for: of the same manifest, as new, as guarded. */
function asksTheSame(
  { digest, revision, allowOlder = false }: Partial<BootstrapMemo>,
  request: BootstrapRequest,
): boolean {
  return (
    digest === request.digest &&
    revision?.value === request.revision?.value &&
    revision?.source === request.revision?.source &&
    allowOlder === (request.allowOlder ?? false)
  );
}

/** The same key asks for the same: under it, something else would be taken for a repeat. */
function assertOwnKey({ requestKey }: Partial<BootstrapMemo>, { key }: BootstrapRequest): void {
  if (requestKey === key) throw new RequestKeyError(key);
}

/** Decides for a request and writes nothing. Takes no lock, so it never waits for another run. */
export async function plan(
  temporal: TemporalConnection,
  request: BootstrapRequest,
  options: RunOptions = {},
): Promise<Report> {
  const workflowId = planWorkflowId(request.target.account, request.namespace, request.key);
  const deadline = Date.now() + (options.waitTimeoutMs ?? DEFAULT_WAIT_MS);
  let runId = await start(temporal, WorkflowType.Plan, workflowId, request, options);
  if (runId === null) {
    const holder = await persistently(options, () => lockHolderOf(temporal, workflowId));
    if (holder !== null && holder.memo.digest !== request.digest) throw new RequestKeyError(request.key);
    runId = holder?.runId ?? null;
  }
  options.onEvent?.({ type: 'started', workflowId, runId: runId ?? '', url: temporal.runUrl(workflowId, runId ?? '') });
  return follow(temporal, workflowId, runId ?? undefined, deadline, { ...options, onEvent: withoutProgress(options) });
}

/** A plan has no progress to ask for. */
function withoutProgress({ onEvent }: RunOptions): (event: RunEvent) => void {
  return (event) => {
    if (event.type !== 'progress') onEvent?.(event);
  };
}

/** Starts a run; null where one of that ID is under way. */
async function start(
  { client, taskQueue }: TemporalConnection,
  type: string,
  workflowId: string,
  request: BootstrapRequest,
  options: RunOptions,
): Promise<string | null> {
  const { WorkflowExecutionAlreadyStartedError } = await import('@temporalio/client');
  const memo: BootstrapMemo = {
    digest: request.digest,
    requestKey: request.key,
    pipeline: request.pipeline,
    manifest: request.manifest,
    environment: request.environment,
    ...(request.revision === undefined ? {} : { revision: request.revision }),
    ...(request.allowOlder === true ? { allowOlder: true } : {}),
  };
  const { account } = request.target;
  const from = originOf(request.pipeline);
  const workflow = {
    taskQueue,
    workflowId,
    args: [request],
    workflowIdConflictPolicy: 'FAIL' as const,
    workflowIdReusePolicy: 'ALLOW_DUPLICATE' as const,
    workflowTaskTimeout: workflowTaskTimeoutMs(request.entities.length),
    memo: { ...memo },
    staticSummary: `${type} ${request.namespace} (${request.environment}) in ${account}: ${String(request.entities.length)} entities`,
    staticDetails: page([
      `Manifest \`${request.manifest}\`, asked for by ${from}${request.pipeline.commit === null ? '' : `, commit \`${request.pipeline.commit}\``}.`,
      '',
      `Digest \`${request.digest}\``,
    ]),
  };
  const typedSearchAttributes = [
    { key: IamAccount, value: account },
    { key: IamNamespace, value: request.namespace },
  ];
  return persistently(options, async () => {
    try {
      const handle = await within(client, () => client.workflow.start(type, { ...workflow, typedSearchAttributes }));
      return handle.firstExecutionRunId;
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return null;
      if (!isUnknownSearchAttribute(error)) throw error;
    }
    try {
      return (await within(client, () => client.workflow.start(type, workflow))).firstExecutionRunId;
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return null;
      throw error;
    }
  });
}

function isUnknownSearchAttribute(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause as { code?: number; details?: string } | undefined) : undefined;
  return cause?.code === 3 && (cause.details ?? '').includes('search attribute');
}

function busy(holder: LockHolder, { noWait }: RunOptions): BusyError {
  return new BusyError(
    `the namespace is held by a run of ${pipelineText(holder.memo.pipeline)}, since ${holder.startedAt}${noWait === true ? '' : ', and did not end in time'}`,
    `apply again when it has ended: ${holder.url ?? `${holder.workflowId}, run ${holder.runId}`}`,
    holder,
  );
}

/** Waits by the server's long poll, which costs no worker anything. False where the deadline comes first. */
async function waitForEnd(
  temporal: TemporalConnection,
  holder: LockHolder,
  deadline: number,
  { onEvent, signal }: RunOptions,
): Promise<boolean> {
  const { client } = temporal;
  const handle = client.workflow.getHandle(holder.workflowId, holder.runId, { followRuns: false });
  const timer = new AbortController();
  const late = pause(Math.max(0, deadline - Date.now()), false, { signal: timer.signal });
  const polling = cancellation();
  const ended = client
    .withAbortSignal(polling.signal, () => handle.result())
    .then(
      () => true,
      () => true,
    );
  const aborted = abortion(signal);
  const looking = lookAt(temporal, holder, onEvent, polling.signal);
  try {
    return await Promise.race([ended, late, aborted.promise]);
  } finally {
    polling.abort();
    looking.catch(() => undefined);
    timer.abort();
    aborted.dispose();
    late.catch(() => undefined);
  }
}

/** Says how far the run that holds the namespace is, and when it begins or ends to wait for an approval. */
async function lookAt(
  temporal: TemporalConnection,
  holder: LockHolder,
  onEvent: RunOptions['onEvent'],
  over: AbortSignal,
): Promise<void> {
  const since = Date.now();
  let told = holder.memo.awaitingApproval;
  let due = since;
  for (;;) {
    await pause(HOLDER_INTERVAL_MS, undefined, { signal: over });
    const now = await lockHolderOf(temporal, holder.workflowId).catch(() => holder);
    const isDue = Date.now() >= due;
    if (now?.runId !== holder.runId || (now.memo.awaitingApproval === told && !isDue)) continue;
    told = now.memo.awaitingApproval;
    if (isDue) due = Date.now() + HOLDER_PROGRESS_MS;
    const progress = await progressOf(temporal, holder);
    if (!over.aborted) onEvent?.({ type: 'waiting', holder: now, progress, waitedMs: Date.now() - since });
  }
}

/** Ends calls to Temporal that are no longer waited for: a long poll would keep the process alive. */
function cancellation(): AbortController {
  const controller = new AbortController();
  // Each call listens.
  setMaxListeners(0, controller.signal);
  return controller;
}

/** Rejects when the signal aborts. */
function abortion(signal: AbortSignal | undefined): { promise: Promise<never>; dispose: () => void } {
  let dispose = (): void => undefined;
  const promise = new Promise<never>((_resolve, reject) => {
    if (signal === undefined) return;
    const abort = (): void => {
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    dispose = () => {
      signal.removeEventListener('abort', abort);
    };
  });
  promise.catch(() => undefined);
  return { promise, dispose };
}

/**
 * Waits for the end of a run that somebody has started.
 *
 * @throws BusyError where no worker or no approval comes in time, RunLostError, UnreachableError
 */
export async function followRun(
  temporal: TemporalConnection,
  workflowId: string,
  runId: string,
  options: RunOptions = {},
): Promise<Report> {
  return follow(temporal, workflowId, runId, Date.now() + (options.waitTimeoutMs ?? DEFAULT_WAIT_MS), options);
}

/** Awaits a run's report, showing its progress meanwhile. */
async function follow(
  temporal: TemporalConnection,
  workflowId: string,
  runId: string | undefined,
  deadline: number,
  options: RunOptions,
): Promise<Report> {
  const { client } = temporal;
  const handle = client.workflow.getHandle(workflowId, runId, { followRuns: false });
  const over = cancellation();
  const aborted = abortion(options.signal);
  const watching = client.withAbortSignal(over.signal, () =>
    watch(temporal, workflowId, runId, deadline, options, over.signal),
  );
  try {
    const report = persistently({ ...options, signal: over.signal }, async () => {
      try {
        return (await client.withAbortSignal(over.signal, () => handle.result())) as Report;
      } catch (error) {
        if (!(error instanceof Error) || error.name !== 'WorkflowFailedError') throw error;
        const carried = carriedReport(error) ?? (await cancelledReport(temporal, workflowId, runId, error));
        if (carried !== null) return carried;
        const cause = error.cause instanceof Error ? error.cause.message : error.message;
        throw new RunLostError(`the run ended without a report: ${cause}`, { cause: error });
      }
    });
    const result = await Promise.race([report, aborted.promise, watching]);
    return { ...result, workflow: { ...result.workflow, url: temporal.runUrl(workflowId, result.workflow.runId) } };
  } finally {
    over.abort();
    aborted.dispose();
    watching.catch(() => undefined);
  }
}

/** The report that a failed run carries in its failure. */
export function carriedReport(error: Error): Report | null {
  const [report] = (error.cause as { details?: unknown[] } | undefined)?.details ?? [];
  return typeof report === 'object' && report !== null && 'entities' in report ? (report as Report) : null;
}

/** A cancelled run carries nothing: a worker is asked once, which repeats the run from its history to answer. */
async function cancelledReport(
  { client }: TemporalConnection,
  workflowId: string,
  runId: string | undefined,
  error: Error,
): Promise<Report | null> {
  if ((error.cause as Error | undefined)?.name !== 'CancelledFailure') return null;
  const handle = client.workflow.getHandle(workflowId, runId);
  const report = await within(client, () => handle.query(reportQuery)).catch(() => null);
  if (report?.result !== 'cancelled') return report;
  const why = await cancelCause(client, { workflowId, runId: report.workflow.runId }).catch(() => null);
  return why === null
    ? report
    : { ...report, reason: `${report.reason ?? 'the run was cancelled'}${why.startsWith('by ') ? '' : ':'} ${why}` };
}

/** Who has cancelled a run and why, as they have told Temporal; null where they have not. */
async function cancelCause(
  client: TemporalConnection['client'],
  execution: { readonly workflowId: string; readonly runId: string },
): Promise<string | null> {
  let page: Uint8Array | null = null;
  do {
    const { history, nextPageToken } = await within(client, () =>
      client.workflowService.getWorkflowExecutionHistoryReverse({
        namespace: client.options.namespace,
        execution,
        nextPageToken: page,
      }),
    );
    for (const { workflowExecutionCancelRequestedEventAttributes: request } of history?.events ?? []) {
      if (request != null) return request.cause === '' ? null : (request.cause ?? null);
    }
    page = nextPageToken;
  } while (page.length > 0);
  return null;
}

/** Asks for progress, one call at a time, while the run is open. Only ever rejects: where no worker or no approval comes in time. */
async function watch(
  temporal: TemporalConnection,
  workflowId: string,
  runId: string | undefined,
  deadline: number,
  { onEvent, noWait = false }: RunOptions,
  over: AbortSignal,
): Promise<never> {
  const { client, taskQueue } = temporal;
  const handle = client.workflow.getHandle(workflowId, runId);
  let answered = Date.now();
  let told = false;
  let shown: string | undefined;
  for (let wait = FIRST_PROGRESS_MS; ; wait = PROGRESS_INTERVAL_MS) {
    try {
      await pause(wait, undefined, { signal: over });
    } catch {
      break;
    }
    let awaited: string | undefined;
    try {
      const description = await within(client, () => handle.describe());
      if (description.status.name !== 'RUNNING') break;
      const retries = await retriesOf(temporal, description);
      const query = within(client, () => handle.query(progressQuery), WORKER_CHECK_MS);
      const progress = await query.catch(() => undefined);
      if (progress !== undefined) {
        answered = Date.now();
        told = false;
        awaited = progress.approval?.plan;
        onEvent?.({ type: 'progress', progress });
      }
      // After the progress, of which a live display keeps the last word.
      for (const event of retries) onEvent?.(event);
    } catch {
      // The result is awaited elsewhere; here a failed look only means that nothing new can be shown.
    }
    if (awaited !== undefined && awaited !== shown) {
      const gate = await within(client, () => handle.query(approvalQuery)).catch(() => null);
      if (gate !== null) {
        shown = gate.plan;
        const url = temporal.runUrl(workflowId, gate.report.workflow.runId);
        const report = { ...gate.report, workflow: { ...gate.report.workflow, url } };
        onEvent?.({ type: 'awaiting-approval', gate: { ...gate, report } });
      }
    }
    if (awaited !== undefined && awaited === shown && (noWait || Date.now() >= deadline)) {
      throw unapproved(temporal, workflowId, runId ?? '', awaited);
    }
    if (Date.now() - answered < WORKER_CHECK_MS || (await hasWorker(temporal))) continue;
    if (!told) onEvent?.({ type: 'no-worker', taskQueue });
    told = true;
    if (Date.now() >= deadline) {
      throw new BusyError(
        `no worker polls the task queue ${taskQueue}, and the run waits for one`,
        'start one: iam-bootstrap worker; the run then goes on by itself',
        null,
      );
    }
  }
  return new Promise<never>(() => undefined);
}

/** How an approval is given on the command line. */
export function approveCommand(account: string, namespace: string, plan: string): string {
  return `iam-bootstrap approve ${namespaceFlags({ account, namespace })} --plan ${plan}`;
}

function unapproved(temporal: TemporalConnection, workflowId: string, runId: string, plan: string): BusyError {
  const { account, namespace } = parseBootstrapWorkflowId(workflowId);
  const url = temporal.runUrl(workflowId, runId);
  return new BusyError(
    'the plan waits for an approval, and goes on without this command',
    `${approveCommand(account, namespace, plan)}; apply again to follow the run`,
    { workflowId, runId, url },
  );
}

/** The steps that a run repeats: its own, and those of the entities that it has waited for longest. */
async function retriesOf(
  { client }: TemporalConnection,
  run: WorkflowExecutionDescription,
): Promise<Extract<RunEvent, { type: 'retrying' }>[]> {
  const children = (run.raw.pendingChildren ?? []).slice(0, MAX_CHILDREN).map(async ({ workflowId, runId }) => {
    const child = client.workflow.getHandle(workflowId ?? '', runId ?? undefined);
    return within(client, () => child.describe()).catch(() => undefined);
  });
  const under = (await Promise.all(children)).filter((child) => child !== undefined);
  const events = await Promise.all(
    [run, ...under].map(async (one) => {
      const what = (await one.staticSummary()) ?? one.workflowId;
      return (one.raw.pendingActivities ?? []).flatMap(({ attempt, lastFailure }) => {
        // The attempt under way, or the one that is waited for.
        const failed = (attempt ?? 1) - 1;
        if (failed < FEW_ATTEMPTS || !lastFailure?.message) return [];
        return [{ type: 'retrying' as const, what, attempt: failed, message: lastFailure.message }];
      });
    }),
  );
  return events.flat();
}

/** Repeats what failed only because the server did not answer: it may be restarting, and what it holds is durable. */
async function persistently<T>({ onEvent, signal }: RunOptions, work: () => Promise<T>): Promise<T> {
  const until = Date.now() + OUTAGE_MS;
  for (let wait = 250; ; wait = Math.min(5_000, wait * 2)) {
    try {
      return await work();
    } catch (error) {
      if (!isOutage(error) || Date.now() >= until || signal?.aborted === true) throw error;
      onEvent?.({ type: 'unreachable', message: error instanceof Error ? error.message : String(error) });
      await pause(wait, undefined, { signal });
    }
  }
}

/** gRPC's cancelled, deadline exceeded and unavailable. */
function isOutage(error: unknown): boolean {
  const code =
    (error as { cause?: { code?: number }; code?: number } | undefined)?.cause?.code ??
    (error as { code?: number }).code;
  return code === 14 || code === 4 || code === 1;
}
