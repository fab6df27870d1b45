import type { Client, WorkflowHandle } from '@temporalio/client';
import { approveUpdate, rejectUpdate } from '../../contract/messages.js';
import type { Approval } from '../../contract/report.js';
import { decodeFirstPayload } from '../../temporal/payload-codec.js';

/** Returns the approvals and rejections of waves, from the history of a fleet's run: its report does not have them. */
export async function readWaveApprovals(
  client: Client,
  { workflowId, runId }: { readonly workflowId: string; readonly runId: string },
): Promise<readonly Approval[]> {
  const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  const asked = new Set((events ?? []).flatMap((event) => decisionIn(event) ?? []));
  const decided = (events ?? []).flatMap(({ workflowExecutionUpdateCompletedEventAttributes: end }) =>
    end != null && asked.has(end.meta?.updateId ?? '') ? [end.outcome?.success?.payloads] : [],
  );
  // An update that was accepted and then did not count has failed: it has no payloads.
  const approvals = await Promise.all(decided.map((payloads) => decodeFirstPayload<Approval>(client, payloads)));
  return approvals.filter((approval) => approval !== null);
}

const DECISIONS: ReadonlySet<string> = new Set([approveUpdate.name, rejectUpdate.name]);

type HistoryEvent = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];

/** Returns the ID of the update by which a person decides. Undefined for any other event. */
function decisionIn({ workflowExecutionUpdateAcceptedEventAttributes: start }: HistoryEvent): string | undefined {
  const { meta, input } = start?.acceptedRequest ?? {};
  return DECISIONS.has(input?.name ?? '') ? (meta?.updateId ?? undefined) : undefined;
}
