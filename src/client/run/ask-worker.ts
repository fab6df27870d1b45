import { UserFacingError } from '../../contract/user-facing-error.js';
import { type TemporalConnection, withDeadline } from '../../temporal/connect.js';
import { GrpcStatus, grpcStatusOf } from '../../temporal/errors.js';
import type { RunReference } from '../../temporal/pollers.js';
import { noWorkerError, silentWorkersError } from './events.js';
import { findMissingWorker } from './missing-worker.js';

/** Codes of a call whose time has passed. Which of them an update gets depends on whether this client or the server is first. */
const UNANSWERED: readonly number[] = [GrpcStatus.DeadlineExceeded, GrpcStatus.Cancelled];

/**
 * Makes a query or an update of a run, which a worker has to answer.
 *
 * @throws BusyError where no worker polls, or none has answered in time
 */
export async function askWorker<T>(
  temporal: TemporalConnection,
  run: RunReference,
  call: () => Promise<T>,
): Promise<T> {
  const { client, taskQueue } = temporal;
  try {
    return await withDeadline(client, call);
  } catch (error) {
    if (error instanceof UserFacingError) throw error;
    const isUnanswered = UNANSWERED.includes(grpcStatusOf(error) ?? 0);
    // The server lists a worker for minutes after its end.
    const missing = await findMissingWorker(temporal, run, isUnanswered);
    if (missing !== null) throw noWorkerError(missing);
    throw isUnanswered ? silentWorkersError(taskQueue) : error;
  }
}
