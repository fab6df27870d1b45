import { UserFacingError } from '../../contract/user-facing-error.js';
import { type TemporalConnection, withDeadline } from '../../temporal/connect.js';
import { GrpcStatus, grpcStatusOf } from '../../temporal/errors.js';
import { hasWorker } from '../runs.js';
import { noWorkerError, silentWorkersError } from './events.js';

/**
 * Makes a query or an update, which a worker has to answer.
 *
 * @throws BusyError where no worker polls, or none has answered in time
 */
export async function askWorker<T>(temporal: TemporalConnection, call: () => Promise<T>): Promise<T> {
  const { client, taskQueue } = temporal;
  try {
    return await withDeadline(client, call);
  } catch (error) {
    if (error instanceof UserFacingError) throw error;
    const isUnanswered = grpcStatusOf(error) === GrpcStatus.DeadlineExceeded;
    // The server lists a worker for minutes after its end.
    if (!(await hasWorker(temporal))) throw noWorkerError(taskQueue);
    throw isUnanswered ? silentWorkersError(taskQueue) : error;
  }
}
