import { createHash } from 'node:crypto';
import { activityInfo, heartbeat, log } from '@temporalio/activity';
import { callingAs, countingCalls } from '../../aws/calls.js';
import { runKey } from '../../contract/attribution.js';
import type { WriteRecord } from '../../contract/report.js';
import { toFailure } from './failures.js';
import { Lease, LeaseError } from './lease.js';

/** Interval between two heartbeats of an activity. */
const HEARTBEAT_INTERVAL_MS = 1_500;

/** Number of calls to AWS, by operation. */
export type Calls = Record<string, number>;

/** A write that is about to be sent or was sent. Its request ID is null until AWS answers. */
interface SentWrite extends WriteRecord {
  requestId: string | null;
  /** Digest of operation and input. The same write, sent again, has the same one. */
  readonly digest: string;
}

/** State that the attempts of an activity share, and the right of this attempt to write. */
export interface ActivityContext {
  readonly calls: Calls;
  /** Writes of this attempt and of earlier ones. */
  readonly sent: SentWrite[];
  /** True where {@link sent} holds every write of earlier attempts. An attempt that died may have sent more. */
  readonly isComplete: boolean;
  readonly lease: Pick<Lease, 'hold' | 'assertHeld'>;
}

/** The details of a heartbeat, which Temporal hands to the next attempt. */
interface HeartbeatDetails extends Pick<ActivityContext, 'calls' | 'sent' | 'isComplete'> {
  /** Set by an attempt that failed, after it recorded all its writes. */
  readonly failedAttempt?: number;
}

/**
 * Runs the body of an activity with heartbeats and call counts, and translates its errors for Temporal.
 *
 * @param run - the body of the activity
 * @param runId - the bootstrap run that the calls are made for. Default: the workflow that called the activity
 */
export async function runActivity<T>(run: (context: ActivityContext) => Promise<T>, runId?: string): Promise<T> {
  const { attempt, scheduledTimestampMs, workflowExecution } = activityInfo();
  const context = contextOfAttempt();
  const agent = runKey(runId ?? workflowExecution?.runId ?? '');
  const timer = setInterval(() => {
    heartbeat(heartbeatDetails(context));
  }, HEARTBEAT_INTERVAL_MS);
  try {
    return await callingAs(agent, () => countingCalls(context.calls, () => run(context)));
  } catch (error) {
    if (error instanceof LeaseError) log.warn(error.message, { sent: writesSent(context) });
    heartbeat({ ...heartbeatDetails(context), failedAttempt: attempt } satisfies HeartbeatDetails);
    throw toFailure(error, { attempt, elapsedMs: Date.now() - scheduledTimestampMs, calls: context.calls });
  } finally {
    clearInterval(timer);
  }
}

/** Continues from the last heartbeat of the attempt before. */
function contextOfAttempt(): ActivityContext {
  const { attempt, ...info } = activityInfo();
  const earlier = info.heartbeatDetails as HeartbeatDetails | undefined;
  const isComplete = attempt === 1 || (earlier?.isComplete === true && earlier.failedAttempt === attempt - 1);
  return { calls: { ...earlier?.calls }, sent: [...(earlier?.sent ?? [])], isComplete, lease: new Lease() };
}

function heartbeatDetails({ calls, sent, isComplete }: ActivityContext): HeartbeatDetails {
  return { calls, sent, isComplete };
}

/** The record of a write that is being sent. */
interface RecordedWrite {
  /** Adds the request ID of AWS's answer. */
  confirm(requestId: string | null): void;
  /** Takes the record back, where AWS did not carry the write out. */
  discard(): void;
}

/**
 * Records a write before it is sent, so that the next attempt knows of it, and makes sure that this attempt may still
 * send it.
 *
 * @throws LeaseError
 */
export async function recordWrite(context: ActivityContext, operation: string, input: unknown): Promise<RecordedWrite> {
  const digest = createHash('sha256')
    .update(JSON.stringify([operation, input]))
    .digest('hex');
  const earlier = takeUnanswered(context, digest);
  const write: SentWrite = { operation, requestId: null, at: new Date().toISOString(), digest };
  context.sent.push(write);
  const discard = (): void => {
    takeUnanswered(context, digest);
    // A refusal of this write does not tell what became of an earlier one whose reply was lost.
    if (earlier !== undefined) context.sent.push(earlier);
  };
  heartbeat(heartbeatDetails(context));
  try {
    await holdLease(context);
  } catch (error) {
    discard();
    throw error;
  }
  return {
    confirm: (requestId) => {
      write.requestId = requestId;
      heartbeat(heartbeatDetails(context));
    },
    discard,
  };
}

/**
 * Makes sure that this attempt may still write.
 *
 * @throws LeaseError
 */
export function holdLease(context: ActivityContext): Promise<void> {
  return context.lease.hold(heartbeatDetails(context));
}

/** Removes the record of a write without an answer, and returns it. */
function takeUnanswered({ sent }: ActivityContext, digest: string): SentWrite | undefined {
  const index = sent.findIndex((write) => write.digest === digest && write.requestId === null);
  return index === -1 ? undefined : sent.splice(index, 1)[0];
}

/** Returns the writes of all attempts, as far as they are known. */
export function writesSent({ sent }: ActivityContext): WriteRecord[] {
  return sent.map(({ operation, requestId, at }) => ({ operation, requestId, at }));
}
