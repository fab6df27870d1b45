import { setTimeout as sleep } from 'node:timers/promises';
import { entityId } from '../../contract/entity.js';
import type { Proof } from '../../contract/identity.js';
import { joinSignal } from '../../contract/messages.js';
import type { Report } from '../../contract/report.js';
import { type BootstrapMemo, type BootstrapRequest, workflowTaskTimeoutMs } from '../../contract/request.js';
import { IamAccount, IamNamespace } from '../../contract/search-attributes.js';
import { bootstrapWorkflowId, planWorkflowId, WorkflowType } from '../../contract/workflow-ids.js';
import { proofDigest } from '../../engine/request-digest.js';
import { signed } from '../../identity/signature.js';
import { memoOf, requestDetails, requestSummary } from '../../report/run-description.js';
import { type TemporalConnection, withDeadline } from '../../temporal/connect.js';
import { GrpcStatus, grpcStatusOf, isWorkflowNotFound } from '../../temporal/errors.js';
import type { bootstrap } from '../../workflows/index.js';
import { firstRunIdOf, type LockHolder, lockHolderOf, progressOf } from '../runs.js';
import { deadlineOf, namespaceHeldError, RequestKeyError, type RunOptions, silentHolderError } from './events.js';
import { awaitReport } from './follow.js';
import { findMissingWorker } from './missing-worker.js';
import { proofToken } from './proof.js';
import { callController, rejectOnAbort, retryWhileUnreachable } from './retry.js';

/**
 * Applies a request: starts a run, joins the open run of the same request, or waits until the namespace is free.
 *
 * @returns the report of a run that applied this request
 * @throws BusyError, IdTokenError, RequestKeyError, RunLostError, UnreachableError
 */
export async function apply(
  temporal: TemporalConnection,
  request: BootstrapRequest,
  options: RunOptions = {},
): Promise<Report> {
  const workflowId = bootstrapWorkflowId(request.target.account, request.namespace);
  const deadline = deadlineOf(options);
  const { environment, namespace, target } = request;
  const question = { account: target.account, namespace, environment };
  const proven = { question, digest: proofDigest(request), what: 'request' } as const;
  const starting = { ...options, prove: () => proofToken(temporal, proven, { ...options, deadline }) };
  let firstHolder: string | undefined;
  for (;;) {
    options.signal?.throwIfAborted();
    const runId = await startRun(temporal, WorkflowType.Bootstrap, workflowId, request, starting);
    if (runId !== null) {
      options.onEvent?.({ type: 'started', workflowId, runId, url: temporal.runUrl(workflowId, runId) });
      return awaitReport(temporal, { workflowId, runId }, deadline, options);
    }
    const lockHolder = await retryWhileUnreachable(options, () => lockHolderOf(temporal, workflowId));
    if (lockHolder === null) continue;
    // Every other run has started, and planned, after this request was made.
    firstHolder ??= firstRunIdOf(lockHolder);
    if (isSameRequest(lockHolder.memo, request)) {
      const mayBeOutdated = firstRunIdOf(lockHolder) === firstHolder;
      const report = await join(temporal, lockHolder, request, { deadline, mayBeOutdated }, options);
      if (report !== null) return report;
      continue;
    }
    if (lockHolder.memo.requestKey === request.key) throw new RequestKeyError(request.key);
    if (options.noWait === true || Date.now() >= deadline) throw await heldError(temporal, lockHolder, options);
    options.onEvent?.({ type: 'waiting', lockHolder, progress: null, waitedMs: 0 });
    const hasClosed = await waitForLockHolder(temporal, lockHolder, deadline, options);
    if (!hasClosed) throw await heldError(temporal, lockHolder, options);
  }
}

/** Questions without an answer, of a few seconds each, after which a run counts as silent. Its worker may be busy. */
const MAX_QUESTIONS = 3;

/** Returns the error for a namespace that is held, by what its run answers now. */
async function heldError(
  temporal: TemporalConnection,
  lockHolder: LockHolder,
  options: RunOptions,
): Promise<ReturnType<typeof namespaceHeldError>> {
  if ((await findMissingWorker(temporal, lockHolder)) !== null) return namespaceHeldError(lockHolder, options);
  for (let asked = 0; asked < MAX_QUESTIONS; asked += 1) {
    if ((await progressOf(temporal, lockHolder)) !== null) return namespaceHeldError(lockHolder, options);
  }
  return silentHolderError(temporal.client.options.namespace, lockHolder);
}

