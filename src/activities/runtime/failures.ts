import { ApplicationFailure, ApplicationFailureCategory, CancelledFailure } from '@temporalio/common';
import { awsError, failureTypeOf, type AwsError } from '../../aws/errors.js';
import { faultOf } from '../../aws/faults.js';
import { WrongAccountError } from '../../aws/guard.js';
import { remedyOfLimit } from '../../aws/quotas.js';
import { SecretLocationError } from '../../aws/secret-store.js';
import { HIDDEN_WINDOW_MS, pauseAfter, PROPAGATION_WINDOW_MS } from '../../aws/propagation.js';
import { bugMessage, FAILURES, RETRY_DELAYS, type FailureDetails, type FailureType } from '../../contract/failures.js';
import { IssuerUnavailableError } from '../../identity/issuer-keys.js';
import type { Write } from '../../kinds/kind.js';
import { GuardrailsError } from './guardrails-file.js';
import { LeaseError } from './lease.js';

/** Attempts that a failure of class `retry` is repeated: about ten minutes at the pace of the retry policy. */
const MAX_ATTEMPTS = 40;

/** Attempts of an activity that fails by a bug: another worker may have another version. */
const MAX_BUG_ATTEMPTS = 3;

/** Attempts after which something that answers in place of AWS counts as permanent: about a minute and a half. */
const MAX_FOREIGN_REPLIES = 10;

/**
 * Delay before the next attempt where a write that AWS does not guard has an unclear answer. An earlier read would not
 * show what the write has done, and the next attempt would do it twice.
 */
const UNGUARDED_RETRY_DELAY_MS = 5_000;

/** Time for which an entity may still count as attached after it was detached from the last other one. */
const IN_USE_WINDOW_MS = 10_000;

/** Windows of failures that may pass sooner than IAM propagates. */
const WINDOWS_MS: Partial<Record<FailureType, number>> = {
  InUse: IN_USE_WINDOW_MS,
  InvalidPrincipal: HIDDEN_WINDOW_MS,
};

/** A call to AWS that failed, with the operation that was called. */
export class OperationError extends Error {
  override readonly name = 'OperationError';

  constructor(
    readonly operation: string,
    override readonly cause: unknown,
    /** The write that failed; undefined for a read. */
    readonly write?: Write,
    /** The consequence for the entity, for people. */
    readonly consequence?: string,
    /** The time in which the cause may still pass, from the start of the activity, and why. Default: by the failure's type. */
    readonly wait?: { readonly windowMs: number; readonly why: string },
  ) {
    super(`${operation} failed`);
  }

  /** Returns the error with its consequence. */
  explained(consequence: string): OperationError {
    return new OperationError(this.operation, this.cause, this.write, consequence, this.wait);
  }
}

/** Returns AWS's answer that an error carries, with the operation where it is known. */
export function awsAnswer(error: unknown): AwsError {
  if (!(error instanceof OperationError)) return awsError(error);
  const aws = awsError(error.cause);
  return { ...aws, operation: aws.operation ?? error.operation };
}

/** Returns the error of a read that does not show yet what was just created. The activity is repeated. */
export function notShownYet(): OperationError {
  return new OperationError('GetEntity', { Code: 'NoSuchEntity', message: 'just created and not shown yet' });
}

/** The attempt in which an activity fails. */
export interface FailedAttempt {
  readonly attempt: number;
  /** Time since the activity was first scheduled. */
  readonly elapsedMs: number;
  readonly calls: Readonly<Record<string, number>>;
}

/**
 * Translates an error into the failure by which Temporal retries or stops: type, message for people, and details with
 * the request ID. An error that is already a failure, or a cancellation, is returned unchanged.
 */
