import type { Client } from '@temporalio/client';
import { decodeFirstPayload } from './payload-codec.js';

/** Returns the first argument of a run, as the server has recorded it. Null where it has none. */
export async function readStartArgument<T>(
  client: Pick<Client, 'workflowService' | 'withDeadline' | 'options'>,
  execution: { readonly workflowId: string; readonly runId: string },
  deadlineMs: number,
): Promise<T | null> {
  const { namespace } = client.options;
  const { history } = await client.withDeadline(Date.now() + deadlineMs, () =>
    client.workflowService.getWorkflowExecutionHistory({ namespace, execution, maximumPageSize: 1 }),
  );
  const started = history?.events?.[0]?.workflowExecutionStartedEventAttributes;
  return decodeFirstPayload<T>(client as Client, started?.input?.payloads);
}
