import type { Decision, WriteRecord } from './report.js';

/** The types of failures of activities and runs: `ApplicationFailure.type`. Each has a row in {@link FAILURES}. */
export type FailureType =
  | 'Throttled'
  | 'ServiceUnavailable'
  | 'ForeignReply'
  | 'ConcurrentModification'
  | 'NotPropagated'
  | 'InvalidPrincipal'
  | 'AlreadyExists'
  | 'InvalidManifest'
  | 'InvalidInput'
  | 'InUse'
  | 'SecretStore'
  | 'QuotaExceeded'
  | 'AccessDenied'
  | 'CredentialsInvalid'
  | 'OrganizationAccess'
  | 'WrongAccount'
  | 'NotAllowed'
  | 'GuardrailsInvalid'
  | 'IssuerUnavailable'
  | 'Refused'
  | 'NotConverged'
  | 'TimedOut'
  | 'RunFailed'
  | 'RunRefused'
  | 'Unexpected';

/**
 * The reaction of the engine to a failure.
 *
 * - `retry`: try again with backoff.
 * - `until-propagated`: try again until IAM's replicas agree. This is expected.
 * - `conflict`: read the entity and decide again.
 * - `never`: a person has to change something first.
 */
export type RetryClass = 'retry' | 'until-propagated' | 'conflict' | 'never';

/** The delays between the attempts of an activity, in milliseconds. */
export const RETRY_DELAYS = { initialInterval: 500, backoffCoefficient: 2, maximumInterval: 20_000 } as const;

/** Reports whether the same call may be repeated with nothing but a pause: no read and no new decision comes first. */
export function isRetryable(retryClass: RetryClass): boolean {
  switch (retryClass) {
    case 'retry':
      return true;
    case 'until-propagated':
    case 'conflict':
    case 'never':
      return false;
  }
}

/** Exit codes of the command line. {@link gravestExitCode} chooses between several. */
export const ExitCode = {
  Converged: 0,
  Failed: 1,
  Pending: 2,
  Refused: 3,
  Busy: 4,
  Usage: 64,
  /** Stopped by SIGINT: 128 and the number of the signal, as shells count. */
  Interrupted: 130,
  /** Stopped by SIGTERM. */
  Terminated: 143,
} as const;
/** One of {@link ExitCode}. */
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

interface FailureRow {
  readonly retry: RetryClass;
  readonly exitCode: ExitCode;
  /** The next step for a person, as a sentence without its full stop. */
  readonly remedy: string;
}

