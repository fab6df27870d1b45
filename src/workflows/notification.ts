import { ActivityFailure, ApplicationFailure, isCancellation, log, workflowInfo } from '@temporalio/workflow';
import type { Notification, NotificationResult, RecordOutcomeRequest, RunOutcome } from '../contract/notification.js';
import { deliveryActivities, notificationActivities } from './activities.js';
import { followNewestBuild } from './ledger.js';
import { assertNotification, assertRunOutcome } from './requests.js';

/**
 * Delivers a notification to each channel that takes it. Its ID is that of the notification, so that it is delivered once.
 * The end of a run is told only where it is a change, as the ledger of the namespace knows. Fails where a channel did not take it for a day, so that the UI shows red.
 */
export async function notification(notified: Notification, outcome?: RunOutcome): Promise<NotificationResult> {
  assertNotification(notified);
  if (outcome !== undefined) assertRunOutcome(outcome);
  if (workflowInfo().parent === undefined) {
    throw ApplicationFailure.nonRetryable('only a run of this worker may notify people', 'NotAllowed');
  }
  const { account, namespace } = notified.subject;
  // Only runs of one account give their end.
  const isKnown = outcome !== undefined && account !== null && !(await isChange({ account, namespace, ...outcome }));
  if (isKnown) return { delivered: [] };
  const channels = await notificationActivities.notificationChannels(notified);
  const results = await Promise.allSettled(
    channels.map((channel) => deliveryActivities(channel).deliverNotification({ channel, notification: notified })),
  );
  const failures = results.flatMap((result, index) =>
    result.status === 'rejected' ? [`${channels[index] ?? ''}: ${reasonOf(result.reason)}`] : [],
  );
  if (failures.length > 0) throw ApplicationFailure.nonRetryable(failures.join('; '), 'NotificationFailed');
  return { delivered: channels };
}

followNewestBuild(notification);

/** Reports whether the end of a run is a change. It counts as one where the ledger does not answer: any client can hold its ID. */
async function isChange(outcome: RecordOutcomeRequest): Promise<boolean> {
  try {
    return await notificationActivities.recordOutcome(outcome);
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('The end of a run is not recorded, and is told as a change', { reason: reasonOf(error) });
    return true;
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof ActivityFailure ? (error.cause ?? error) : error;
  return cause instanceof Error ? cause.message : String(cause);
}
