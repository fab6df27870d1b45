import { randomUUID } from 'node:crypto';
import { withDeadline } from '../temporal/connect.js';
import type { TemporalConnection } from '../temporal/connect.js';
import { GrpcStatus, grpcStatusOf } from '../temporal/errors.js';
import { openRun } from './runs.js';
import type { LockHolder, NamespaceReference } from './runs.js';

/** The person who cancels a run, and why. */
export interface CancelReason {
  /** The name that the person gives. Null where it is unknown. */
  readonly by: string | null;
  /** The reason that the person gives. Null where there is none. */
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
  const { client } = temporal;
  const run = await openRun(temporal, reference);
  if (run === null) return null;
  const { workflowId, runId } = run;
  try {
    // A handle's cancel() cannot carry a reason.
    await withDeadline(client, () =>
      client.workflowService.requestCancelWorkflowExecution({
        namespace: client.options.namespace,
        workflowExecution: { workflowId, runId },
        identity: client.options.identity,
        requestId: randomUUID(),
        reason: [by === null ? [] : `by ${by}`, reason ?? []].flat().join(': '),
      }),
    );
  } catch (error) {
    // The run has closed meanwhile.
    if (grpcStatusOf(error) === GrpcStatus.NotFound) return null;
    throw error;
  }
  return run;
}
