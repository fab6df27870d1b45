import type { WorkflowInfo } from '@temporalio/workflow';

/**
 * Reports whether a run goes on from another one of its workflow. A run that Temporal has started again, for retries or by
 * a cron schedule that a client has asked for, also has a run before it, but the argument of that client.
 */
export function isContinued({
  continuedFromExecutionRunId,
  attempt,
  cronSchedule = '',
}: Pick<WorkflowInfo, 'continuedFromExecutionRunId' | 'attempt' | 'cronSchedule'>): boolean {
  return continuedFromExecutionRunId !== undefined && attempt === 1 && cronSchedule === '';
}
