import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { ApplicationFailure, CancelledFailure, log, ParentClosePolicy, sleep, startChild } from '@temporalio/workflow';
import type { ChildWorkflowHandle, ChildWorkflowOptions } from '@temporalio/workflow';
import type { Cancellation } from './cancellation.js';
import { recordRefusal, recordWait, type Lock } from './metrics.js';

/** First wait for a lock that another run holds, in milliseconds. */
export const FIRST_LOCK_WAIT_MS = 200;

/** The wait doubles up to this one, in milliseconds. */
const MAX_DOUBLED_WAIT_MS = 5_000;

/** Later waits are this share of the time that was waited in total. */
const SHARE_OF_WAITED_TIME = 0.1;

/**
 * Returns the wait that follows a wait: twice as long up to five seconds, later a tenth of the time waited in total. Each
 * try adds events to the history, which would otherwise be full within an hour.
 */
export function nextLockWait(waitMs: number, waitedMs: number): number {
  return Math.max(Math.min(MAX_DOUBLED_WAIT_MS, waitMs * 2), Math.round(waitedMs * SHARE_OF_WAITED_TIME));
}

/** A child whose workflow ID is a lock. */
export interface LockedChild<A> {
  readonly lock: Lock;
  readonly workflowId: string;
  readonly options: Omit<ChildWorkflowOptions, 'args' | 'workflowId' | 'typeInfo'>;
  /** Returns the argument of a try; `hasWaited` says that another run has held the lock since the caller's last read. */
  readonly request: (hasWaited: boolean) => A;
  readonly onWait: () => void;
  /** Ends the wait where the caller itself cannot be cancelled. */
  readonly cancellation?: Cancellation;
}

/** A wait for a lock, which the next run of the workflow can go on with. Times are in milliseconds since 1970. */
export interface LockWait {
  readonly waitingSince: number;
  /** The time waited before {@link waitMs} begins. */
  readonly waitedMs: number;
  /** The wait that ends at {@link retryAt}. */
  readonly waitMs: number;
  readonly retryAt: number;
}

/** The end of waits for locks before they are over. */
export interface Interruption {
  /** Resolves when the waits are to end. */
  readonly requested: Promise<void>;
  /** Reports whether the waits end now. Asked after each of them. */
  isDue(): boolean;
}

/**
 * Starts a child whose workflow ID is a lock, and waits while another run holds it.
 *
 * Temporal's samples lock by a mutex workflow, which grants a lease by signals. Here the server's rule that one workflow
 * of an ID runs at a time is the lock: it needs no signals, it cannot expire while its holder still writes, and a holder
 * that dies releases it. The price is a poll. Children take no conflict policy, so a start that is refused because the
 * ID is running is tried again after a durable timer.
 *
 * @throws CancelledFailure where the wait was cancelled
 */
export async function startLocked<A, R>(
  workflow: (request: A) => Promise<R>,
  locked: LockedChild<A>,
): Promise<ChildWorkflowHandle<typeof workflow>> {
  const started = await startOrWait(workflow, locked);
  if ('child' in started) return started.child;
  throw ApplicationFailure.nonRetryable('a wait that nothing interrupts has ended', 'Unexpected');
}

/**
 * Starts a child as {@link startLocked} does, and goes on with a wait that an earlier run of the workflow has begun. Returns
 * the wait that is left where it was interrupted.
 *
 * @throws CancelledFailure where the wait was cancelled
 */
export async function startOrWait<A, R>(
  workflow: (request: A) => Promise<R>,
  { lock, workflowId, options, request, onWait, cancellation }: LockedChild<A>,
  interruption?: Interruption,
  resumed?: LockWait,
): Promise<{ readonly child: ChildWorkflowHandle<typeof workflow> } | { readonly wait: LockWait }> {
  let wait = resumed;
  for (;;) {
    if (wait !== undefined) {
      onWait();
      await sleepUnlessEnded(wait === resumed ? wait.retryAt - Date.now() : wait.waitMs, cancellation, interruption);
      if (interruption?.isDue() === true) return { wait };
    }
    const child = await startUnlessLocked(workflow, workflowId, request(wait !== undefined), options);
    if (child !== null) {
      if (wait !== undefined) {
        log.info('Lock acquired', { lock: workflowId, waitedMs: Date.now() - wait.waitingSince });
        recordWait(lock, Date.now() - wait.waitingSince);
      }
      return { child };
    }
    wait = nextWait(wait);
    log.info('Waiting for a lock: another run of this workflow ID holds it', {
      lock: workflowId,
      retryInMs: wait.waitMs,
    });
    recordRefusal(lock);
  }
}

/** Returns the wait that begins now, after the lock was found taken. */
function nextWait(wait: LockWait | undefined): LockWait {
  const now = Date.now();
  if (wait === undefined) {
    return { waitingSince: now, waitedMs: 0, waitMs: FIRST_LOCK_WAIT_MS, retryAt: now + FIRST_LOCK_WAIT_MS };
  }
  const waitedMs = wait.waitedMs + wait.waitMs;
  const waitMs = nextLockWait(wait.waitMs, waitedMs);
  return { waitingSince: wait.waitingSince, waitedMs, waitMs, retryAt: now + waitMs };
}

/** Starts a child whose workflow ID is a lock. Returns null where another run holds it. */
export async function startUnlessLocked<A, R>(
  workflow: (request: A) => Promise<R>,
  workflowId: string,
  request: A,
  options: LockedChild<A>['options'],
): Promise<ChildWorkflowHandle<typeof workflow> | null> {
  try {
    return await startChild(workflow, {
      // A cancelled child ends between two writes. The default would terminate it during one when its parent closes.
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      ...options,
      workflowId,
      args: [request],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    });
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return null;
    throw error;
  }
}

async function sleepUnlessEnded(
  ms: number,
  cancellation: Cancellation | undefined,
  interruption: Interruption | undefined,
): Promise<void> {
  if (ms > 0) {
    const timer = sleep(ms);
    if (cancellation === undefined) return timer;
    await Promise.race([
      timer,
      cancellation.requested,
      ...(interruption === undefined ? [] : [interruption.requested]),
    ]);
  }
  if (cancellation !== undefined && cancellation.reason !== null) throw new CancelledFailure(cancellation.reason);
}
