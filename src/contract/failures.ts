/** Situations in which a step or a run does not go on, as `ApplicationFailure.type`. One row each in {@link FAILURES}. */
export type FailureType =
  | 'Throttled'
  | 'ServiceUnavailable'
  | 'ConcurrentModification'
  | 'NotPropagated'
  | 'AlreadyExists'
  | 'InvalidManifest'
  | 'InvalidInput'
  | 'InUse'
  | 'SecretStore'
  | 'QuotaExceeded'
  | 'AccessDenied'
  | 'CredentialsInvalid'
  | 'WrongAccount'
  | 'Refused'
  | 'NotConverged'
  | 'RunFailed'
  | 'RunRefused'
  | 'Unexpected';

/**
 * What the engine does about it.
 * `retry`: again with backoff. `until-propagated`: again until IAM's replicas agree, no cause for alarm.
 * `conflict`: look and decide again. `never`: a person or another manifest has to change something.
 */
export type RetryClass = 'retry' | 'until-propagated' | 'conflict' | 'never';

/** Exit codes of the command line. The gravest wins, in the order {@link gravestExitCode} gives. */
export const ExitCode = {
  Converged: 0,
  Failed: 1,
  Pending: 2,
  Refused: 3,
  Busy: 4,
  Usage: 64,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

interface FailureRow {
  readonly retry: RetryClass;
  readonly exitCode: ExitCode;
  /** What a person can do, as a sentence without its full stop. */
  readonly remedy: string;
}

/** The one table of failures: how each is retried, how a command that meets it exits, and what to do. */
export const FAILURES: Readonly<Record<FailureType, FailureRow>> = {
  Throttled: {
    retry: 'retry',
    exitCode: ExitCode.Busy,
    remedy:
      'nothing: calls go on at the pace that AWS lets through; if it lasts, see who else calls IAM in this account',
  },
  ServiceUnavailable: {
    retry: 'retry',
    exitCode: ExitCode.Busy,
    remedy: 'nothing: the call is repeated; see the AWS health dashboard if it lasts',
  },
  ConcurrentModification: {
    retry: 'retry',
    exitCode: ExitCode.Busy,
    remedy: 'nothing: the call is repeated; find out who else writes to the entity if it lasts',
  },
  NotPropagated: {
    retry: 'until-propagated',
    exitCode: ExitCode.Busy,
    remedy: 'nothing: IAM is eventually consistent, and the call is repeated for two minutes',
  },
  AlreadyExists: {
    retry: 'conflict',
    exitCode: ExitCode.Failed,
    remedy: 'nothing: the entity is read, and adopted or refused',
  },
  InvalidManifest: { retry: 'never', exitCode: ExitCode.Usage, remedy: 'mend the manifest at the place that is named' },
  InvalidInput: {
    retry: 'never',
    exitCode: ExitCode.Failed,
    remedy: 'mend the property that AWS names in the message',
  },
  SecretStore: {
    retry: 'never',
    exitCode: ExitCode.Failed,
    remedy: 'mend the place of the secret that is named, or let the worker reach it',
  },
  InUse: {
    retry: 'until-propagated',
    exitCode: ExitCode.Failed,
    remedy: 'take it off what still holds it, which AWS names in the message, and apply again',
  },
  QuotaExceeded: {
    retry: 'never',
    exitCode: ExitCode.Failed,
    remedy: 'ask for a higher quota in Service Quotas, or remove what is no longer used',
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
  WrongAccount: {
    retry: 'never',
    exitCode: ExitCode.Refused,
    remedy: "give the worker credentials of the declared account, or set the environment's assumeRole",
  },
  Refused: { retry: 'never', exitCode: ExitCode.Refused, remedy: 'see the remedy of the entity' },
  NotConverged: {
    retry: 'never',
    exitCode: ExitCode.Failed,
    remedy: 'apply again; if the drift stays, something else writes to the entity',
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
    remedy: 'report it with the request ID; nothing was lost, and applying again is safe',
  },
};

/** Whether text names a row of {@link FAILURES}; failures of other origins do not. */
export function isFailureType(type: string | null | undefined): type is FailureType {
  return typeof type === 'string' && Object.hasOwn(FAILURES, type);
}

const GRAVITY: readonly ExitCode[] = [
  ExitCode.Usage,
  ExitCode.Failed,
  ExitCode.Refused,
  ExitCode.Busy,
  ExitCode.Pending,
  ExitCode.Converged,
];

/** The exit code of several results: 64, then 1, 3, 4, 2, and 0 only where all are 0. */
export function gravestExitCode(codes: readonly ExitCode[]): ExitCode {
  return GRAVITY.find((code) => codes.includes(code)) ?? ExitCode.Converged;
}

/** What an activity's failure carries in its details, beside type and message. Never a document or a secret. */
export interface FailureDetails {
  readonly operation: string | null;
  readonly code: string | null;
  readonly requestId: string | null;
  readonly calls: Readonly<Record<string, number>>;
}
