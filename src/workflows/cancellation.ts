import { CancellationScope, log } from '@temporalio/workflow';

/** A request to cancel this workflow, for code that goes on in order to finish what it has begun. */
export interface Cancellation {
  isRequested(): boolean;
  /** Resolves once cancellation is requested; never rejects. */
  readonly requested: Promise<unknown>;
}

/** Watches the current scope for a request to cancel the workflow. */
export function watchCancellation(): Cancellation {
  let isRequested = false;
  const requested = CancellationScope.current().cancelRequested.catch(() => {
    isRequested = true;
    log.info('Cancelling: activities in flight finish, and no other entity is started');
  });
  return { isRequested: () => isRequested, requested };
}
