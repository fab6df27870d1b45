import { randomUUID } from 'node:crypto';
import { type Evidence, type EvidenceRequest, type Explanation, type Trail, UNREAD } from '../../contract/explain.js';
import { WorkflowType } from '../../contract/workflow-ids.js';
import { signed } from '../../identity/signature.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { isWorkflowFailed } from '../../temporal/errors.js';
import type { explain } from '../../workflows/index.js';
import { findMissingWorker } from '../run/missing-worker.js';

/** The longest time that the worker may take. */
const EVIDENCE_TIMEOUT_MS = 150_000;

/** The history of events that CloudTrail keeps. */
const TRAIL_RETENTION_MS = 90 * 24 * 3_600_000;

/** The delay with which AWS shows a call in CloudTrail. */
const MAX_TRAIL_DELAY_MS = 15 * 60_000;

/** Requests evidence from a worker, which holds the AWS credentials. Where that fails, the evidence says why. */
export async function gatherEvidence(
  temporal: TemporalConnection,
  query: string,
  request: EvidenceRequest,
): Promise<Evidence> {
  const { entities, requestId, target } = request;
  if (entities.length === 0 && requestId === null) return noEvidence(request, 'no entity to read');
  const { client, taskQueue, requestKey } = temporal;
  const missing = await findMissingWorker(temporal);
  if (missing !== null) return noEvidence(request, `AWS was not read: ${missing.message}`);
  const oldest = new Date(Math.max(Date.parse(request.from), Date.parse(request.to) - TRAIL_RETENTION_MS));
  try {
    return await client.workflow.execute<typeof explain>(WorkflowType.Explain, {
      taskQueue,
      workflowId: `iam-bootstrap-explain:${target.account}:${randomUUID()}`,
      args: [signed(requestKey, WorkflowType.Explain, { ...request, from: oldest.toISOString() })],
      staticSummary: `explain ${query} in ${target.account}`,
      // A worker of an older build does not know the workflow and would retry its task for ever.
      workflowExecutionTimeout: EVIDENCE_TIMEOUT_MS,
      workflowTaskTimeout: '10s',
    });
  } catch (error) {
    if (!isWorkflowFailed(error)) throw error;
    const cause = error.cause instanceof Error ? error.cause : error;
    const reason = cause.cause instanceof Error ? cause.cause.message : cause.message;
    return noEvidence(request, `AWS was not read: ${reason}`);
  }
}

function noEvidence({ entities }: EvidenceRequest, message: string): Evidence {
  return {
    found: entities.map(() => ({ ...UNREAD, message })),
    trail: { status: 'unavailable', message, events: [], truncated: false },
  };
}

/** Returns the limits of what CloudTrail contributed. */
export function trailNotes(
  { status, message, truncated }: Trail,
  explanations: readonly Explanation[],
  to: Date,
): readonly string[] {
  const lastEventAt = Math.max(0, ...explanations.flatMap(eventTimesOf));
  const isRecent = to.getTime() - lastEventAt < MAX_TRAIL_DELAY_MS;
  return [
    ...(status === 'denied'
      ? [
          `CloudTrail was not read: ${message ?? ''}; grant cloudtrail:LookupEvents to the worker’s role to see other callers`,
        ]
      : []),
    ...(status === 'unavailable' && message !== null && explanations.length > 0 ? [message] : []),
    ...(truncated ? ['CloudTrail has more events than were read: use a shorter --since'] : []),
    ...(status === 'read' && (isRecent || explanations.length === 0)
      ? ['CloudTrail shows a call up to 15 minutes after it was made: if one is missing, try again later']
      : []),
  ];
}

function eventTimesOf({ timeline, existing }: Explanation): number[] {
  const times = [...timeline.map(({ at }) => at), existing.createdAt ?? ''].map((at) => Date.parse(at));
  return times.filter((at) => !Number.isNaN(at));
}
