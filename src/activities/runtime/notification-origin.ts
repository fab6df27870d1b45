import { activityInfo } from '@temporalio/activity';
import type { EntityRun } from '../../contract/activities.js';
import type { Notification } from '../../contract/notification.js';
import { notification as notificationShape } from '../../contract/request-shapes.js';
import { notificationWorkflowId, WorkflowType } from '../../contract/workflow-ids.js';
import { failure } from './failures.js';
import { assertInWorkflow, type LaunchRuns } from './launches.js';

/** The workflows that tell people of what they do. */
const TELLING: ReadonlySet<string> = new Set([WorkflowType.Bootstrap, WorkflowType.ScheduledRun, WorkflowType.Fleet]);

/** The questions about runs that the check of a notification asks Temporal. The server has recorded the answers. */
export interface NotificationRuns extends LaunchRuns {
  workflowOf(run: EntityRun): Promise<{ readonly type: string; readonly taskQueue: string } | undefined>;
}

/**
 * Makes sure that the workflow of this activity is that of the notification, that the run which it is about has started it,
 * and that both run the code of the workers of this task queue. A workflow of a client, on a task queue of its own, could
 * have people told anything.
 *
 * @throws ApplicationFailure
 */
export async function assertNotification(notification: Notification, runs: NotificationRuns): Promise<void> {
  assertInWorkflow();
  const problem = notificationShape(notification, '');
  if (problem !== null) throw failure('InvalidManifest', `this is no notification: ${problem}`, {});
  const { workflowExecution: run, workflowType, taskQueue } = activityInfo();
  const { subject, id } = notification;
  const isTheirs = workflowType === WorkflowType.Notification && run?.workflowId === notificationWorkflowId(id);
  if (!isTheirs || (await runs.workflowOf(run))?.taskQueue !== taskQueue) {
    throw refusal(`it is not the notification ${id} of a worker`);
  }
  const parent = await runs.parentOf(run);
  // A run that has continued as new tells of the first one of its chain.
  const isAbout = parent?.workflowId === subject.workflowId && (await runs.descentFrom(subject.runId, parent)) !== null;
  const workflow = isAbout ? await runs.workflowOf(parent) : undefined;
  if (workflow?.taskQueue !== taskQueue || !TELLING.has(workflow.type)) {
    throw refusal(`the run that it is about, ${subject.workflowId}, has not started it`);
  }
}

function refusal(problem: string): Error {
  return failure('NotAllowed', `only a run of this worker may notify people: ${problem}`, {
    remedy: 'look at who started it',
  });
}
