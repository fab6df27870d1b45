import type { Client } from '@temporalio/client';
import { decodeFirstPayload } from './payload-codec.js';

type History = Awaited<ReturnType<Client['workflowService']['getWorkflowExecutionHistory']>>['history'];
type HistoryEvent = NonNullable<NonNullable<NonNullable<History>['events']>[number]>;

/** A run, and a client that can read its history. */
type Reader = Pick<Client, 'workflowService' | 'options'>;
interface Execution {
  readonly workflowId: string;
  readonly runId: string;
}

/** Returns the first event of a run, which records how it was started. Fails with the server's error where the run is gone. */
export async function firstEventOf(
  { workflowService, options: { namespace } }: Reader,
  { workflowId, runId }: Execution,
): Promise<HistoryEvent | undefined> {
  const execution = { workflowId, runId };
  const { history } = await workflowService.getWorkflowExecutionHistory({ namespace, execution, maximumPageSize: 1 });
  return history?.events?.[0];
}

/** Returns the first argument of a run, as the server has recorded it. Null where it has none. */
export async function startArgumentOf<T>(client: Reader, execution: Execution): Promise<T | null> {
  const started = (await firstEventOf(client, execution))?.workflowExecutionStartedEventAttributes;
  return decodeFirstPayload<T>(client as Client, started?.input?.payloads);
}
