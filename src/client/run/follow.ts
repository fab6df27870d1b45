import { reportQuery } from '../../contract/messages.js';
import type { Report } from '../../contract/report.js';
import { withDeadline } from '../../temporal/connect.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { isWorkflowFailed } from '../../temporal/errors.js';
import type { bootstrap } from '../../workflows/index.js';
import { RunLostError } from './errors.js';
import { deadlineOf } from './events.js';
import type { RunOptions } from './events.js';
import { callController, rejectOnAbort, retryWhileUnreachable } from './retry.js';
import { watchRun } from './watch.js';
import type { RunExecution } from './watch.js';

/**
 * Follows a run that another command has started, until it closes.
 *
 * @throws BusyError where the wait for a worker or an approval times out, RunLostError, UnreachableError
 */
export async function followRun(
  temporal: TemporalConnection,
  workflowId: string,
  runId: string,
  options: RunOptions = {},
): Promise<Report> {
  return awaitReport(temporal, { workflowId, runId }, deadlineOf(options), options);
}

/** Awaits the report of a run and shows its progress meanwhile. */
export async function awaitReport(
  temporal: TemporalConnection,
  run: RunExecution,
  deadline: number,
  options: RunOptions,
): Promise<Report> {
  const { client } = temporal;
  const handle = client.workflow.getHandle<typeof bootstrap>(run.workflowId, run.runId, { followRuns: false });
  const calls = callController();
  const aborted = rejectOnAbort(options.signal);
  const watching = client.withAbortSignal(calls.signal, () => watchRun(temporal, run, deadline, options, calls.signal));
  try {
    const report = retryWhileUnreachable({ ...options, signal: calls.signal }, async () => {
      try {
        return await client.withAbortSignal(calls.signal, () => handle.result());
      } catch (error) {
        if (!isWorkflowFailed(error)) throw error;
        const failed = reportOfFailure(error) ?? (await reportOfCancelled(temporal, run, error));
        if (failed === null) throw new RunLostError(error);
        return failed;
      }
    });
    const result = await Promise.race([report, aborted.promise, watching]);
    return { ...result, workflow: { ...result.workflow, url: temporal.runUrl(run.workflowId, result.workflow.runId) } };
  } finally {
    calls.abort();
    aborted.dispose();
    watching.catch(() => undefined);
  }
}

/** Returns the report in the details of a run's failure. Null where the failure has none. */
export function reportOfFailure(error: Error): Report | null {
  const [report] = (error.cause as { details?: unknown[] } | undefined)?.details ?? [];
  return typeof report === 'object' && report !== null && 'entities' in report ? (report as Report) : null;
}

/** Queries the report of a cancelled run, which has no result. Only once: a worker replays the run to answer. */
async function reportOfCancelled(
  { client }: TemporalConnection,
  { workflowId, runId }: RunExecution,
  error: Error,
): Promise<Report | null> {
  if ((error.cause as Error | undefined)?.name !== 'CancelledFailure') return null;
  const handle = client.workflow.getHandle<typeof bootstrap>(workflowId, runId);
  const report = await withDeadline(client, () => handle.query(reportQuery)).catch(() => null);
  if (report?.result !== 'cancelled') return report;
  const reason = await cancelReason(client, { workflowId, runId: report.workflow.runId }).catch(() => null);
  if (reason === null) return report;
  const separator = reason.startsWith('by ') ? '' : ':';
  return { ...report, reason: `${report.reason ?? 'the run was cancelled'}${separator} ${reason}` };
}

/** Returns the reason in the cancel request of a run: `by grace: wrong branch`. Null where it gives none. */
async function cancelReason(
  client: TemporalConnection['client'],
  execution: { readonly workflowId: string; readonly runId: string },
): Promise<string | null> {
  let token: Uint8Array | null = null;
  do {
    const { history, nextPageToken } = await withDeadline(client, () =>
      client.workflowService.getWorkflowExecutionHistoryReverse({
        namespace: client.options.namespace,
        execution,
        nextPageToken: token,
      }),
    );
    for (const { workflowExecutionCancelRequestedEventAttributes: request } of history?.events ?? []) {
      if (request != null) return request.cause === '' ? null : (request.cause ?? null);
    }
    token = nextPageToken;
  } while (token.length > 0);
  return null;
}
