import type { Client } from '@temporalio/client';
import { temporal } from '@temporalio/proto';

const { HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT } = temporal.api.enums.v1.HistoryEventFilterType;

/** The status of a run that goes on as another one with an empty history. */
export const CONTINUED = 'CONTINUED_AS_NEW';

/** A run of a workflow. */
interface Run {
  readonly workflowId: string;
  readonly runId: string;
}

/** Returns the run ID as which a run has continued as new. Fails with the server's error where the run is gone. */
export async function nextRunIdOf(client: Client, { workflowId, runId }: Run): Promise<string | undefined> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    historyEventFilterType: HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT,
  });
  const next = history?.events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
  return next == null || next === '' ? undefined : next;
}

/** Returns the last run of a chain, from one of its runs on. Fails with the server's error where a run of it is gone. */
export async function lastRunIdOf(client: Client, { workflowId, runId }: Run): Promise<string> {
  for (let current = runId; ;) {
    const { status } = await client.workflow.getHandle(workflowId, current).describe();
    const next = status.name === CONTINUED ? await nextRunIdOf(client, { workflowId, runId: current }) : undefined;
    if (next === undefined) return current;
    current = next;
  }
}