export function toFailure(error: unknown, { attempt, elapsedMs, calls }: FailedAttempt): Error {
  if (error instanceof Error && /^(Cancelled|Application)Failure$/.test(error.name)) return error;
  if (error instanceof SecretLocationError) return failure('SecretStore', error.message, { calls });
  if (error instanceof WrongAccountError) return failure('WrongAccount', error.message, { calls });
  if (error instanceof GuardrailsError) {
    const details: FailureDetails = { operation: null, code: null, requestId: null, calls, remedy: error.remedy };
    return ApplicationFailure.create({ message: error.message, type: 'GuardrailsInvalid', details: [details] });
  }
  if (error instanceof IssuerUnavailableError) {
    const nonRetryable = attempt >= MAX_ATTEMPTS;
    return ApplicationFailure.create({ message: error.message, type: 'IssuerUnavailable', nonRetryable });
  }
  if (error instanceof LeaseError) return ApplicationFailure.retryable(error.message, 'ServiceUnavailable');
  const bug = bugIn(error);
  if (bug === null) return failureOfAws(error, { attempt, elapsedMs, calls });
  const details: FailureDetails = { operation: awsAnswer(error).operation, code: null, requestId: null, calls };
  const nonRetryable = attempt >= MAX_BUG_ATTEMPTS;
  const cause = error instanceof Error ? { cause: error } : {};
  return ApplicationFailure.create({ message: bug, type: 'Unexpected', nonRetryable, details: [details], ...cause });
}

/** Returns the message for a bug. What the SDK throws while it reads a reply is none. */
function bugIn(error: unknown): string | null {
  const thrown: unknown = error instanceof OperationError ? error.cause : error;
  const isFromCall = thrown !== error || (thrown instanceof Error && 'operation' in thrown);
  return isFromCall && failureTypeOf(awsError(thrown)) !== 'Unexpected' ? null : bugMessage(thrown);
}

function failureOfAws(error: unknown, { attempt, elapsedMs, calls }: FailedAttempt): ApplicationFailure {
  const aws = awsAnswer(error);
  const { operation, code, requestId } = aws;
  const isUnguarded = error instanceof OperationError && error.write?.unguarded === true;
  const type = typeOf(error, aws);
  const details = { operation, code, requestId, calls, ...remedyFor(type, aws) };
  const { consequence, wait } = error instanceof OperationError ? error : {};
  const notes = [wait?.why, consequence].filter((note) => note !== undefined);
  const answer = `${operation ?? 'a read of the account'} answered ${code}: ${aws.message}`;
  const message = withNotes(answer, notes);
  const retryable = { message, type, details: [details] };

  switch (FAILURES[type].retry) {
    case 'until-propagated':
      return failureUntil(wait?.windowMs ?? windowOf(type), { ...retryable, message: answer }, notes, {
        attempt,
        elapsedMs,
      });
    case 'retry': {
      const delay = isUnguarded && aws.unclear ? { nextRetryDelay: UNGUARDED_RETRY_DELAY_MS } : {};
      return ApplicationFailure.create({ ...retryable, nonRetryable: attempt >= maxAttemptsOf(type), ...delay });
    }
    case 'conflict':
    case 'never':
      return failure(type, message, details);
  }
}

/** Returns the remedy that depends on AWS's answer. Default: that of the type. */
function remedyFor(type: FailureType, aws: AwsError): Pick<FailureDetails, 'remedy'> {
  const remedy = type === 'QuotaExceeded' ? remedyOfLimit(aws) : remedyOfUnsent(aws);
  return remedy === undefined ? {} : { remedy };
}

/** Returns the remedy for a call that the worker could not send. Undefined for others. */
function remedyOfUnsent(aws: AwsError): string | undefined {
  if (aws.code === 'CredentialsProviderError' && faultOf(aws) === 'credentials')
    return 'give the process that runs the worker AWS credentials, by AWS_PROFILE for example; `iam-bootstrap doctor` tells where it looks';
  if (aws.code === 'ECONNREFUSED')
    return 'nothing listens at the address that the worker has for AWS: correct AWS_ENDPOINT_URL, or unset it; `iam-bootstrap doctor` shows it';
  return undefined;
}

function windowOf(type: FailureType): number {
  return WINDOWS_MS[type] ?? PROPAGATION_WINDOW_MS;
}

