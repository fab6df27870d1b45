import type { Client } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { unreadableReason } from '../contract/unreadable.js';
import { decodeFirstPayload, readFailureMessage } from './payload-codec.js';

const { HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT } = temporal.api.enums.v1.HistoryEventFilterType;

/** The end of a run, from the last event of its history. */
export interface RunEnd {
  /** The result, or the first of the details of the failure. Null where it has neither. */
  readonly value: unknown;
  /** The message of the failure, or the reason of the termination. Null where it has neither. */
  readonly reason: string | null;
}

/** Returns the end of a closed run. Fails with the server's error where the run is gone. */
export async function readRunEnd(
  client: Client,
  { workflowId, runId }: { readonly workflowId: string; readonly runId: string },
): Promise<RunEnd> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    historyEventFilterType: HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT,
  });
  const event = history?.events?.at(-1);
  const result = event?.workflowExecutionCompletedEventAttributes?.result?.payloads;
  if (result != null) return { value: await decodeFirstPayload(client, result), reason: null };
  const terminated = event?.workflowExecutionTerminatedEventAttributes;
  if (terminated != null) return { value: null, reason: terminationText(terminated) };
  const failure = event?.workflowExecutionFailedEventAttributes?.failure;
  return failure == null ? { value: null, reason: null } : readFailure(client, failure);
}

async function readFailure(client: Client, failure: temporal.api.failure.v1.IFailure): Promise<RunEnd> {
  const details = await decodeFirstPayload(client, failure.applicationFailureInfo?.details?.payloads);
  // Without the key, neither the details nor the message of the failure can be read.
  const attributes = await decodeFirstPayload(client, failure.encodedAttributes && [failure.encodedAttributes]);
  const value = unreadableReason(attributes) === null ? details : attributes;
  return { value, reason: await readFailureMessage(client, failure) };
}

function terminationText({
  identity,
  reason,
}: {
  readonly identity?: string | null;
  readonly reason?: string | null;
}): string {
  const why = reason == null || reason === '' ? '' : `: ${reason}`;
  return `terminated by ${identity ?? 'an unknown client'}${why}`;
}
