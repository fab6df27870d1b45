import type { FailureType } from '../contract/failures.js';

/** An error reply of AWS, or an error of the network. It contains no secret and no document. */
export interface AwsError {
  /** The wire code without the SDK's `Exception` suffix: `EntityAlreadyExists`. For network errors, their code. */
  readonly code: string;
  readonly message: string;
  /** The operation that failed: `GetRole`. Null where it is not known. */
  readonly operation: string | null;
  readonly requestId: string | null;
  /** Null where no reply came. */
  readonly httpStatus: number | null;
  /** True where AWS may have executed the call anyway: no reply, an unreadable reply, or a server error. */
  readonly unclear: boolean;
}

interface SdkError {
  readonly name?: unknown;
  readonly Code?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly operation?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string };
  readonly $response?: { readonly headers?: Readonly<Record<string, string | undefined>> };
}

const REQUEST_TIMEOUT = 408;
const TOO_MANY_REQUESTS = 429;

/** Names of JavaScript errors. They come from a parser or a broken connection, never from a service. */
const NATIVE_ERRORS: ReadonlySet<string> = new Set(['Error', 'RangeError', 'SyntaxError', 'TypeError']);

/** Names that the SDK gives to an error reply without a code. */
const NAMES_WITHOUT_CODE: ReadonlySet<string> = new Set(['Unknown', 'UnknownError']);

/** Reads an error thrown by the AWS SDK. `error.Code` is AWS's own code; `error.name` may have a suffix of the SDK. */
export function awsError(error: unknown): AwsError {
  const thrown = (typeof error === 'object' && error !== null ? error : { message: String(error) }) as SdkError;
  const { httpStatusCode: httpStatus = null, requestId = null } = thrown.$metadata ?? {};
  const uncoded = replyWithoutCode(thrown);
  const given = [thrown.Code, thrown.code, uncoded?.code ?? thrown.name].find(isNonEmptyString);
  const code = (given ?? 'Unknown').replace(/Exception$/, '');
  return {
    code,
    message: [uncoded?.message, thrown.message].find(isNonEmptyString) ?? '',
    operation: isNonEmptyString(thrown.operation) ? thrown.operation : null,
    requestId,
    httpStatus,
    unclear:
      uncoded !== undefined || code === FOREIGN_REPLY || UNANSWERED.includes(code) || leavesOpen(thrown, httpStatus),
  };
}

/** Reports whether AWS may have executed a call, by the status of its reply; null where none came. */
function leavesOpen(error: SdkError, httpStatus: number | null): boolean {
  return httpStatus === null ? !isLocal(error) : httpStatus >= 500 || httpStatus === REQUEST_TIMEOUT;
}

/** The code of a reply that does not come from AWS: a redirect, or a refusal without a code of AWS. */
const FOREIGN_REPLY = 'ForeignReply';

/**
 * Describes a reply that has none of AWS's codes. A redirect or a refusal comes from a proxy, a firewall or a sign-in page:
 * AWS redirects no call of ours. Other replies were truncated: they have the HTTP status of AWS's reply, and none of its
 * content. The message quotes neither the reply nor a parser's message, which may have a secret. Undefined where AWS's
 * code is the name of the error.
 */
function replyWithoutCode({
  name,
  Code,
  $metadata,
  $response,
}: SdkError): Pick<AwsError, 'code' | 'message'> | undefined {
  const status = $metadata?.httpStatusCode;
  const isUnreadable = NATIVE_ERRORS.has(String(name));
  const hasCode = Code !== undefined || !(isUnreadable || NAMES_WITHOUT_CODE.has(String(name)));
  if (status === undefined || hasCode) return undefined;
  const { location = '', 'content-type': type = '' } = $response?.headers ?? {};
  // A truncated refusal of AWS is still XML or JSON.
  const isOfAws = isUnreadable && /^$|xml|json/.test(type);
  const isRefusal = Math.floor(status / 100) === 4;
  if (isRedirect(status) || (isRefusal && !isOfAws)) return foreignReply(status, location, type);
  return isUnreadable ? { code: 'UnreadableReply', message: 'the reply cannot be read' } : undefined;
}

/** Returns the error for a success that is no answer of AWS. AWS may have carried the call out. */
export function foreignReplyError(httpStatusCode: number, type: string): Error {
  const { code, message } = foreignReply(httpStatusCode, '', type);
  return Object.assign(new Error(message), { name: code, Code: code, $metadata: { httpStatusCode } });
}

function foreignReply(status: number, location: string, type: string): Pick<AwsError, 'code' | 'message'> {
  const target = URL.canParse(location) ? ` to ${new URL(location).origin}` : '';
  const what = isRedirect(status) ? `a redirect${target}` : type || 'no content type';
  return { code: FOREIGN_REPLY, message: `HTTP ${String(status)} with ${what}, which is no answer of AWS` };
}

function isRedirect(status: number): boolean {
  return status >= 300 && status < 400;
}

