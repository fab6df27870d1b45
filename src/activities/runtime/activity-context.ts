import { createHash } from 'node:crypto';
import { activityInfo, heartbeat } from '@temporalio/activity';
import { callingAs, countingCalls } from '../../aws/clients.js';
import { runKey } from '../../contract/attribution.js';
import type { WriteRecord } from '../../contract/report.js';
import { toFailure } from './failures.js';
import { Lease } from './lease.js';

/** How often an activity tells Temporal that it lives, in milliseconds. */
const HEARTBEAT_MS = 1_500;

/** Clocks of AWS and of the worker may differ by so much, and AWS counts whole seconds. In milliseconds. */
export const CLOCK_TOLERANCE_MS = 2_000;

/** Calls to AWS by operation. */
export type Calls = Record<string, number>;

/** A write that was sent. Its request ID is null until AWS has answered, and stays so where the reply is lost. */
interface PendingWriteRecord extends WriteRecord {
  requestId: string | null;
  /** Tells the same write, sent again. */
  readonly digest: string;
}

/** What an activity has done, earlier attempts included. */
export interface ActivityContext {
  readonly calls: Calls;
  readonly sent: PendingWriteRecord[];
  /** Whether {@link sent} has all that earlier attempts have sent: one that died may have sent more. */
  readonly isComplete: boolean;
  /** Its right to write. */
  readonly lease: Pick<Lease, 'hold' | 'assertHeld'>;
}

/** What a heartbeat carries from one attempt to the next. */
interface HeartbeatDetails extends Pick<ActivityContext, 'calls' | 'sent' | 'isComplete'> {
  /** The attempt that has failed, and has said all that it did. */
  readonly ended?: number;
}

/**
 * Runs an activity's work with heartbeats and call counts, and translates what it throws.
 *
 * @param runId - the bootstrap run that the calls are made for. Default: the workflow that has called the activity
 */
export async function step<T>(run: (work: ActivityContext) => Promise<T>, runId?: string): Promise<T> {
  const info = activityInfo();
  const agent = runKey(runId ?? info.workflowExecution?.runId ?? '');
  const { attempt, scheduledTimestampMs } = info;
  const earlier = info.heartbeatDetails as HeartbeatDetails | undefined;
  const isComplete = attempt === 1 || (earlier?.isComplete === true && earlier.ended === attempt - 1);
  const lease = new Lease();
  const work: ActivityContext = { calls: { ...earlier?.calls }, sent: [...(earlier?.sent ?? [])], isComplete, lease };
  const beat = setInterval(() => {
    heartbeat(beatOf(work));
  }, HEARTBEAT_MS);
  try {
    return await callingAs(agent, () => countingCalls(work.calls, () => run(work)));
  } catch (error) {
    heartbeat({ ...beatOf(work), ended: attempt } satisfies HeartbeatDetails);
    throw toFailure(error, { attempt, elapsedMs: Date.now() - scheduledTimestampMs, calls: work.calls });
  } finally {
    clearInterval(beat);
  }
}

function beatOf({ calls, sent, isComplete }: ActivityContext): HeartbeatDetails {
  return { calls, sent, isComplete };
}

/**
 * Records that a write is about to be sent, before it is, so that whoever repeats it knows of it, and makes sure that
 * it is still this attempt's to send.
 *
 * @throws LeaseError
 */
export async function sending(
  work: ActivityContext,
  operation: string,
  input: unknown,
): Promise<{ answered(requestId: string | null): WriteRecord; forget(): void }> {
  const digest = createHash('sha256')
    .update(JSON.stringify([operation, input]))
    .digest('hex');
  const earlier = withdraw(work, digest);
  const write: PendingWriteRecord = { operation, requestId: null, at: new Date().toISOString(), digest };
  work.sent.push(write);
  // That this one was refused says nothing of an earlier one whose answer was lost.
  const forget = (): void => {
    withdraw(work, digest);
    if (earlier !== undefined) work.sent.push(earlier);
  };
  heartbeat(beatOf(work));
  try {
    await holdLease(work);
  } catch (error) {
    forget();
    throw error;
  }
  return {
    answered: (requestId) => {
      write.requestId = requestId;
      heartbeat(beatOf(work));
      return { operation, requestId, at: write.at };
    },
    forget,
  };
}

/**
 * Makes sure that the step is still this attempt's to do.
 *
 * @throws LeaseError
 */
export function holdLease(work: ActivityContext): Promise<void> {
  return work.lease.hold(beatOf(work));
}

/** Takes a write without an answer off the record, and gives it. */
function withdraw({ sent }: ActivityContext, digest: string): PendingWriteRecord | undefined {
  const index = sent.findIndex((write) => write.digest === digest && write.requestId === null);
  return index === -1 ? undefined : sent.splice(index, 1)[0];
}

/** The writes of all attempts, as far as they are known. */
export function writesOf({ sent }: ActivityContext): WriteRecord[] {
  return sent.map(({ operation, requestId, at }) => ({ operation, requestId, at }));
}
