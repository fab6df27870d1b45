import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { pendingActivities } from '../../temporal/pending-activities.js';

/** The number of failed attempts that are not reported: IAM's eventual consistency causes a few in every run. */
const MAX_SILENT_ATTEMPTS = 2;

/** The number of open children whose failing activities are reported. */
const MAX_REPORTED_CHILDREN = 3;

/** An activity that has failed several times and will be retried. */
export interface FailingActivity {
  readonly workflowId: string;
  readonly summary: string;
  /** The attempt that failed last, from 1. */
  readonly attempt: number;
  readonly message: string;
}

/** Returns the activities that keep failing, of a run and of its oldest open children. */
export async function failingActivities(
  client: Client,
  run: WorkflowExecutionDescription,
): Promise<readonly FailingActivity[]> {
  const pending = await pendingActivities(client, run, MAX_REPORTED_CHILDREN);
  return pending.flatMap(({ workflowId, summary, failedAttempts, failure }) =>
    failure === null || failedAttempts <= MAX_SILENT_ATTEMPTS
      ? []
      : [{ workflowId, summary, attempt: failedAttempts, message: failure.message }],
  );
}

/** Returns that an activity keeps failing, and why, in one sentence. */
export function retryText({ summary, attempt, message }: FailingActivity): string {
  return `attempt ${String(attempt)} failed and is retried: ${summary}: ${message}`;
}
