import { randomUUID } from 'node:crypto';
import { bootstrapWorkflowId } from '../contract/messages.js';
import type { Report } from '../contract/report.js';
import { within } from './connect.js';
import type { TemporalConnection } from './connect.js';
import { followRun } from './run.js';
import type { RunOptions } from './run.js';
import { holderOf } from './runs.js';
import type { Holder, RunPlace } from './runs.js';

/** Who wants a run to end, and why. */
export interface CancelReason {
  /** Who, as they say themselves; null where that is not known. */
  readonly by: string | null;
  readonly reason: string | null;
}

/**
 * Asks the run under way to end: steps that run are finished, no other is begun. It has not ended when this returns.
 *
 * @returns the run that was asked; null where none is under way, or another than is meant
 * @throws UnreachableError
 */
export async function requestCancel(
  temporal: TemporalConnection,
  place: RunPlace,
  { by, reason }: CancelReason,
): Promise<Holder | null> {
  const { client } = temporal;
  const holder = await holderOf(temporal, bootstrapWorkflowId(place.account, place.namespace));
  if (holder === null || (place.runId !== undefined && place.runId !== holder.runId)) return null;
  const { workflowId, runId } = holder;
  try {
    await within(client, () =>
      client.workflowService.requestCancelWorkflowExecution({
        namespace: client.options.namespace,
        workflowExecution: { workflowId, runId },
        identity: client.options.identity,
        requestId: randomUUID(),
        reason: [by === null ? [] : `by ${by}`, reason ?? []].flat().join(': '),
      }),
    );
  } catch (error) {
    // gRPC's not found: it ended meanwhile.
    if ((error as { code?: number }).code === 5) return null;
    throw error;
  }
  return holder;
}

/**
 * Waits for the end of a run that was asked to end.
 *
 * @throws BusyError, RunLostError, UnreachableError
 */
export async function cancelled(
  temporal: TemporalConnection,
  { workflowId, runId }: Pick<Holder, 'workflowId' | 'runId'>,
  options: RunOptions = {},
): Promise<Report> {
  return followRun(temporal, workflowId, runId, options);
}
