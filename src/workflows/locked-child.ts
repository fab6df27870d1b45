import { ParentClosePolicy, sleep, startChild } from '@temporalio/workflow';
import type { ChildWorkflowOptions } from '@temporalio/workflow';
import { FIRST_LOCK_WAIT_MS, LONGEST_LOCK_WAIT_MS } from './timeouts.js';

/**
 * Starts a child whose workflow ID is a lock. Children know no conflict policy, so a start that is refused because the
 * ID is running is tried again on a durable timer.
 *
 * @param options - for each try; `waited` says that another run has held the lock since the caller last looked
 * @param waiting - called each time that the lock is found taken
 */
export async function startLocked<R>(
  workflow: string,
  options: (waited: boolean) => ChildWorkflowOptions,
  waiting: () => void,
): Promise<{ result(): Promise<R> }> {
  let wait = FIRST_LOCK_WAIT_MS;
  for (let waited = false; ; waited = true) {
    try {
      return await startChild<() => Promise<R>>(workflow, {
        ...options(waited),
        // No half-made entity is killed midway when its parent ends.
        parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      });
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'WorkflowExecutionAlreadyStartedError') throw error;
      waiting();
      await sleep(wait);
      wait = Math.min(LONGEST_LOCK_WAIT_MS, wait * 2);
    }
  }
}
