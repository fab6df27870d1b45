import type { FailureType } from '../contract/failures.js';

/** What AWS, or the way to it, answered instead of a result. Holds no secret and no document. */
export interface AwsError {
  /** The wire code without the SDK's `Exception` suffix: `EntityAlreadyExists`. A network error's code otherwise. */
  readonly code: string;
  readonly message: string;
  /** The call that failed, `GetRole`; null where it is not known. */
  readonly operation: string | null;
  readonly requestId: string | null;
  /** Null where no answer came. */
  readonly httpStatus: number | null;
  /** Whether AWS may have carried the call out all the same: no answer, an unreadable one, or a server error. */
  readonly unclear: boolean;
}

interface SdkError {
  readonly name?: unknown;
  readonly Code?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly operation?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string };
}

/** Names of errors that no service answers with: a parser's, or the network's in the middle of a reply. */
const NATIVE: ReadonlySet<string> = new Set(['Error', 'RangeError', 'SyntaxError', 'TypeError']);

/** Reads an error thrown by the AWS SDK. `error.Code` is AWS's word; `error.name` may carry a suffix of the SDK's. */
export function awsError(error: unknown): AwsError {
  const thrown = (typeof error === 'object' && error !== null ? error : { message: String(error) }) as SdkError;
  const httpStatus = thrown.$metadata?.httpStatusCode ?? null;
  // A reply that was cut on its way has the status of what AWS has said, and nothing else of it.
  const unreadable = httpStatus !== null && thrown.Code === undefined && NATIVE.has(String(thrown.name));
  const raw = [thrown.Code, thrown.code, unreadable ? 'UnreadableReply' : thrown.name].find(
    (word): word is string => typeof word === 'string' && word !== '',
  );
  return {
    code: (raw ?? 'Unknown').replace(/Exception$/, ''),
    // What a parser says of a reply quotes it, and it may hold a secret.
    message: unreadable ? 'the reply cannot be read' : typeof thrown.message === 'string' ? thrown.message : '',
    operation: typeof thrown.operation === 'string' && thrown.operation !== '' ? thrown.operation : null,
    requestId: thrown.$metadata?.requestId ?? null,
    httpStatus,
    unclear: unreadable || (httpStatus === null ? !isLocal(thrown) : httpStatus >= 500),
  };
}

/** Errors that arose before anything was sent: nothing can have been carried out. */
function isLocal(error: SdkError): boolean {
  return (
    error.name === 'CredentialsProviderError' ||
    error.code === 'ECONNREFUSED' ||
    error.code === 'ENOTFOUND' ||
    error.code === 'EAI_AGAIN'
  );
}

/** AWS's codes and the failures that they amount to. Ten of IAM's codes are HTTP 409, so the status says nothing. */
const TYPES: Readonly<Record<string, FailureType>> = {
  EntityAlreadyExists: 'AlreadyExists',
  DuplicateCertificate: 'AlreadyExists',
  DuplicateSSHPublicKey: 'AlreadyExists',
  ConcurrentModification: 'ConcurrentModification',
  EntityTemporarilyUnmodifiable: 'ConcurrentModification',
  DeleteConflict: 'InUse',
  NoSuchEntity: 'NotPropagated',
  Throttling: 'Throttled',
  ThrottlingException: 'Throttled',
  RequestLimitExceeded: 'Throttled',
  TooManyRequests: 'Throttled',
  SlowDown: 'Throttled',
  // A quota, whatever the SDK thinks: it lists this code among the throttles and repeats it.
  LimitExceeded: 'QuotaExceeded',
  ServiceFailure: 'ServiceUnavailable',
  InternalFailure: 'ServiceUnavailable',
  ServiceUnavailable: 'ServiceUnavailable',
  AccessDenied: 'AccessDenied',
  UnauthorizedOperation: 'AccessDenied',
  ExpiredToken: 'CredentialsInvalid',
  InvalidClientTokenId: 'CredentialsInvalid',
  UnrecognizedClient: 'CredentialsInvalid',
  SignatureDoesNotMatch: 'CredentialsInvalid',
  IncompleteSignature: 'CredentialsInvalid',
  CredentialsProviderError: 'CredentialsInvalid',
  RequestExpired: 'CredentialsInvalid',
  MalformedPolicyDocument: 'InvalidInput',
  InvalidInput: 'InvalidInput',
  ValidationError: 'InvalidInput',
  InvalidAction: 'InvalidInput',
  UnmodifiableEntity: 'InvalidInput',
  PolicyNotAttachable: 'InvalidInput',
  PasswordPolicyViolation: 'InvalidInput',
  // Thrown by our own code, before any call: no trouble of the service.
  RangeError: 'Unexpected',
  ReferenceError: 'Unexpected',
  TypeError: 'Unexpected',
};

/** The one place where AWS's errors are classified. */
export function failureTypeOf(error: AwsError): FailureType {
  // A role or user that was just created is no principal yet in the eyes of the replica that checks the document.
  if (error.code === 'MalformedPolicyDocument' && error.message.includes('Invalid principal in policy')) {
    return 'NotPropagated';
  }
  // AWS's own policies are everywhere at once: one that is not there is misspelt, and waiting is no use.
  if (error.code === 'NoSuchEntity' && error.message.includes(':iam::aws:policy/')) return 'InvalidInput';
  const known = Object.hasOwn(TYPES, error.code) ? TYPES[error.code] : undefined;
  if (known !== undefined) return known;
  if (error.unclear || error.httpStatus === null) return 'ServiceUnavailable';
  return error.httpStatus >= 400 && error.httpStatus < 500 ? 'InvalidInput' : 'Unexpected';
}

/** Whether AWS says that the credentials are no good any more: others, fetched anew, may be. Nothing was carried out. */
export function isExpired({ code }: AwsError): boolean {
  return ['ExpiredToken', 'InvalidClientTokenId', 'UnrecognizedClient'].includes(code);
}

/** Whether the error is 409 `EntityAlreadyExists`, which guards most kinds. */
export function isEntityAlreadyExists(error: AwsError): boolean {
  return error.code === 'EntityAlreadyExists';
}

/** An error as AWS would answer it, for what it says later and not in a reply: `DeleteConflict` of a deletion task. */
export function lateError(code: string, message: string): Error {
  return Object.assign(new Error(message), { name: code, Code: code, $metadata: { httpStatusCode: 409 } });
}