/**
 * Joins the open run of the same request. Returns null where the request has to be applied again: the run has closed
 * before it knew of this request, another caller has changed what the run had found as declared, or an entity was refused
 * or had failed before this request was made.
 */
async function join(
  temporal: TemporalConnection,
  lockHolder: LockHolder,
  { key }: BootstrapRequest,
  { deadline, mayBeOutdated }: { readonly deadline: number; readonly mayBeOutdated: boolean },
  options: RunOptions,
): Promise<Report | null> {
  const { workflowId, runId, url, memo } = lockHolder;
  const isOwn = memo.requestKey === key;
  if (!isOwn && !(await announce(temporal, lockHolder, key, options))) return null;
  options.onEvent?.({ type: 'joined', workflowId, runId, url });
  const report = await awaitReport(temporal, lockHolder, deadline, options);
  const changed = report.entities.filter(({ changedSince }) => changedSince !== undefined).map(entityId);
  const outdated = report.entities.filter(({ beforeJoin }) => mayBeOutdated && beforeJoin === true).map(entityId);
  if (isOwn || changed.length + outdated.length === 0 || Date.now() >= deadline) return report;
  options.onEvent?.({ type: 'applying-again', changed, outdated });
  return null;
}

/** Announces a request to the run that it joins. Returns false where the run has closed. */
async function announce(
  { client }: TemporalConnection,
  { workflowId, runId }: LockHolder,
  key: string,
  options: RunOptions,
): Promise<boolean> {
  const handle = client.workflow.getHandle(workflowId, runId);
  try {
    await retryWhileUnreachable(options, () => withDeadline(client, () => handle.signal(joinSignal, key)));
    return true;
  } catch (error) {
    if (isWorkflowNotFound(error)) return false;
    throw error;
  }
}

/** True where the report of an open run is also the report of a request: same manifest, same revision, same guard. */
export function isSameRequest(
  { digest, revision, allowOlder = false }: Partial<BootstrapMemo>,
  request: Pick<BootstrapRequest, 'digest' | 'revision' | 'allowOlder'>,
): boolean {
  return (
    digest === request.digest &&
    revision?.value === request.revision?.value &&
    revision?.source === request.revision?.source &&
    allowOlder === (request.allowOlder ?? false)
  );
}

/**
 * Plans a request and writes nothing. Takes no lock, so it never waits for another run.
 *
 * @throws BusyError, RequestKeyError, RunLostError, UnreachableError
 */
export async function plan(
  temporal: TemporalConnection,
  request: BootstrapRequest,
  options: RunOptions = {},
): Promise<Report> {
  const workflowId = planWorkflowId(request.target.account, request.namespace, request.key);
  const deadline = deadlineOf(options);
  let runId = await startRun(temporal, WorkflowType.Plan, workflowId, request, options);
  if (runId === null) {
    const open = await retryWhileUnreachable(options, () => lockHolderOf(temporal, workflowId));
    if (open !== null && open.memo.digest !== request.digest) throw new RequestKeyError(request.key);
    runId = open?.runId ?? null;
  }
  options.onEvent?.({ type: 'started', workflowId, runId: runId ?? '', url: temporal.runUrl(workflowId, runId ?? '') });
  const onEvent: RunOptions['onEvent'] = (event) => {
    // The plan workflow has no progress query.
    if (event.type !== 'progress') options.onEvent?.(event);
  };
  return awaitReport(temporal, { workflowId, runId: runId ?? undefined }, deadline, { ...options, onEvent });
}

/** The way to prove who asks. */
export interface ProveOptions {
  /** Returns a sealed token that proves who asks. Default: nothing is proven. */
  readonly prove?: () => Promise<string | undefined>;
}

