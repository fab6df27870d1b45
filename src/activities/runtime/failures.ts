import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { awsError, failureTypeOf } from '../../aws/errors.js';
import { WrongAccountError } from '../../aws/guard.js';
import { SecretLocationError } from '../../aws/secrets.js';
import { pauseAfter, PROPAGATION_WINDOW_MS } from '../../aws/propagation.js';
import { FAILURES } from '../../contract/failures.js';
import type { FailureDetails, FailureType } from '../../contract/failures.js';
import type { Write } from '../../kinds/kind.js';
import { LeaseError } from './lease.js';

/** Attempts after which a `retry` failure is given up: about ten minutes at the retry policy's pace. */
const MAX_ATTEMPTS = 40;

/**
 * Pause before a write that AWS does not guard is looked for, after an unclear answer, in milliseconds: a read that is
 * too early shows nothing of it, and a second one would be made.
 */
const UNGUARDED_PAUSE_MS = 5_000;

/** What was just taken off its last holder may count as held for so long, in milliseconds. */
const IN_USE_WINDOW_MS = 10_000;

/** A call to AWS that failed, with the operation that it was. */
export class OperationError extends Error {
  override readonly name = 'OperationError';

  /** @param step - the write that it was, where it was one */
  constructor(
    readonly operation: string,
    override readonly cause: unknown,
    readonly step?: Write,
  ) {
    super(`${operation} failed`);
  }
}

/** What was just made, by a read that is behind: to be read again. */
export function notShownYet(): OperationError {
  return new OperationError('GetEntity', { Code: 'NoSuchEntity', message: 'just created and not shown yet' });
}

/** How far an activity has come when it fails. */
export interface Attempt {
  readonly attempt: number;
  /** Since the activity was first scheduled, in milliseconds. */
  readonly elapsedMs: number;
  readonly calls: Readonly<Record<string, number>>;
}

/**
 * Translates an error into the failure that Temporal retries or gives up by: type, message for people, details with
 * the request ID. Failures that are one already, and cancellation, pass.
 */
export function toFailure(error: unknown, { attempt, elapsedMs, calls }: Attempt): Error {
  if (error instanceof Error && (error.name === 'CancelledFailure' || error.name === 'ApplicationFailure'))
    return error;
  if (error instanceof SecretLocationError) return failure('SecretStore', error.message, { calls });
  if (error instanceof WrongAccountError) return failure('WrongAccount', error.message, { calls });
  if (error instanceof LeaseError) return ApplicationFailure.retryable(error.message, 'ServiceUnavailable');

  const aws = awsError(error instanceof OperationError ? error.cause : error);
  const operation = aws.operation ?? (error instanceof OperationError ? error.operation : null);
  const step = error instanceof OperationError ? error.step : undefined;
  const type = failureTypeOf(aws);
  const details = { operation, code: aws.code, requestId: aws.requestId, calls };
  const message = `${operation ?? 'a read of the account'} answered ${aws.code}: ${aws.message}`;

  switch (FAILURES[type].retry) {
    case 'until-propagated':
      if (elapsedMs >= (type === 'InUse' ? IN_USE_WINDOW_MS : PROPAGATION_WINDOW_MS)) {
        return failure(type, `${message} (for ${String(Math.round(elapsedMs / 1000))} s)`, details);
      }
      return ApplicationFailure.create({
        message,
        type,
        details: [details],
        nextRetryDelay: pauseAfter(attempt),
        category: ApplicationFailureCategory.BENIGN,
      });
    case 'retry':
      return ApplicationFailure.create({
        message,
        type,
        details: [details],
        nonRetryable: attempt >= MAX_ATTEMPTS,
        ...(step?.unguarded === true && aws.unclear ? { nextRetryDelay: UNGUARDED_PAUSE_MS } : {}),
      });
    case 'conflict':
    case 'never':
      return failure(type, message, details);
  }
}

/** A failure that no retry mends. */
export function failure(type: FailureType, message: string, details: Partial<FailureDetails>): ApplicationFailure {
  const whole: FailureDetails = { operation: null, code: null, requestId: null, calls: {}, ...details };
  return ApplicationFailure.create({ message, type, nonRetryable: true, details: [whole] });
}
