import { randomUUID } from 'node:crypto';
import { ApprovalAction, type ApprovalDecision } from '../../contract/approval.js';
import type { FleetProgress, PendingWave } from '../../contract/fleet-progress.js';
import type { FleetReport } from '../../contract/fleet.js';
import { approveUpdate, rejectUpdate, waveApprovalQuery } from '../../contract/messages.js';
import type { Approval } from '../../contract/report.js';
import { fleetWorkflowId } from '../../contract/workflow-ids.js';
import { signed } from '../../identity/signature.js';
import { type TemporalConnection, withDeadline } from '../../temporal/connect.js';
import { isWorkflowFailed, isWorkflowNotFound } from '../../temporal/errors.js';
import type { fleet } from '../../workflows/index.js';
import { ApprovalRefusedError, approvalRefusedError } from '../approval.js';
import { askWorker } from '../run/ask-worker.js';
import { type CancelReason, type LockHolder, lockHolderOf, parseMemo } from '../runs.js';
import { awaitFleetReport, fleetProgressOf } from './follow.js';

/** A fleet of a namespace. */
export interface FleetReference {
  readonly namespace: string;
  readonly fleet: string;
}

/** The newest run of a fleet, as `status --fleet` shows it. */
export interface FleetRun extends Omit<LockHolder, 'type'> {
  /** Temporal's name of the status: `RUNNING`, `COMPLETED`, `FAILED`, `CANCELED`, … */
  readonly status: string;
  readonly closedAt: string | null;
  /** The progress of an open run. Null where it has closed, and where no worker answers. */
  readonly progress: FleetProgress | null;
  /** The report of a closed run. Null where it is open, and where it ended without one. */
  readonly report: FleetReport | null;
}

/** Returns the newest run of a fleet. Null where it has none. */
export async function fleetRun(temporal: TemporalConnection, reference: FleetReference): Promise<FleetRun | null> {
  const workflowId = fleetWorkflowId(reference.namespace, reference.fleet);
  const { client } = temporal;
  try {
    const handle = client.workflow.getHandle<typeof fleet>(workflowId);
    const { runId, status, startTime, closeTime, memo } = await withDeadline(client, () => handle.describe());
    const isOpen = status.name === 'RUNNING';
    return {
      workflowId,
      runId,
      startedAt: startTime.toISOString(),
      closedAt: closeTime?.toISOString() ?? null,
      url: temporal.runUrl(workflowId, runId),
      memo: parseMemo(memo),
      status: status.name,
      progress: isOpen ? await fleetProgressOf(temporal, workflowId) : null,
      report: isOpen ? null : await closedReport(temporal, workflowId, runId),
    };
  } catch (error) {
    if (isWorkflowNotFound(error)) return null;
    throw error;
  }
}

async function closedReport(
  temporal: TemporalConnection,
  workflowId: string,
  runId: string,
): Promise<FleetReport | null> {
  return awaitFleetReport(temporal, { workflowId, runId }, Date.now(), {}).catch((error: unknown) => {
    if (isWorkflowFailed(error) || (error as Error).name === 'RunLostError') return null;
    throw error;
  });
}

/** Returns the accounts that did not converge in the last run of a fleet. Null where it has no report. */
export async function failedAccounts(
  temporal: TemporalConnection,
  reference: FleetReference,
): Promise<readonly string[] | null> {
  const run = await fleetRun(temporal, reference);
  const accounts = run?.report?.accounts;
  return accounts?.filter(({ result }) => result !== 'converged').map(({ account }) => account) ?? null;
}

/**
 * Requests the cancellation of the open run of a fleet. Its accounts end between two writes, and no other is begun.
 *
 * @returns the run, or null where none is open
 */
export async function cancelFleet(
  temporal: TemporalConnection,
  reference: FleetReference,
  { by, reason }: CancelReason,
): Promise<LockHolder | null> {
  const { client } = temporal;
  const run = await lockHolderOf(temporal, fleetWorkflowId(reference.namespace, reference.fleet));
  if (run === null) return null;
  // Without a run ID: it may continue as new meanwhile.
  await withDeadline(client, () =>
    client.workflowService.requestCancelWorkflowExecution({
      namespace: client.options.namespace,
      workflowExecution: { workflowId: run.workflowId },
      identity: client.options.identity,
      requestId: randomUUID(),
      reason: [by === null ? [] : `by ${by}`, reason ?? []].flat().join(': '),
    }),
  );
  return run;
}

/**
 * Returns the wave of a fleet that waits for an approval.
 *
 * @throws ApprovalRefusedError where none waits
 */
export async function pendingWave(temporal: TemporalConnection, reference: FleetReference): Promise<PendingWave> {
  const { client } = temporal;
  const run = await lockHolderOf(temporal, fleetWorkflowId(reference.namespace, reference.fleet));
  if (run === null) throw noPendingWave(reference);
  const handle = client.workflow.getHandle<typeof fleet>(run.workflowId);
  const pending = await askWorker(temporal, handle, () => handle.query(waveApprovalQuery));
  if (pending === null) throw noPendingWave(reference);
  return pending;
}

/**
 * Approves or rejects the wave that waits. After a rejection the fleet ends.
 *
 * @throws ApprovalRefusedError
 */
export function decideWave(
  temporal: TemporalConnection,
  reference: FleetReference,
  action: ApprovalAction,
  decision: ApprovalDecision,
): Promise<Approval> {
  const { client, requestKey } = temporal;
  const handle = client.workflow.getHandle<typeof fleet>(fleetWorkflowId(reference.namespace, reference.fleet));
  const update = action === ApprovalAction.Approve ? approveUpdate : rejectUpdate;
  return askWorker(temporal, handle, async () => {
    try {
      return await handle.executeUpdate(update, { args: [signed(requestKey, action, decision)] });
    } catch (error) {
      throw isWorkflowNotFound(error) ? noPendingWave(reference) : (approvalRefusedError(error) ?? error);
    }
  });
}

function noPendingWave({ namespace, fleet: name }: FleetReference): ApprovalRefusedError {
  return new ApprovalRefusedError(
    'NoPendingApproval',
    `no wave of fleet ${name} of ${namespace} waits for an approval`,
  );
}