/** Starts a run and returns its run ID. Null where a run with this workflow ID is open. */
async function startRun(
  { client, taskQueue, requestKey }: TemporalConnection,
  type: typeof WorkflowType.Bootstrap | typeof WorkflowType.Plan,
  workflowId: string,
  request: BootstrapRequest,
  options: RunOptions & ProveOptions,
): Promise<string | null> {
  const { WorkflowExecutionAlreadyStartedError } = await import('@temporalio/client');
  const { account } = request.target;
  const typedSearchAttributes = [
    { key: IamAccount, value: account },
    { key: IamNamespace, value: request.namespace },
  ];
  const start = async (isSearchable: boolean): Promise<string | null> => {
    const proven = await withToken(request, options);
    try {
      const handle = await withDeadline(client, () =>
        client.workflow.start<typeof bootstrap>(type, {
          taskQueue,
          workflowId,
          // Signed anew each time: a signature counts for one run.
          args: [signed(requestKey, type, proven)],
          workflowIdConflictPolicy: 'FAIL',
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
          workflowTaskTimeout: workflowTaskTimeoutMs(request.entities.length),
          memo: { ...memoOf(request) },
          staticSummary: requestSummary(type, request),
          staticDetails: requestDetails(request),
          ...(isSearchable ? { typedSearchAttributes } : {}),
        }),
      );
      return handle.firstExecutionRunId;
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return null;
      if (isSearchable && isUnknownSearchAttribute(error)) return start(false);
      throw error;
    }
  };
  return retryWhileUnreachable(options, () => start(true));
}

/** Returns a request with a token in its proof. A token is made for one attempt to start: it expires while another run is waited for. */
export async function withToken<T extends { readonly proof?: Proof }>(request: T, { prove }: ProveOptions): Promise<T> {
  const token = await prove?.();
  return token === undefined ? request : { ...request, proof: { ...request.proof, token } };
}

/** Reports whether the server does not know a search attribute of a start. */
export function isUnknownSearchAttribute(error: unknown): boolean {
  const { details = '' } = ((error as Error).cause ?? {}) as { readonly details?: string };
  return grpcStatusOf(error) === GrpcStatus.InvalidArgument && details.includes('search attribute');
}

const LOCK_HOLDER_INTERVAL_MS = 5_000;

const LOCK_HOLDER_PROGRESS_MS = 60_000;

/** Waits for a run to close, by the server's long poll: it needs no worker. Returns false where the deadline comes first. */
export async function waitForLockHolder(
  temporal: TemporalConnection,
  lockHolder: LockHolder,
  deadline: number,
  { onEvent, signal }: RunOptions,
): Promise<boolean> {
  const { client } = temporal;
  const handle = client.workflow.getHandle(lockHolder.workflowId, lockHolder.runId);
  const timer = new AbortController();
  const timeout = sleep(Math.max(0, deadline - Date.now()), false, { signal: timer.signal });
  const calls = callController();
  const closed = client
    .withAbortSignal(calls.signal, () => handle.result())
    .then(
      () => true,
      () => true,
    );
  const aborted = rejectOnAbort(signal);
  const reporting = reportLockHolderProgress(temporal, lockHolder, onEvent, calls.signal);
  try {
    return await Promise.race([closed, timeout, aborted.promise]);
  } finally {
    calls.abort();
    reporting.catch(() => undefined);
    timer.abort();
    aborted.dispose();
    timeout.catch(() => undefined);
  }
}

/** Reports the progress of the lock holder at intervals, and at once when it starts or stops waiting for an approval. */
async function reportLockHolderProgress(
  temporal: TemporalConnection,
  lockHolder: LockHolder,
  onEvent: RunOptions['onEvent'],
  stopped: AbortSignal,
): Promise<void> {
  const startedAt = Date.now();
  let reportedApproval = lockHolder.memo.awaitingApproval;
  let nextReportAt = startedAt;
  for (;;) {
    await sleep(LOCK_HOLDER_INTERVAL_MS, undefined, { signal: stopped });
    const current = await lockHolderOf(temporal, lockHolder.workflowId).catch(() => lockHolder);
    if (current === null || firstRunIdOf(current) !== firstRunIdOf(lockHolder)) continue;
    const isDue = Date.now() >= nextReportAt;
    if (!isDue && current.memo.awaitingApproval === reportedApproval) continue;
    reportedApproval = current.memo.awaitingApproval;
    if (isDue) nextReportAt = Date.now() + LOCK_HOLDER_PROGRESS_MS;
    const progress = await progressOf(temporal, current);
    if (stopped.aborted) return;
    onEvent?.({ type: 'waiting', lockHolder: current, progress, waitedMs: Date.now() - startedAt });
  }
}
