import type { Client, WorkflowHandle } from '@temporalio/client';
import type { ExecutionReference } from '../../contract/audit.js';
import { approveUpdate, rejectUpdate } from '../../contract/messages.js';
import type { Approval } from '../../contract/report.js';
import { decodeFirstPayload } from '../../temporal/payload-codec.js';

/** The parts of a history beside its start and its end. */
interface Told {
  /** Approvals and rejections that were accepted, in their order. */
  readonly approvals: readonly Approval[];
  /** The client that requested the cancellation, and why. Null where none did. */
  readonly cancelReason: string | null;
}

/** Reads from the history of a run what its report does not have: that of a fleet, or none where it was cancelled. */
export async function readHistory(client: Client, { workflowId, runId }: ExecutionReference): Promise<Told> {
  const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  const asked = new Set((events ?? []).flatMap((event) => decisionIn(event) ?? []));
  const decided = (events ?? []).flatMap(({ workflowExecutionUpdateCompletedEventAttributes: end }) =>
    end != null && asked.has(end.meta?.updateId ?? '') ? [end.outcome?.success?.payloads] : [],
  );
  // An update that was accepted and then did not count has failed: it has no payloads.
  const approvals = await Promise.all(decided.map((payloads) => decodeFirstPayload<Approval>(client, payloads)));
  return {
    approvals: approvals.filter((approval) => approval !== null),
    cancelReason: (events ?? []).map(cancelReasonIn).find((reason) => reason !== null) ?? null,
  };
}

const DECISIONS: ReadonlySet<string> = new Set([approveUpdate.name, rejectUpdate.name]);

type HistoryEvent = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];

/** Returns the ID of the update by which a person decides. Undefined for any other event. */
function decisionIn({ workflowExecutionUpdateAcceptedEventAttributes: start }: HistoryEvent): string | undefined {
  const { meta, input } = start?.acceptedRequest ?? {};
  return DECISIONS.has(input?.name ?? '') ? (meta?.updateId ?? undefined) : undefined;
}

function cancelReasonIn({ workflowExecutionCancelRequestedEventAttributes: asked }: HistoryEvent): string | null {
  if (asked == null) return null;
  const { cause, identity } = asked;
  const client = identity == null || identity === '' ? 'an unknown client' : identity;
  return [`cancelled by ${client}`, ...(cause == null || cause === '' ? [] : [cause])].join(': ');
}
