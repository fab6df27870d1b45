import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow';
import { isFailureType, type FailureDetails } from '../contract/failures.js';
import type { ReportedFailure } from '../report/build.js';

/** Describes what an activity failed with. Any other error is a bug in workflow code: null. */
export function describeFailure(error: unknown): ReportedFailure | null {
  const failure = error instanceof ActivityFailure ? error.cause : error;
  if (!(failure instanceof ApplicationFailure)) return null;
  const [details] = (failure.details ?? []) as [FailureDetails?];
  const request = details?.requestId == null ? '' : ` (request ${details.requestId})`;
  return {
    type: isFailureType(failure.type) ? failure.type : 'Unexpected',
    reason: `${failure.message}${request}`,
    calls: details?.calls ?? {},
    writes: details?.writes ?? [],
  };
}

/** Describes an error of any origin. */
export function describeAnyError(error: unknown): ReportedFailure {
  const cause = error instanceof ActivityFailure ? (error.cause ?? error) : error;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return describeFailure(error) ?? { type: 'Unexpected', reason, calls: {}, writes: [] };
}
