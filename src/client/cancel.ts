import { randomUUID } from 'node:crypto';
import { within } from '../temporal/connect.js';
import type { TemporalConnection } from '../temporal/connect.js';
import { openRun } from './runs.js';
import type { LockHolder, NamespaceReference } from './runs.js';

/** Who wants a run to end, and why. */
export interface CancelReason {
  /** Who, as they say themselves; null where that is not known. */
  readonly by: string | null;
  readonly reason: string | null;
}

/**
 * Asks the run under way to end: steps that run are finished, no other is begun. It has not ended when this returns:
 * `followRun` waits for that.
 *
 * @returns the run that was asked; null where none is under way, or another than is meant
 * @throws UnreachableError
 */
export async function requestCancel(
  temporal: TemporalConnection,
  place: NamespaceReference,
  { by, reason }: CancelReason,
): Promise<LockHolder | null> {
  const { client } = temporal;
  const run = await openRun(temporal, place);
  if (run === null) return null;
  const { workflowId, runId } = run;
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
  return run;
}
