import { activityInfo, ApplicationFailure, Context, log } from '@temporalio/activity';
import type { AttemptProgress } from '../../contract/failures.js';
import { attemptSignal } from '../../contract/messages.js';

/** The writes of an activity, as far as it knows them. */
interface Sent {
  readonly sent: readonly { readonly digest: string; readonly requestId: string | null }[];
  /** Identifies the writes that the workflow knows of already. */
  reported: string;
}

/** Deadline of the signal by which an attempt reports its writes. */
const SIGNAL_DEADLINE_MS = 5_000;

/**
 * Tells the workflow what an attempt has written that Temporal will repeat. Where the run is cancelled before the next
 * attempt, Temporal forgets the activity with its heartbeats.
 */
export async function reportAttempt(context: Sent, progress: AttemptProgress): Promise<void> {
  const { workflowExecution } = activityInfo();
  const last = context.sent.at(-1);
  if (last === undefined || workflowExecution === undefined) return;
  const state = `${String(context.sent.length)} ${last.digest} ${last.requestId ?? ''}`;
  if (state === context.reported) return;
  const { client } = Context.current();
  const { workflowId, runId } = workflowExecution;
  try {
    await client.withDeadline(Date.now() + SIGNAL_DEADLINE_MS, () =>
      client.workflow.getHandle(workflowId, runId).signal(attemptSignal, progress),
    );
    context.reported = state;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.warn('Temporal does not take the report of an attempt; the next attempt repeats it', { reason });
  }
}

/** Reports whether Temporal repeats an activity that fails so. */
export function isRepeated(error: Error): boolean {
  return error instanceof ApplicationFailure && error.nonRetryable !== true;
}
