import { CancelledFailure, ParentClosePolicy, patched, sleep, startChild } from '@temporalio/workflow';
import type { ChildWorkflowOptions } from '@temporalio/workflow';
import { WorkflowType } from '../contract/workflow-ids.js';
import { recordRefusal, recordWait } from './metrics.js';
import { FIRST_LOCK_WAIT_MS, nextLockWait } from './activities.js';

/** That a workflow was asked to end, told to code that goes on nevertheless. */
export interface Cancellation {
  isRequested(): boolean;
  /** Never rejects. */
  readonly requested: Promise<unknown>;
}

/**
 * Starts a child whose workflow ID is a lock. Children know no conflict policy, so a start that is refused because the
 * ID is running is tried again on a durable timer.
 *
 * @param options - for each try; `waited` says that another run has held the lock since the caller last looked
 * @param waiting - called each time that the lock is found taken
 * @param cancelled - ends the wait where the caller cannot be cancelled itself
 * @throws CancelledFailure where the wait was ended so
 */
export async function startLocked<R>(
  workflow: string,
  options: (waited: boolean) => ChildWorkflowOptions,
  waiting: () => void,
  cancelled?: Cancellation,
): Promise<{ result(): Promise<R> }> {
  const lock = workflow === WorkflowType.Bootstrap ? 'namespace' : 'entity';
  const since = Date.now();
  let wait = FIRST_LOCK_WAIT_MS;
  let waitedMs = 0;
  for (let waited = false; ; waited = true) {
    try {
      const child = await startChild<() => Promise<R>>(workflow, {
        ...options(waited),
        // No half-made entity is killed midway when its parent ends.
        parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      });
      if (waited) recordWait(lock, Date.now() - since);
      return child;
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'WorkflowExecutionAlreadyStartedError') throw error;
      waiting();
      recordRefusal(lock);
      const timer = sleep(wait);
      if (cancelled !== undefined) {
        await Promise.race([timer, cancelled.requested]);
        if (cancelled.isRequested() && patched('cancel-ends-wait'))
          throw new CancelledFailure('the wait was cancelled');
      }
      await timer;
      waitedMs += wait;
      wait = nextLockWait(wait, waitedMs);
    }
  }
}
