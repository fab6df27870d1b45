import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  type Duration,
  RetryState,
  TimeoutFailure,
  TimeoutType,
} from '@temporalio/common';
import { msToNumber } from '@temporalio/common/lib/time';
import type { Activities } from '../../../../src/contract/activities.js';
import type { Run } from './run.js';
import { currentCancellation, inAttempt } from './server.js';

/** Time in which an attempt learns by a heartbeat that it is cancelled, in milliseconds. */
const HEARTBEAT_MS = 1_500;

/** Options of an activity, as `proxyActivities` takes them. */
export interface ActivityOptions {
  readonly startToCloseTimeout?: Duration;
  readonly scheduleToCloseTimeout?: Duration;
  readonly heartbeatTimeout?: Duration;
  readonly retry?: {
    readonly initialInterval?: Duration;
    readonly backoffCoefficient?: number;
    readonly maximumInterval?: Duration;
    readonly maximumAttempts?: number;
    readonly nonRetryableErrorTypes?: readonly string[];
  };
}

/** The end of one attempt. */
type Ended =
  | { readonly is: 'completed'; readonly value: unknown }
  | { readonly is: 'failed'; readonly error: unknown }
  | { readonly is: 'timed out'; readonly type: TimeoutType };

/** One attempt of an activity, in a worker that may die. */
export class Attempt {
  readonly run: Run;
  readonly activity: string;
  readonly attempt: number;
  readonly scheduledAt: number;
  readonly beganAt: number;
  readonly heartbeatTimeoutMs: number;
  readonly startToCloseMs: number;
  /** Heartbeat details of the attempt before. */
  readonly inherited: unknown;
  /** Details that Temporal has. */
  confirmed: unknown;
  /** Details of the last heartbeat. The SDK holds them back for some seconds: they are lost where the worker dies. */
  latest: unknown;
  /** True where Temporal no longer takes anything from this attempt. */
  isOver = false;
  isCancelRequested = false;
  #cancellation: AbortController | undefined;
  /** Rejects what the attempt sleeps for. */
  readonly #sleepers = new Set<(reason: Error) => void>();
  /** The state of the account that each primary read of this attempt has shown, by entity; `*` is a bulk read. */
  readonly looks = new Map<string, number>();
  /** The entities that a stale read has shown in an earlier state. */
  readonly misled = new Set<string>();
  /** The state of the account at the time of each of these reads. */
  readonly lookedAt = new Map<string, number>();
  /** True once it has read anything. */
  hasRead = false;
  #end: (ended: Ended) => void = () => undefined;

  constructor(
    run: Run,
    given: Pick<
      Attempt,
      'activity' | 'attempt' | 'scheduledAt' | 'heartbeatTimeoutMs' | 'startToCloseMs' | 'inherited'
    >,
  ) {
    this.run = run;
    this.activity = given.activity;
    this.attempt = given.attempt;
    this.scheduledAt = given.scheduledAt;
    this.beganAt = run.server.scheduler.now;
    this.heartbeatTimeoutMs = given.heartbeatTimeoutMs;
    this.startToCloseMs = given.startToCloseMs;
    this.inherited = given.inherited;
    this.confirmed = given.inherited;
    this.latest = given.inherited;
  }

