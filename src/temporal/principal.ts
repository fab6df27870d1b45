import type { Client } from '@temporalio/client';
import type { Principal } from '../contract/identity.js';

/** The server's own name among the types of principals: for what it starts itself, by a schedule for example. */
const SERVER_TYPE = 'temporal';

/**
 * Returns the client that has started a run, as the server has authenticated it and recorded it with the run's first event.
 * Undefined where it records none, and where no client has started the run by itself: the first event of a child, of a
 * retry and of a run that continues another one names who ran the workflow, and that of a run that was reset is a copy.
 */
export async function startedBy(
  client: Client,
  run: { readonly workflowId: string; readonly runId: string },
): Promise<Principal | undefined> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: run,
    maximumPageSize: 1,
  });
  const { principal, workflowExecutionStartedEventAttributes: start } = history?.events?.[0] ?? {};
  const isFirst = start?.firstExecutionRunId === run.runId && start.originalExecutionRunId === run.runId;
  if (!isFirst || start.parentWorkflowExecution != null) return undefined;
  const { type, name } = principal ?? {};
  return !name || type === SERVER_TYPE ? undefined : { type: type ?? '', name };
}
