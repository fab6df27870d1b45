import type { FleetReport, FleetRequest } from '../../contract/fleet.js';
import { joinSignal } from '../../contract/messages.js';
import { IamNamespace } from '../../contract/search-attributes.js';
import { fleetPlanWorkflowId, fleetWorkflowId, WorkflowType } from '../../contract/workflow-ids.js';
import { fleetDigest, fleetProofDigest } from '../../engine/request-digest.js';
import { signed } from '../../identity/signature.js';
import { describePipeline, fleetDetails, fleetMemoOf, fleetSummary } from '../../report/run-description.js';
import { type TemporalConnection, withDeadline } from '../../temporal/connect.js';
import type { fleet } from '../../workflows/index.js';
import { BusyError, deadlineOf, RequestKeyError, RunLostError } from '../run/events.js';
import { retryWhileUnreachable } from '../run/retry.js';
import { proofToken } from '../run/proof.js';
import {
  isSameRequest,
  isUnknownSearchAttribute,
  type ProveOptions,
  waitForLockHolder,
  withToken,
} from '../run/start.js';
import { type LockHolder, lockHolderOf } from '../runs.js';
import type { FleetOptions } from './events.js';
import { awaitFleetReport } from './follow.js';

/**
 * Applies a manifest to a fleet: starts a run, joins the open run of the same request, or waits until the fleet is free.
 *
 * @throws BusyError, RequestKeyError, RunLostError, UnreachableError
 */
export async function applyFleet(
  temporal: TemporalConnection,
  loaded: FleetRequest,
  options: FleetOptions = {},
): Promise<FleetReport> {
  const request = withCommand(loaded, 'apply');
  const workflowId = fleetWorkflowId(request.namespace, request.fleet);
  const deadline = deadlineOf(options);
  const { namespace, environment } = request;
  const question = { account: null, namespace, environment };
  const proven = { question, digest: fleetProofDigest(request), what: 'request' } as const;
  const prove = (): Promise<string | undefined> => proofToken(temporal, proven, { ...options, deadline });
  for (;;) {
    options.signal?.throwIfAborted();
    const runId = await startFleet(temporal, workflowId, request, { ...options, prove });
    if (runId !== null) {
      options.onEvent?.({ type: 'started', workflowId, runId, url: temporal.runUrl(workflowId, runId) });
      return awaitFleetReport(temporal, { workflowId, runId }, deadline, options);
    }
    const lockHolder = await retryWhileUnreachable(options, () => lockHolderOf(temporal, workflowId));
    if (lockHolder === null) continue;
    if (isSameRequest(lockHolder.memo, request)) {
      const { runId: joined, url } = lockHolder;
      if (!(await announce(temporal, lockHolder, request.key))) continue;
      options.onEvent?.({ type: 'joined', workflowId, runId: joined, url });
      const report = await awaitFleetReport(temporal, { workflowId, runId: joined }, deadline, options);
      return assertReportOf(request, report);
    }
    if (lockHolder.memo.requestKey === request.key) throw new RequestKeyError(request.key);
    await waitForFleet(temporal, lockHolder, deadline, options);
  }
}

/**
 * Plans a manifest for every account of a fleet, and writes nothing. Takes no lock.
 *
 * @throws BusyError, RequestKeyError, RunLostError, UnreachableError
 */
export async function planFleet(
  temporal: TemporalConnection,
  loaded: FleetRequest,
  options: FleetOptions = {},
): Promise<FleetReport> {
  const request = withCommand(loaded, 'plan');
  const workflowId = fleetPlanWorkflowId(request.namespace, request.fleet, request.key);
  const deadline = deadlineOf(options);
  let runId = await startFleet(temporal, workflowId, request, options);
  if (runId === null) {
    const open = await retryWhileUnreachable(options, () => lockHolderOf(temporal, workflowId));
    if (open !== null && !isSameRequest(open.memo, request)) throw new RequestKeyError(request.key);
    runId = open?.runId ?? null;
  }
  options.onEvent?.({ type: 'started', workflowId, runId: runId ?? '', url: temporal.runUrl(workflowId, runId ?? '') });
  return awaitFleetReport(temporal, { workflowId, runId: runId ?? undefined }, deadline, options);
}

/** Returns a request as one for a command: the function that takes it decides, whichever command it was loaded for. */
function withCommand(request: FleetRequest, command: FleetRequest['command']): FleetRequest {
  return request.command === command ? request : { ...request, command, digest: fleetDigest({ ...request, command }) };
}

/**
 * Returns the report of a run that was joined. Any client may have written the memo by which it was found.
 *
 * @throws RunLostError where the run was of another request
 */
export function assertReportOf(request: Pick<FleetRequest, 'digest' | 'command'>, report: FleetReport): FleetReport {
  if (report.digest === request.digest && report.command === request.command) return report;
  throw new RunLostError(new Error('the run that was joined did something else than its memo says'));
}

/** Waits until another run of the fleet has closed, or has continued as new. */
async function waitForFleet(
  temporal: TemporalConnection,
  lockHolder: LockHolder,
  deadline: number,
  { noWait, signal, onEvent }: FleetOptions,
): Promise<void> {
  if (noWait === true || Date.now() >= deadline) throw fleetHeldError(lockHolder);
  onEvent?.({ type: 'waiting', lockHolder });
  const hasClosed = await waitForLockHolder(temporal, lockHolder, deadline, signal === undefined ? {} : { signal });
  if (!hasClosed) throw fleetHeldError(lockHolder);
}

function fleetHeldError(lockHolder: LockHolder): BusyError {
  const { memo, startedAt, url, workflowId } = lockHolder;
  return new BusyError(
    `the fleet is held by a run of ${describePipeline(memo.pipeline)} since ${startedAt}`,
    `apply again when it has finished: ${url ?? workflowId}`,
    lockHolder,
  );
}

/** Tells a run that another request relies on it. Returns false where the run has closed. */
async function announce({ client }: TemporalConnection, { workflowId }: LockHolder, key: string): Promise<boolean> {
  try {
    await withDeadline(client, () => client.workflow.getHandle(workflowId).signal(joinSignal, key));
    return true;
  } catch (error) {
    if ((error as Error).name === 'WorkflowNotFoundError') return false;
    throw error;
  }
}

/** Options of {@link startFleet}. */
type StartFleetOptions = FleetOptions & ProveOptions;

/** Starts a run of a fleet and returns its run ID. Null where a run with this workflow ID is open. */
async function startFleet(
  { client, taskQueue, requestKey }: TemporalConnection,
  workflowId: string,
  request: FleetRequest,
  options: StartFleetOptions,
): Promise<string | null> {
  const { WorkflowExecutionAlreadyStartedError } = await import('@temporalio/client');
  const start = async (isSearchable: boolean): Promise<string | null> => {
    const proven = await withToken(request, options);
    try {
      const handle = await withDeadline(client, () =>
        client.workflow.start<typeof fleet>(WorkflowType.Fleet, {
          taskQueue,
          workflowId,
          // Signed anew each time: a signature counts for one run.
          args: [signed(requestKey, 'fleet', proven)],
          workflowIdConflictPolicy: 'FAIL',
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
          memo: { ...fleetMemoOf(request) },
          staticSummary: fleetSummary(request),
          staticDetails: fleetDetails(request),
          ...(isSearchable ? { typedSearchAttributes: [{ key: IamNamespace, value: request.namespace }] } : {}),
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