  /** Runs the code of the activity until it ends, or until Temporal no longer waits for it. */
  execute(given: readonly unknown[]): Promise<Ended> {
    const { activities, scheduler } = this.run.server;
    const code = activities?.[this.activity as keyof Activities] as
      ((...given: readonly unknown[]) => Promise<unknown>) | undefined;
    if (code === undefined) throw new Error(`no activity ${this.activity}`);
    const ended = new Promise<Ended>((resolve) => (this.#end = resolve));
    const stopTimer = scheduler.after(this.startToCloseMs, () => {
      this.#finish({ is: 'timed out', type: TimeoutType.START_TO_CLOSE });
    });
    inAttempt(this, () => code(...given)).then(
      (value) => {
        this.#finish({ is: 'completed', value: copy(value) });
      },
      (error: unknown) => {
        if (!this.isOver) this.confirmed = this.latest;
        this.#finish({ is: 'failed', error });
      },
    );
    return ended.finally(stopTimer);
  }

  /** Tells the code of the attempt that it is cancelled. Made at its first use: few attempts are. */
  get cancellation(): AbortController {
    return (this.#cancellation ??= new AbortController());
  }

  requestCancel(): void {
    this.isCancelRequested = true;
    this.run.server.scheduler.after(HEARTBEAT_MS, () => {
      if (this.isOver) return;
      const reason = new CancelledFailure('the activity is cancelled');
      this.cancellation.abort(reason);
      for (const reject of this.#sleepers) reject(reason);
    });
  }

  /** Waits; rejects where the attempt is cancelled. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#sleepers.add(reject);
      this.run.server.scheduler.after(ms, () => {
        this.#sleepers.delete(reject);
        resolve();
      });
    });
  }

  /** The worker dies, or is suspended for longer than Temporal waits for its heartbeats. */
  loseHeartbeats(): void {
    this.run.server.scheduler.after(this.heartbeatTimeoutMs, () => {
      this.#finish({ is: 'timed out', type: TimeoutType.HEARTBEAT });
    });
  }

  #finish(ended: Ended): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#end(ended);
  }
}

/** Runs an activity for workflow code: attempt after attempt, as the retry policy says. */
export async function runActivity(
  run: Run,
  activity: string,
  given: readonly unknown[],
  options: ActivityOptions,
): Promise<unknown> {
  const { scheduler } = run.server;
  const { retry = {} } = options;
  const scheduledAt = scheduler.now;
  const cancellation = currentCancellation();
  const isCancelled = (): boolean => cancellation?.isCancelRequested === true;
  if (isCancelled()) throw new CancelledFailure('the run is cancelled');
  let inherited: unknown;
  let interval = ms(retry.initialInterval, 1_000);
  for (let number = 1; ; number += 1) {
    const heartbeatTimeoutMs = ms(options.heartbeatTimeout, Infinity);
    const startToCloseMs = ms(options.startToCloseTimeout, Infinity);
    const limits = { heartbeatTimeoutMs, startToCloseMs };
    const attempt = new Attempt(run, { activity, attempt: number, scheduledAt, ...limits, inherited });
    cancellation?.cancelRequested.catch(() => {
      attempt.requestCancel();
    });
    const ended = await attempt.execute(given.map(copy));
    // The code of a closed run never goes on.
    if (isClosed(run)) return new Promise(() => undefined);
    if (ended.is === 'completed') return ended.value;
    inherited = copy(attempt.confirmed);
    const cause = causeOf(ended, inherited);
    const isFinal = cause instanceof ApplicationFailure && cause.nonRetryable === true;
    const isOfTypeNever =
      cause instanceof ApplicationFailure && retry.nonRetryableErrorTypes?.includes(cause.type ?? '');
    const isLate = scheduler.now - scheduledAt >= ms(options.scheduleToCloseTimeout, Infinity);
    if (isFinal || isOfTypeNever === true || isCancelled() || isLate || number >= (retry.maximumAttempts ?? Infinity)) {
      const state = isFinal ? RetryState.NON_RETRYABLE_FAILURE : RetryState.MAXIMUM_ATTEMPTS_REACHED;
      throw new ActivityFailure('Activity task failed', activity, String(number), state, undefined, cause);
    }
    const delay = cause instanceof ApplicationFailure ? cause.nextRetryDelay : undefined;
    // Temporal ends an activity at once that waits for its next attempt.
    await Promise.race([scheduler.sleep(ms(delay, interval)), cancellation?.cancelRequested ?? never]).catch(nothing);
    if (isCancelled() && run.isOpen) {
      const cancelled = new CancelledFailure('the activity is cancelled');
      throw new ActivityFailure(
        'Activity task failed',
        activity,
        String(number),
        RetryState.CANCEL_REQUESTED,
        undefined,
        cancelled,
      );
    }
    if (isClosed(run)) return new Promise(() => undefined);
    interval = Math.min(interval * (retry.backoffCoefficient ?? 2), ms(retry.maximumInterval, interval * 100));
  }
}

const never = new Promise<never>(() => undefined);
const nothing = (): undefined => undefined;

function isClosed(run: Run): boolean {
  return !run.isOpen;
}

function causeOf(ended: Exclude<Ended, { readonly is: 'completed' }>, details: unknown): Error {
  if (ended.is === 'timed out') return new TimeoutFailure('the attempt timed out', details, ended.type);
  const { error } = ended;
  if (error instanceof Error && /^(Application|Cancelled)Failure$/.test(error.name)) return error;
  return ApplicationFailure.retryable(error instanceof Error ? error.message : String(error), 'Error');
}

function ms(duration: Duration | null | undefined, unset: number): number {
  return duration === undefined || duration === null ? unset : msToNumber(duration);
}

/** Returns a value as Temporal hands it on: as JSON. */
function copy<T>(value: T): T {
  return value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T);
}
