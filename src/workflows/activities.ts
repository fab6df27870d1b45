import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../contract/activities.js';

/** Children that a bootstrap runs at a time. */
export const CONCURRENT_ENTITIES = 20;

/** First wait for an entity that another run holds, before another try. */
export const FIRST_LOCK_WAIT_MS = 200;
const USUAL_LOCK_WAIT_MS = 5_000;
const LOCK_WAIT_PART = 0.1;

/**
 * The wait after a wait: twice as long up to the usual most, and later a part of what has been waited in all. Each try
 * is in the history, which would otherwise be full within an hour.
 */
export function nextLockWait(waitMs: number, waitedMs: number): number {
  return Math.max(Math.min(USUAL_LOCK_WAIT_MS, waitMs * 2), Math.round(waitedMs * LOCK_WAIT_PART));
}

/** Rounds in which an entity may turn out to be something else than the last look said. */
export const MAX_ROUNDS = 5;

/** Attempts have no end here: a worker may be away for long, and activities give up by themselves. */
const retry = { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '20s' } as const;

/** A worker that died is noticed after this long, and the step is repeated elsewhere. */
const heartbeatTimeout = '6s';

/** Reads of the account: long where it is large. */
export const reading = proxyActivities<Pick<Activities, 'planEntities' | 'verifyEntities'>>({
  startToCloseTimeout: '10m',
  heartbeatTimeout,
  retry,
});

/** A word with the ledger, which is another workflow of the same workers. */
export const claiming = proxyActivities<Pick<Activities, 'claimRevision'>>({
  startToCloseTimeout: '2m',
  heartbeatTimeout,
  retry,
});

/** Writes to one entity. */
export const writing = proxyActivities<
  Pick<Activities, 'listCandidates' | 'createEntity' | 'updateEntity' | 'deleteEntity'>
>({
  startToCloseTimeout: '10m',
  heartbeatTimeout,
  retry,
});

/** Options of {@link writing}, for calls that name what they do. */
export const writingOptions = { startToCloseTimeout: '10m', heartbeatTimeout, retry } as const;