/** The table of failures: the retry class, the exit code and the remedy of each. */
export const FAILURES: Readonly<Record<FailureType, FailureRow>> = {
  Throttled: {
    retry: 'retry',
    exitCode: ExitCode.Busy,
    remedy:
      'nothing to do: calls continue at the rate that AWS allows; if it lasts, find out who else calls IAM in this account',
  },
  ServiceUnavailable: {
    retry: 'retry',
    exitCode: ExitCode.Busy,
    remedy: 'nothing to do: the call is repeated; if it lasts, see the AWS Health Dashboard',
  },
  ForeignReply: {
    retry: 'retry',
    exitCode: ExitCode.Busy,
    remedy:
      "find out what answers in place of AWS: look at the worker's proxy and endpoint variables, and at firewalls and sign-in pages of its network; then apply again",
  },
  ConcurrentModification: {
    retry: 'retry',
    exitCode: ExitCode.Busy,
    remedy: 'nothing to do: the call is repeated; if it lasts, find out who else writes to the entity',
  },
  NotPropagated: {
    retry: 'until-propagated',
    exitCode: ExitCode.Busy,
    remedy:
      'make sure that what AWS names in the message exists and is right, and apply again; if it is, IAM has not shown it in time: see the AWS Health Dashboard',
  },
  InvalidPrincipal: {
    retry: 'until-propagated',
    exitCode: ExitCode.Failed,
    remedy:
      'create the principal first, or correct or remove it in the trust policy; a principal that may not exist yet can be trusted by its account (arn:aws:iam::ACCOUNT:root) with the condition ArnEquals on aws:PrincipalArn',
  },
  AlreadyExists: {
    retry: 'conflict',
    exitCode: ExitCode.Failed,
    remedy: 'nothing to do: the entity is read, and adopted or refused',
  },
  InvalidManifest: {
    retry: 'never',
    exitCode: ExitCode.Usage,
    remedy: 'fix the manifest at the position in the message',
  },
  InvalidInput: { retry: 'never', exitCode: ExitCode.Failed, remedy: 'fix the property that AWS names in the message' },
  SecretStore: {
    retry: 'never',
    exitCode: ExitCode.Failed,
    remedy: 'fix the location of the secret in the message, or give the worker access to it',
  },
  InUse: {
    retry: 'until-propagated',
    exitCode: ExitCode.Failed,
    remedy: 'detach it from what still uses it, which AWS names in the message, and apply again',
  },
  QuotaExceeded: {
    retry: 'never',
    exitCode: ExitCode.Failed,
    remedy: 'remove what is no longer used, or ask for a higher quota where Service Quotas can raise it',
  },
  AccessDenied: {
    retry: 'never',
    exitCode: ExitCode.Failed,
    remedy: "grant the action to the worker's role; `iam-bootstrap doctor` lists what is missing",
  },
  CredentialsInvalid: {
    retry: 'never',
    exitCode: ExitCode.Failed,
    remedy: "renew the worker's AWS credentials and apply again",
  },
  OrganizationAccess: {
    retry: 'never',
    exitCode: ExitCode.Refused,
    remedy:
      "apply it in the organization's management account, with all features and trusted access for IAM enabled: `aws organizations enable-aws-service-access --service-principal iam.amazonaws.com`",
  },
  WrongAccount: {
    retry: 'never',
    exitCode: ExitCode.Refused,
    remedy: "give the worker credentials of the declared account, or set the environment's assumeRole",
  },
  NotAllowed: {
    retry: 'never',
    exitCode: ExitCode.Refused,
    remedy:
      "declare what the worker's guardrails allow, or ask its operator to change them; `iam-bootstrap validate --guardrails FILE` checks it offline",
  },
  GuardrailsInvalid: {
    retry: 'retry',
    exitCode: ExitCode.Busy,
    remedy: "correct the worker's guardrails file: until then, nothing is written",
  },
  IssuerUnavailable: {
    retry: 'retry',
    exitCode: ExitCode.Busy,
    remedy:
      "nothing to do: the issuer is asked again; if it lasts, look at the URL in the worker's guardrails and at the proxies of its network",
  },
  Refused: { retry: 'never', exitCode: ExitCode.Refused, remedy: 'see the remedy of the entity' },
  NotConverged: {
    retry: 'never',
    exitCode: ExitCode.Failed,
    remedy: 'apply again; if the drift stays, something else writes to the entity',
  },
  TimedOut: {
    retry: 'never',
    exitCode: ExitCode.Failed,
    remedy:
      "look at the workers' memory and logs and at who else calls IAM in this account; then apply again, or declare fewer entities in one namespace",
  },
  RunFailed: { retry: 'never', exitCode: ExitCode.Failed, remedy: 'see the entities of the report that failed' },
  RunRefused: {
    retry: 'never',
    exitCode: ExitCode.Refused,
    remedy: 'see the entities of the report that were refused',
  },
  Unexpected: {
    retry: 'retry',
    exitCode: ExitCode.Failed,
    remedy:
      'report it with this message and the request ID in the issue tracker of iam-bootstrap; nothing was lost, and applying again is safe',
  },
};

/** Names of errors that JavaScript throws at a mistake in a program. */
export const PROGRAMMING_ERRORS: readonly string[] = ['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError'];

/** Returns the message for a programming error; null for any other error. System errors have a code. */
export function bugMessage(error: unknown): string | null {
  if (!(error instanceof Error) || !PROGRAMMING_ERRORS.includes(error.name) || 'code' in error) return null;
  return bugText(`${error.name}: ${error.message}`);
}

/** Returns the message for a programming error by its name and message. */
export function bugText(error: string): string {
  return `this is a bug in iam-bootstrap: ${error}`;
}

/** Reports whether text is one of our failure types. */
export function isFailureType(type: string | null | undefined): type is FailureType {
  return typeof type === 'string' && Object.hasOwn(FAILURES, type);
}

const GRAVITY: readonly ExitCode[] = [
  ExitCode.Terminated,
  ExitCode.Interrupted,
  ExitCode.Usage,
  ExitCode.Failed,
  ExitCode.Refused,
  ExitCode.Busy,
  ExitCode.Pending,
  ExitCode.Converged,
];

/** Returns the exit code for several results: 64 before 1, 3, 4 and 2; 0 only if all are 0. */
export function gravestExitCode(codes: readonly ExitCode[]): ExitCode {
  return GRAVITY.find((code) => codes.includes(code)) ?? ExitCode.Converged;
}

/** The progress of an activity over all its attempts, as an attempt that failed reports it. */
export type AttemptProgress = Pick<FailureDetails, 'calls' | 'writes' | 'remainingWrites' | 'decision'>;

/** The details of an activity's failure. They never contain a document or a secret. */
export interface FailureDetails {
  readonly operation: string | null;
  readonly code: string | null;
  readonly requestId: string | null;
  readonly calls: Readonly<Record<string, number>>;
  /** Writes that AWS carried out, or may have, before the failure. Default: none. */
  readonly writes?: readonly WriteRecord[];
  /** Writes that were due and that AWS has not confirmed, in words. Default: none. */
  readonly remainingWrites?: readonly string[];
  /** The next step for a person. Default: that of the type's row in {@link FAILURES}. */
  readonly remedy?: string;
  /** The last decision about the entity. Missing where none was made. */
  readonly decision?: Decision;
  /** The worker tells people what becomes of the run. Only where no plan could be made. */
  readonly notifies?: true;
}
