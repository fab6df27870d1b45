import { createHash } from 'node:crypto';
import {
  activityInfo,
  CancelledFailure,
  cancellationDetails,
  cancellationSignal,
  heartbeat,
  log,
} from '@temporalio/activity';
import { abortingOn, callingAs, countingCalls } from '../../aws/calls.js';
import { runKey } from '../../contract/attribution.js';
import type { AttemptProgress } from '../../contract/failures.js';
import { DEFAULT_TIMEOUT_MS } from '../../contract/request.js';
import type { Decision, WriteRecord } from '../../contract/report.js';
import { truncateToFit } from '../../report/build.js';
import { NO_WRITES, type WriteGuard } from './write-guard.js';
import { failure, toFailure, withinTimeout, withProgress } from './failures.js';
import { assertInWorkflow } from './launches.js';
import { Lease, LeaseError, type LeaseToWrite } from './lease.js';
import { isRepeated, reportAttempt } from './report-attempt.js';

/** Interval between two heartbeats of an activity. */
const HEARTBEAT_INTERVAL_MS = 1_500;

/** Attempts in a row that ran into the limit of their time, after which an activity fails. */
const MAX_TIMED_OUT_ATTEMPTS = 3;

/** Attempts in a row that ended without a report, after which an activity fails: it may be what kills its workers. */
const MAX_LOST_ATTEMPTS = 20;

/** Time by which the last heartbeat that Temporal kept may lag behind the end of an attempt, in milliseconds. */
const HEARTBEAT_LAG_MS = 15_000;

/** Characters of a decision that each heartbeat may carry. */
const MAX_DECISION_CHARACTERS = 20_000;

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
  readonly lease: LeaseToWrite;
  readonly lost: LostAttempts;
  /** Identifies the writes that the workflow knows of already. */
  reported: string;
  /** The progress of the last attempt that came to a decision. A failure reports it. */
  progress: Progress;
  /**
   * The time by AWS's clock before the activity sent its first write, in milliseconds since 1970. Null where AWS has
   * shown no date, or where the activity does not ask.
   */
  awsStartedAt: number | null;
  /** Checks writes against the worker's guardrails. */
  guard: WriteGuard;
  /** ARNs of principals that the run makes, for which a refused trust policy is repeated. Default: none. */
  newPrincipals?: readonly string[];
  /** The start of this attempt, by the clock of `performance`. */
  readonly startedAt: number;
}

/** The decision of an activity, and the writes of it that are left. */
interface Progress {
  /** Null before the decision. */
  readonly decision: Decision | null;
  /** Writes that AWS has not confirmed, in words. */
  readonly remaining: readonly string[];
}

/** Attempts in a row before this one that reported neither a result nor a failure. */
interface LostAttempts {
  readonly count: number;
  /** Those of them that Temporal ended because they took longer than an attempt may take. */
  readonly timedOut: number;
}

/** The details of a heartbeat, which Temporal hands to the next attempt. */
interface HeartbeatDetails extends Pick<
  ActivityContext,
  'calls' | 'sent' | 'isComplete' | 'awsStartedAt' | 'progress' | 'reported'
> {
  /** Set by an attempt that failed, after it recorded all its writes. */
  readonly failedAttempt?: number;
  readonly lost: LostAttempts;
  /** Time from the start of the attempt to this heartbeat. */
  readonly elapsedMs: number;
}

/** The run that an activity works for. */
export interface RunOptions {
  /** The bootstrap run that the calls are made for. Default: the workflow that called the activity. */
  readonly runId?: string;
  /** See `BootstrapRequest.timeoutMs`. */
  readonly timeoutMs?: number;
}

/**
 * Runs the body of an activity with heartbeats and call counts, and translates its errors for Temporal.
 *
 * @param run - the body of the activity
 */
export async function runActivity<T>(
  run: (context: ActivityContext) => Promise<T>,
  { runId, timeoutMs = DEFAULT_TIMEOUT_MS }: RunOptions = {},
): Promise<T> {
  const { attempt, scheduledTimestampMs, currentAttemptScheduledTimestampMs, workflowExecution } = activityInfo();
  const context = contextOfAttempt();
  const agent = runKey(runId ?? workflowExecution?.runId ?? '');
  const beat = (): void => {
    heartbeat(heartbeatDetails(context));
  };
  const timer = setInterval(beat, HEARTBEAT_INTERVAL_MS);
  try {
    assertInWorkflow();
    assertMayTry(context.lost);
    if (context.lost.count > 0) beat();
    const counted = (): Promise<T> => countingCalls(context.calls, () => run(context));
    return await callingAs(agent, () => abortingOn(cancellationSignal(), counted));
  } catch (error) {
    if (error instanceof LeaseError) log.warn(error.message, { sent: writesSent(context) });
    // Both dates are Temporal's, whose clock may differ from the worker's.
    const elapsedMs = currentAttemptScheduledTimestampMs - scheduledTimestampMs + performance.now() - context.startedAt;
    const failedAttempt = { attempt, elapsedMs, calls: context.calls };
    const failed = withinTimeout(toFailure(error, failedAttempt), failedAttempt, timeoutMs);
    const progress = { calls: context.calls, ...progressOf(context) };
    if (isRepeated(failed)) await reportAttempt(context, progress);
    heartbeat({ ...heartbeatDetails(context), failedAttempt: attempt } satisfies HeartbeatDetails);
    throw withProgress(failed, progress);
  } finally {
    clearInterval(timer);
  }
}

