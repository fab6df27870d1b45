import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import type { PendingActivity } from '../contract/activities.js';
import { withDeadline } from './connect.js';
import { decodeFirstPayload, readFailureMessage } from './payload-codec.js';

/** `PENDING_ACTIVITY_STATE_STARTED`. */
const STARTED = 2;

/** Returns the activities of a run and of its oldest open children that have not ended. */
export async function pendingActivities(
  client: Client,
  run: WorkflowExecutionDescription,
  maxChildren: number,
): Promise<readonly PendingActivity[]> {
  const open = (run.raw.pendingChildren ?? []).slice(0, maxChildren);
  const children = await Promise.all(
    open.map(async ({ workflowId, runId }) => {
      const child = client.workflow.getHandle(workflowId ?? '', runId ?? undefined);
      return withDeadline(client, () => child.describe()).catch(() => undefined);
    }),
  );
  const described = [run, ...children.filter((child) => child !== undefined)];
  return (await Promise.all(described.map((one) => activitiesOf(client, one)))).flat();
}

async function activitiesOf(
  client: Client,
  description: WorkflowExecutionDescription,
): Promise<readonly PendingActivity[]> {
  const { workflowId } = description;
  const summary = (await description.staticSummary()) ?? workflowId;
  const pending = description.raw.pendingActivities ?? [];
  return Promise.all(
    pending.map(async ({ activityId, state, attempt, lastFailure, heartbeatDetails }) => {
      const progress = await decodeFirstPayload<{ readonly sent?: unknown } | null>(client, heartbeatDetails?.payloads);
      const message = lastFailure == null ? '' : await readFailureMessage(client, lastFailure);
      const type = lastFailure?.applicationFailureInfo?.type ?? null;
      return {
        workflowId,
        summary,
        activityId: activityId ?? '',
        isStarted: Number(state) === STARTED,
        // Temporal counts the attempt that runs or is scheduled.
        failedAttempts: (attempt ?? 1) - 1,
        failure: message === '' ? null : { type, message },
        writes: Array.isArray(progress?.sent) ? progress.sent.length : 0,
      };
    }),
  );
}
