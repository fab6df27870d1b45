import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../contract/steps.js';

/** Children that a bootstrap runs at a time. */
export const CONCURRENT_ENTITIES = 20;

/** Wait for an entity that another run holds: from the first to the longest, doubled each time. */
export const FIRST_LOCK_WAIT_MS = 200;
export const LONGEST_LOCK_WAIT_MS = 5_000;

/** Rounds in which an entity may turn out to be something else than the last look said. */
export const MOST_ROUNDS = 5;

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
