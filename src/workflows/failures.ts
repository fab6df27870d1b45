import { ActivityFailure, ApplicationFailure, CancelledFailure, isCancellation } from '@temporalio/workflow';
import { bugMessage, isFailureType, type FailureDetails } from '../contract/failures.js';
import type { ReportedFailure } from '../report/build.js';

/** Describes what an activity failed with, or a bug in workflow code. Null for any other error. */
export function describeFailure(error: unknown): ReportedFailure | null {
  const failure = error instanceof ActivityFailure ? error.cause : error;
  const bug = bugMessage(failure);
  if (bug !== null) return { type: 'Unexpected', reason: bug, ...progressIn({}) };
  if (!(failure instanceof ApplicationFailure)) return null;
  const details = detailsOf(failure);
  const request = details.requestId == null ? '' : ` (request ${details.requestId})`;
  return {
    type: isFailureType(failure.type) ? failure.type : 'Unexpected',
    reason: `${failure.message}${request}`,
    ...progressIn(details),
  };
}

/** Describes an error of any origin. */
export function describeAnyError(error: unknown): ReportedFailure {
  const cause = error instanceof ActivityFailure ? (error.cause ?? error) : error;
  if (isCancellation(error)) {
    const reason = 'its run was cancelled before all of it was written';
    return { type: 'NotConverged', reason, ...progressIn(detailsOf(cause)) };
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return describeFailure(error) ?? { type: 'Unexpected', reason, ...progressIn({}) };
}

/** Returns the details that an activity adds to its failure. Temporal's own failures have others. */
function detailsOf(failure: unknown): Partial<FailureDetails> {
  const isOurs = failure instanceof ApplicationFailure || failure instanceof CancelledFailure;
  const [details] = (isOurs ? (failure.details ?? []) : []) as [unknown?];
  return typeof details === 'object' && details !== null ? details : {};
}

function progressIn({
  calls = {},
  writes = [],
  remainingWrites = [],
  decision,
}: Partial<FailureDetails>): Omit<ReportedFailure, 'type' | 'reason'> {
  return { calls, writes, remainingWrites, decision: decision ?? null };
}
