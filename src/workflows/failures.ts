import { ActivityFailure, ApplicationFailure, CancelledFailure, isCancellation } from '@temporalio/workflow';
import { bugMessage, FAILURES, isFailureType } from '../contract/failures.js';
import type { AttemptProgress, FailureDetails, FailureType } from '../contract/failures.js';
import type { Json } from '../contract/entity.js';
import type { Decision, Drift, WriteRecord } from '../contract/report.js';
import type { ReportedFailure } from '../report/build.js';

/**
 * The option by which a workflow fails at any error of its code. By default Temporal repeats a workflow task until a new
 * version succeeds, and the run keeps its lock meanwhile. The next run finds what was written.
 */
export const FAIL_ON_ANY_ERROR = { failureExceptionTypes: [Error] };

/** Describes what an activity failed with, or a bug in workflow code. Null for any other error. */
export function describeFailure(error: unknown): ReportedFailure | null {
  const failure = error instanceof ActivityFailure ? error.cause : error;
  const bug = bugMessage(failure);
  if (bug !== null) return failureOf('Unexpected', bug, {});
  if (!(failure instanceof ApplicationFailure)) return null;
  const details = detailsOf(failure);
  const request = details.requestId == null ? '' : ` (request ${details.requestId})`;
  const type = isFailureType(failure.type) ? failure.type : 'Unexpected';
  return failureOf(type, `${failure.message}${request}`, details);
}

/**
 * Describes an error of any origin.
 *
 * @param error - thrown by an activity or by workflow code
 * @param lastAttempt - what the last failed attempt of the activity has reported. Temporal's own errors carry nothing
 */
export function describeAnyError(error: unknown, lastAttempt?: unknown): ReportedFailure {
  const cause = error instanceof ActivityFailure ? (error.cause ?? error) : error;
  const details = detailsOf(cause);
  const reason = cause instanceof Error ? cause.message : String(cause);
  const progress = details.calls === undefined ? attemptProgress(lastAttempt) : details;
  const described = describeFailure(error) ?? failureOf('Unexpected', reason, {});
  const { calls = {}, writes = [], remainingWrites = [], decision = null } = progress;
  return { ...described, calls, writes, remainingWrites, decision };
}

/** Reports whether the activity that failed is of a worker that tells people. */
export function isOfNotifyingWorker(error: unknown): boolean {
  return detailsOf(error instanceof ActivityFailure ? error.cause : error).notifies === true;
}

/** Reports whether an error is the end of a cancelled activity. One that was to be tried again keeps its failure. */
export function wasCancelled(error: unknown): boolean {
  return isCancellation(error) || (error instanceof ActivityFailure && error.retryState === 'CANCEL_REQUESTED');
}

/** Returns what an attempt has reported, as far as it is well-formed. */
export function attemptProgress(reported: unknown): Partial<AttemptProgress> {
  if (typeof reported !== 'object' || reported === null) return {};
  const { calls, writes, remainingWrites, decision } = reported as Partial<Record<keyof AttemptProgress, unknown>>;
  return {
    ...(isRecord(calls) ? { calls: calls as AttemptProgress['calls'] } : {}),
    ...(Array.isArray(writes) ? { writes: writes.filter(isRecord).map(writeOf) } : {}),
    ...(Array.isArray(remainingWrites) ? { remainingWrites: remainingWrites.map(textOf) } : {}),
    ...(isDecision(decision) ? { decision: withSoundLines(decision) } : {}),
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isDecision(value: unknown): value is Decision {
  return isRecord(value) && Array.isArray(value['drift']) && Array.isArray(value['unmanaged']);
}

/** Returns any value as text. `String` throws for an object with a field `toString`. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

function writeOf({ operation, requestId, at }: Readonly<Record<string, unknown>>): WriteRecord {
  return {
    operation: textOf(operation),
    requestId: requestId == null ? null : textOf(requestId),
    at: textOf(at),
  };
}

function withSoundLines(decision: Decision): Decision {
  const drift = (decision.drift as readonly unknown[])
    .filter(isRecord)
    .map(({ path, observed, desired, summary, immutable }): Drift => ({
      path: textOf(path),
      observed: (observed ?? null) as Json,
      desired: (desired ?? null) as Json,
      ...(typeof summary === 'string' ? { summary } : {}),
      ...(typeof immutable === 'boolean' ? { immutable } : {}),
    }));
  return { ...decision, drift, unmanaged: decision.unmanaged.map(textOf) };
}

/** Returns the details that an activity adds to its failure. Temporal's own failures have others. */
function detailsOf(failure: unknown): Partial<FailureDetails> {
  const isOurs = failure instanceof ApplicationFailure || failure instanceof CancelledFailure;
  const [details] = (isOurs ? (failure.details ?? []) : []) as [unknown?];
  return typeof details === 'object' && details !== null ? details : {};
}

function failureOf(
  type: FailureType,
  reason: string,
  { remedy = FAILURES[type].remedy, calls = {}, writes = [], remainingWrites = [], decision }: Partial<FailureDetails>,
): ReportedFailure {
  return { type, reason, remedy, calls, writes, remainingWrites, decision: decision ?? null };
}
