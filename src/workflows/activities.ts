import { proxyActivities, type ActivityOptions } from '@temporalio/workflow';
import type { Activities } from '../contract/activities.js';
import { RETRY_DELAYS } from '../contract/failures.js';

/** Attempts are not limited: no worker may run for hours, and an activity ends its own attempts. */
const retry = RETRY_DELAYS;

/** A dead worker is noticed after this time, and the activity runs again on another one. */
const heartbeatTimeout = '6s';

/** A large account takes minutes to read, and a throttled one minutes to write. */
const AWS_OPTIONS = { startToCloseTimeout: '10m', heartbeatTimeout, retry } as const satisfies ActivityOptions;

/** Activities that read the account in bulk. */
export const accountReads = proxyActivities<Pick<Activities, 'planEntities' | 'verifyEntities'>>(AWS_OPTIONS);

/** The activities that find and end what an earlier run has left behind. A worker that is gone holds up its end. */
export const entityRunActivities = proxyActivities<Pick<Activities, 'findEntityRuns' | 'endEntityRuns'>>({
  startToCloseTimeout: '10m',
  heartbeatTimeout,
  retry,
});

/** The activities that ask ledgers, which are workflows of the same workers. */
export const ledgerActivities = proxyActivities<Pick<Activities, 'claimRevision' | 'claimEntities'>>({
  startToCloseTimeout: '2m',
  heartbeatTimeout,
  retry,
});

/** The activity behind `explain`. A person waits for it, so it is tried only twice. */
export const evidenceActivities = proxyActivities<Pick<Activities, 'gatherEvidence'>>({
  startToCloseTimeout: '2m',
  heartbeatTimeout,
  retry: { maximumAttempts: 2 },
});

type EntityActivities = Pick<Activities, 'listCandidates' | 'createEntity' | 'updateEntity' | 'deleteEntity'>;

/**
 * Returns the activities that write one entity. Where its run is cancelled, an activity ends before its next write, and
 * the run waits for that.
 *
 * @param summary - names the call in the Temporal UI
 */
export function entityActivities(summary: string): ReturnType<typeof proxyActivities<EntityActivities>> {
  return proxyActivities<EntityActivities>({
    ...AWS_OPTIONS,
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    summary,
  });
}
