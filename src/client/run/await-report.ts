import { unreadableReason } from '../../contract/unreadable.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { isWorkflowFailed } from '../../temporal/errors.js';
import { RunLostError } from './events.js';
import { callController, type OutageObserver, rejectOnAbort, retryWhileUnreachable } from './retry.js';

/** An execution of a workflow that ends with a report, whether it completes, fails or is cancelled. */
interface ReportingExecution<R> {
  readonly handle: { readonly result: () => Promise<R> };
  /** Shows what the execution does until the signal aborts. Never resolves. Rejects to end the wait for the report. */
  readonly watch: (stopped: AbortSignal) => Promise<never>;
  /** Returns the report in the details of a failure. Null where the failure has none. */
  readonly reportOfFailure: (error: Error) => R | null;
  /** Reads the report of a cancelled execution, which has no result. Null where no worker answers. */
  readonly reportOfCancelled: () => Promise<R | null>;
}

/**
 * Awaits the report of an execution and watches it meanwhile.
 *
 * @throws RunLostError where it closed without a report that this version reads, UnreachableError, and what `watch` throws
 */
export async function awaitReportOf<R>(
  { client }: TemporalConnection,
  { handle, watch, reportOfFailure, reportOfCancelled }: ReportingExecution<R>,
  options: OutageObserver,
): Promise<R> {
  const calls = callController();
  const aborted = rejectOnAbort(options.signal);
  const watching = client.withAbortSignal(calls.signal, () => watch(calls.signal));
  try {
    const report = retryWhileUnreachable({ ...options, signal: calls.signal }, async () => {
      try {
        const result = await client.withAbortSignal(calls.signal, () => handle.result());
        const unreadable = unreadableReason(result);
        if (unreadable === null) return result;
        throw new RunLostError(new Error(unreadable));
      } catch (error) {
        if (!isWorkflowFailed(error)) throw error;
        const failed = reportOfFailure(error) ?? (isCancelled(error) ? await reportOfCancelled() : null);
        if (failed === null) throw new RunLostError(error);
        return failed;
      }
    });
    return await Promise.race([report, aborted.promise, watching]);
  } finally {
    calls.abort();
    aborted.dispose();
    watching.catch(() => undefined);
  }
}

function isCancelled({ cause }: Error): boolean {
  return (cause as Error | undefined)?.name === 'CancelledFailure';
}
