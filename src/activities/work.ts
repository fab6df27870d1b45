import { createHash } from 'node:crypto';
import { activityInfo, heartbeat } from '@temporalio/activity';
import { countingCalls } from '../aws/clients.js';
import type { Write } from '../contract/report.js';
import { toFailure } from './failures.js';

/** How often an activity tells Temporal that it lives, in milliseconds. */
const HEARTBEAT_MS = 1_500;

/** Clocks of AWS and of the worker may differ by so much, and AWS counts whole seconds. In milliseconds. */
export const CLOCK_TOLERANCE_MS = 2_000;

/** Calls to AWS by operation. */
export type Calls = Record<string, number>;

/** A write that was sent. Its request ID is null until AWS has answered, and stays so where the reply is lost. */
interface SentWrite extends Write {
  requestId: string | null;
  /** Tells the same write, sent again. */
  readonly digest: string;
}

/** What an activity has done, earlier attempts included: heartbeats carry it from one to the next. */
export interface Work {
  readonly calls: Calls;
  readonly sent: SentWrite[];
  /** Whether {@link sent} has all that earlier attempts have sent: one that died may have sent more. */
  readonly whole: boolean;
}

/** What a heartbeat carries. */
interface Beat extends Work {
  /** The attempt that has failed, and has said all that it did. */
  readonly ended?: number;
}

/** Runs an activity's work with heartbeats and call counts, and translates what it throws. */
export async function step<T>(run: (work: Work) => Promise<T>): Promise<T> {
  const info = activityInfo();
  const { attempt, scheduledTimestampMs } = info;
  const earlier = info.heartbeatDetails as Beat | undefined;
  const whole = attempt === 1 || (earlier?.whole === true && earlier.ended === attempt - 1);
  const work: Work = { calls: { ...earlier?.calls }, sent: [...(earlier?.sent ?? [])], whole };
  const beat = setInterval(() => {
    heartbeat(work);
  }, HEARTBEAT_MS);
  try {
    return await countingCalls(work.calls, () => run(work));
  } catch (error) {
    heartbeat({ ...work, ended: attempt } satisfies Beat);
    throw toFailure(error, { attempt, elapsedMs: Date.now() - scheduledTimestampMs, calls: work.calls });
  } finally {
    clearInterval(beat);
  }
}

/** Records that a write is about to be sent, before it is: whoever repeats it knows of it. */
export function sending(
  work: Work,
  operation: string,
  input: unknown,
): { answered(requestId: string | null): Write; forget(): void } {
  const digest = createHash('sha256')
    .update(JSON.stringify([operation, input]))
    .digest('hex');
  forget(work, digest);
  const write: SentWrite = { operation, requestId: null, at: new Date().toISOString(), digest };
  work.sent.push(write);
  heartbeat(work);
  return {
    answered: (requestId) => {
      write.requestId = requestId;
      heartbeat(work);
      return { operation, requestId, at: write.at };
    },
    forget: () => {
      forget(work, digest);
    },
  };
}

/** Takes back that a write was sent: AWS has refused it, or it is about to be sent again. */
function forget({ sent }: Work, digest: string): void {
  const index = sent.findIndex((write) => write.digest === digest && write.requestId === null);
  if (index !== -1) sent.splice(index, 1);
}

/** The writes of all attempts, as far as they are known. */
export function writesOf({ sent }: Work): Write[] {
  return sent.map(({ operation, requestId, at }) => ({ operation, requestId, at }));
}