/** Returns a failure that is retried until its window ends. Its message tells how long that is. */
function failureUntil(
  windowMs: number,
  {
    message,
    type,
    details,
  }: { readonly message: string; readonly type: FailureType; readonly details: FailureDetails[] },
  notes: readonly string[],
  { attempt, elapsedMs }: Pick<FailedAttempt, 'attempt' | 'elapsedMs'>,
): ApplicationFailure {
  const leftMs = windowMs - elapsedMs;
  if (leftMs <= 0) {
    const waited = windowMs === 0 ? [] : [`for ${String(Math.round(elapsedMs / 1000))} s`];
    return failure(type, withNotes(message, [...notes, ...waited]), details[0] ?? {});
  }
  return ApplicationFailure.create({
    type,
    details,
    message: withNotes(message, [...notes, `waiting for IAM, up to ${String(Math.ceil(leftMs / 1000))} s more`]),
    // The last attempt is made when the window ends.
    nextRetryDelay: Math.max(pauseAfter(1), Math.min(pauseAfter(attempt), Math.ceil(leftMs))),
    category: ApplicationFailureCategory.BENIGN,
  });
}

function withNotes(answer: string, notes: readonly string[]): string {
  return notes.length === 0 ? answer : `${answer} (${notes.join('; ')})`;
}

function maxAttemptsOf(type: FailureType): number {
  return type === 'ForeignReply' ? MAX_FOREIGN_REPLIES : MAX_ATTEMPTS;
}

/** Returns the type of a failed call. Where its write was made from an outdated read, the next attempt reads again. */
function typeOf(error: unknown, aws: AwsError): FailureType {
  const isOutdated = error instanceof OperationError && error.write?.isOutdated?.(aws) === true;
  return isOutdated ? 'ConcurrentModification' : failureTypeOf(aws);
}

/**
 * Ends an activity that has failed for as long as the run may be without progress; its last attempt is made when that time
 * is over. The type stays that of the last failure. Time in which no worker ran counts as well, but the attempt that
 * follows it may still succeed.
 */
export function withinTimeout(
  error: Error,
  { attempt, elapsedMs }: Pick<FailedAttempt, 'attempt' | 'elapsedMs'>,
  timeoutMs: number,
): Error {
  if (!(error instanceof ApplicationFailure) || error.nonRetryable === true) return error;
  const leftMs = timeoutMs - elapsedMs;
  if (leftMs > 0) {
    const { initialInterval, backoffCoefficient, maximumInterval } = RETRY_DELAYS;
    const policyDelay = Math.min(initialInterval * backoffCoefficient ** (attempt - 1), maximumInterval);
    const isLater = Number(error.nextRetryDelay ?? policyDelay) > leftMs;
    return isLater ? Object.assign(error, { nextRetryDelay: Math.ceil(leftMs) }) : error;
  }
  const message = `${error.message} (no progress for ${String(Math.round(elapsedMs / 1000))} s)`;
  return ApplicationFailure.create({
    message,
    type: error.type ?? 'Unexpected',
    details: error.details ?? [],
    nonRetryable: true,
  });
}

/** Adds the progress of an activity to its failure, or to its cancellation: the report of the entity names it. */
export function withProgress(error: Error, progress: Partial<FailureDetails>): Error {
  if (error instanceof CancelledFailure) return new CancelledFailure(error.message, [progress], error.cause);
  if (!(error instanceof ApplicationFailure)) return error;
  const [details] = (error.details ?? []) as [Partial<FailureDetails>?];
  return Object.assign(error, { details: [{ ...details, ...progress }] });
}

/** Returns a failure that Temporal does not retry. */
export function failure(type: FailureType, message: string, details: Partial<FailureDetails>): ApplicationFailure {
  const complete: FailureDetails = { operation: null, code: null, requestId: null, calls: {}, ...details };
  return ApplicationFailure.create({ message, type, nonRetryable: true, details: [complete] });
}
