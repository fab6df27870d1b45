import type { Client } from '@temporalio/client';
import type { Principal } from '../contract/identity.js';
import { firstEventOf } from './first-event.js';
import { decodeFirstPayload } from './payload-codec.js';

/** The server's own name among the types of principals: for what it starts itself, by a schedule for example. */
const SERVER_TYPE = 'temporal';

/** The start of a run by a client that the server has authenticated. */
export interface AuthenticatedStart {
  readonly principal: Principal;
  readonly workflowType: string;
  readonly taskQueue: string;
  /** Returns the first argument of the run. Null where it has none. */
  argument(): Promise<unknown>;
}

/**
 * Returns the start of a run, with the client that has made it as the server has recorded it in the run's first event.
 * Undefined where it records none, and where no client has started the run by itself: the first event of a child, of a
 * retry and of a run that continues another one names who ran the workflow, and that of a run that was reset is a copy.
 */
export async function startedBy(
  client: Client,
  run: { readonly workflowId: string; readonly runId: string },
): Promise<AuthenticatedStart | undefined> {
  const { principal, workflowExecutionStartedEventAttributes: start } = (await firstEventOf(client, run)) ?? {};
  const isFirst = start?.firstExecutionRunId === run.runId && start.originalExecutionRunId === run.runId;
  if (!isFirst || start.parentWorkflowExecution != null) return undefined;
  const known = clientOf(principal);
  if (known === undefined) return undefined;
  return {
    principal: known,
    workflowType: start.workflowType?.name ?? '',
    taskQueue: start.taskQueue?.name ?? '',
    argument: () => decodeFirstPayload(client, start.input?.payloads),
  };
}

/** Returns the client that an event names. Undefined where it names none, or the server itself. */
function clientOf(principal: { readonly type?: string | null; readonly name?: string | null } | null | undefined) {
  const { type, name } = principal ?? {};
  return !name || type === SERVER_TYPE ? undefined : { type: type ?? '', name };
}