function isNonEmptyString(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** Reports an error from before anything was sent, so that AWS cannot have executed the call. */
function isLocal({ name, code }: SdkError): boolean {
  return (
    name === 'CredentialsProviderError' ||
    ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ProxyError'].includes(String(code))
  );
}

/** Codes of replies without an answer, although their status is 4xx: AWS may have executed the call. */
const UNANSWERED: readonly string[] = ['RequestTimeout', 'RequestAborted'];

/** AWS's codes by failure type, without the suffix `Exception`. The HTTP status does not decide: ten codes are 409. */
const CODES: Partial<Record<FailureType, readonly string[]>> = {
  AlreadyExists: ['EntityAlreadyExists', 'DuplicateCertificate', 'DuplicateSSHPublicKey'],
  ConcurrentModification: ['ConcurrentModification', 'EntityTemporarilyUnmodifiable'],
  InUse: ['DeleteConflict'],
  // A code of an MFA device is new every 30 seconds, and AWS takes none twice.
  NotPropagated: ['NoSuchEntity', 'InvalidAuthenticationCode'],
  Throttled: [
    ...['Throttling', 'Throttled', 'ThrottledRequest', 'RequestThrottled', 'RequestLimitExceeded', 'TooManyRequests'],
    'SlowDown',
  ],
  // A quota, although the SDK counts this code as throttling and retries it.
  QuotaExceeded: ['LimitExceeded'],
  ServiceUnavailable: ['ServiceFailure', 'InternalFailure', 'ServiceUnavailable', ...UNANSWERED],
  ForeignReply: [FOREIGN_REPLY],
  AccessDenied: ['AccessDenied', 'UnauthorizedOperation', 'NotAuthorized'],
  CredentialsInvalid: [
    ...['ExpiredToken', 'InvalidClientTokenId', 'UnrecognizedClient', 'RequestExpired'],
    ...['SignatureDoesNotMatch', 'IncompleteSignature', 'CredentialsProviderError'],
  ],
  OrganizationAccess: [
    ...['ServiceAccessNotEnabled', 'AccountNotManagementOrDelegatedAdministrator', 'CallerIsNotManagementAccount'],
    ...['OrganizationNotFound', 'OrganizationNotInAllFeaturesMode'],
  ],
  InvalidInput: [
    ...['MalformedPolicyDocument', 'InvalidInput', 'ValidationError', 'InvalidAction'],
    ...['UnmodifiableEntity', 'PolicyNotAttachable', 'PasswordPolicyViolation'],
  ],
  // Thrown by our own code before a call, so not a failure of the service.
  Unexpected: ['RangeError', 'ReferenceError', 'TypeError'],
};

/** Failure types by AWS's code, as {@link awsError} returns it. */
export const FAILURE_TYPES: Readonly<Record<string, FailureType>> = Object.fromEntries(
  Object.entries(CODES).flatMap(([type, codes]) => codes.map((code) => [code, type as FailureType])),
);

/** Classifies an AWS error. No other code does this. */
export function failureTypeOf(error: AwsError): FailureType {
  // It does not exist, or was just created, and the replica that checks the document does not know it yet.
  if (error.code === 'MalformedPolicyDocument' && error.message.includes('Invalid principal in policy')) {
    return 'InvalidPrincipal';
  }
  // AWS's own policies need no propagation: a missing one is misspelt, and waiting would not help.
  if (error.code === 'NoSuchEntity' && error.message.includes(':iam::aws:policy/')) return 'InvalidInput';
  const known = Object.hasOwn(FAILURE_TYPES, error.code) ? FAILURE_TYPES[error.code] : undefined;
  if (known !== undefined) return known;
  if (error.httpStatus === TOO_MANY_REQUESTS) return 'Throttled';
  if (error.unclear || error.httpStatus === null) return 'ServiceUnavailable';
  return error.httpStatus >= 400 && error.httpStatus < 500 ? 'InvalidInput' : 'Unexpected';
}

/** Reports that the credentials have expired, so that new ones may work. AWS did not execute the call. */
export function isExpired({ code }: AwsError): boolean {
  return ['ExpiredToken', 'InvalidClientTokenId', 'UnrecognizedClient'].includes(code);
}

/** Reports a 409 `EntityAlreadyExists`, with which AWS prevents duplicates of most kinds. */
export function isEntityAlreadyExists(error: AwsError): boolean {
  return error.code === 'EntityAlreadyExists';
}

/** Returns the result of a read, or `fallback` if it fails with one of these codes of AWS. */
export async function fallBackOn<T, F>(codes: readonly string[], fallback: F, read: () => Promise<T>): Promise<T | F> {
  try {
    return await read();
  } catch (error) {
    if (codes.includes(awsError(error).code)) return fallback;
    throw error;
  }
}

/** The codes for an operation that an endpoint does not know, or a feature that its partition does not have. */
export const UNSUPPORTED: ReadonlySet<string> = new Set(['InvalidAction', 'NotSupportedService', 'UnknownOperation']);

/** Reports that the endpoint does not know the operation, or does not have the feature. Repeating the call changes nothing. */
export function isUnsupported({ code }: Pick<AwsError, 'code'>): boolean {
  return UNSUPPORTED.has(code);
}

/** Returns the result of a read, or undefined if AWS denies it or the endpoint does not know it. */
export async function undefinedIfRefused<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await undefinedIfDenied(read);
  } catch (error) {
    if (isUnsupported(awsError(error))) return undefined;
    throw error;
  }
}

/** Returns the result of a read, or undefined if AWS denies it. */
export async function undefinedIfDenied<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (failureTypeOf(awsError(error)) === 'AccessDenied') return undefined;
    throw error;
  }
}

/** Makes an error in AWS's form for a failure that is not a reply: `DeleteConflict` of a deletion task. */
export function lateError(code: string, message: string): Error {
  return Object.assign(new Error(message), { name: code, Code: code, $metadata: { httpStatusCode: 409 } });
}