/** Returns the writes and the decision of an activity that ends without a result. */
function progressOf(context: ActivityContext): Omit<AttemptProgress, 'calls'> {
  const { decision, remaining } = context.progress;
  const writes = writesSent(context);
  return {
    ...(writes.length === 0 ? {} : { writes }),
    ...(remaining.length === 0 ? {} : { remainingWrites: remaining }),
    ...(decision === null ? {} : { decision }),
  };
}

/** Records the decision of an activity, for the report where it fails. Long lists are cut. */
export function recordDecision(context: ActivityContext, decision: Decision): void {
  const [decided = decision] = truncateToFit([decision], MAX_DECISION_CHARACTERS);
  context.progress = { decision: decided, remaining: [] };
}

/** The details that the first attempt starts with. A heartbeat of an older version may lack some. */
const NOTHING_DONE: Pick<HeartbeatDetails, 'calls' | 'sent' | 'awsStartedAt' | 'reported' | 'progress'> = {
  calls: {},
  sent: [],
  awsStartedAt: null,
  reported: '',
  progress: { decision: null, remaining: [] },
};

/** Continues from the last heartbeat of the attempt before. */
function contextOfAttempt(): ActivityContext {
  const { attempt, ...info } = activityInfo();
  const earlier = info.heartbeatDetails as HeartbeatDetails | undefined;
  const hasReported = earlier?.failedAttempt === attempt - 1;
  const isComplete = attempt === 1 || (earlier?.isComplete === true && hasReported);
  const { calls, sent, awsStartedAt, reported, progress } = { ...NOTHING_DONE, ...earlier };
  return {
    calls: { ...calls },
    sent: [...sent],
    isComplete,
    lease: new Lease(),
    guard: NO_WRITES,
    awsStartedAt,
    reported,
    progress,
    lost: attempt === 1 || hasReported ? NO_LOST_ATTEMPTS : countLostAttempts(earlier),
    startedAt: performance.now(),
  };
}

const NO_LOST_ATTEMPTS: LostAttempts = { count: 0, timedOut: 0 };

/** Adds the attempt before, which has not reported its end. Without a heartbeat it is not known how long it took. */
function countLostAttempts(earlier: HeartbeatDetails | undefined): LostAttempts {
  const { lost = NO_LOST_ATTEMPTS, elapsedMs = 0 } = earlier ?? {};
  const hasTimedOut = elapsedMs >= activityInfo().startToCloseTimeoutMs - HEARTBEAT_LAG_MS;
  return { count: lost.count + 1, timedOut: hasTimedOut ? lost.timedOut + 1 : 0 };
}

/** Ends what Temporal would repeat for ever: no attempt has had enough time, or no worker has survived it. */
function assertMayTry({ count, timedOut }: LostAttempts): void {
  const minutes = String(activityInfo().startToCloseTimeoutMs / 60_000);
  if (timedOut >= MAX_TIMED_OUT_ATTEMPTS) {
    throw failure('TimedOut', `${String(timedOut)} attempts in a row took longer than ${minutes} minutes`, {});
  }
  if (count < MAX_LOST_ATTEMPTS) return;
  throw failure('TimedOut', `${String(count)} attempts in a row ended without a report: their workers died`, {});
}

function heartbeatDetails(context: ActivityContext): HeartbeatDetails {
  const { calls, sent, isComplete, lost, awsStartedAt, progress, reported, startedAt } = context;
  return { calls, sent, isComplete, lost, awsStartedAt, progress, reported, elapsedMs: performance.now() - startedAt };
}

/** The record of a write that is being sent. */
interface RecordedWrite {
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

/**
 * Makes sure that this attempt may still complete its last write, as by storing the secret that AWS has revealed. That the
 * run was cancelled does not prevent it: no other attempt follows.
 *
 * @throws LeaseError
 */
export async function holdLeaseToComplete(context: ActivityContext): Promise<void> {
  try {
    await holdLease(context);
  } catch (error) {
    if (!isCancelRequested(error)) throw error;
  }
}

/** Reports whether an attempt may not go on because its run was cancelled, and for no other reason. */
export function isCancelRequested(error: unknown): boolean {
  if (error instanceof LeaseError) return error.isCancelled;
  return error instanceof CancelledFailure && cancellationDetails()?.cancelRequested === true;
}

/**
 * Removes the record of a write without an answer, and returns it, where the same write comes next. Where another one
 * came in between, both were sent: what the first had created was removed, and is created again.
 */
function takeUnanswered({ sent }: ActivityContext, digest: string): SentWrite | undefined {
  const last = sent.at(-1);
  return last?.digest === digest && last.requestId === null ? sent.pop() : undefined;
}

/** Returns the writes of all attempts, as far as they are known. */
export function writesSent({ sent }: ActivityContext): WriteRecord[] {
  return sent.map(({ operation, requestId, at }) => ({ operation, requestId, at }));
}
