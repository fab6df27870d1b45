import type { FailureType } from '../contract/failures.js';
import { type AwsError, awsError, FAILURE_TYPES, failureTypeOf, isUnsupported } from './errors.js';

/** Reads that are tried before many others of their kind. Where AWS refuses all of them, it refuses the others too. */
const FIRST_READS = 20;

/** A read that AWS refused. */
export interface RefusedRead {
  /** `GetRole answered AccessDenied: …`. */
  readonly message: string;
  /** The error of the SDK. */
  readonly error: unknown;
}

/** The failures of a read that no repeat changes, and that concern this read only. */
const LASTING: readonly FailureType[] = ['AccessDenied', 'InvalidInput', 'Unexpected'];

/** Reports whether an answer of AWS is about one read, and no repeat changes it. */
function isLasting(error: AwsError): boolean {
  // Without credentials of the account, every read fails.
  return error.operation !== null && error.operation !== 'AssumeRole' && LASTING.includes(failureTypeOf(error));
}

/** Reports whether AWS refuses a read. A run that writes does not count on an answer to last that it does not know. */
export function isRefusal(error: AwsError): boolean {
  const isKnown = Object.hasOwn(FAILURE_TYPES, error.code) || isUnsupported(error);
  return isKnown && isLasting(error) && failureTypeOf(error) !== 'Unexpected';
}

/**
 * Returns what a read returns, or the reason why AWS refused it. An error that passes is thrown, and repeated.
 *
 * @param read - sends one call or several
 * @param counts - tells which answers count as refusals. Default: all that no repeat changes
 */
export async function attempt<T>(
  read: () => Promise<T>,
  counts: (error: AwsError) => boolean = isLasting,
): Promise<T | RefusedRead> {
  try {
    return await read();
  } catch (error) {
    const aws = awsError(error);
    if (!counts(aws)) throw error;
    return { message: `${aws.operation ?? ''} answered ${aws.code}: ${aws.message}`, error };
  }
}

/**
 * Returns what {@link attempt} returns for each item, in their order. Where AWS refuses the first 20, the others are not
 * sent, and have the first refusal.
 */
export async function attemptEach<T, R>(
  items: readonly T[],
  read: (item: T) => Promise<R>,
  counts: (error: AwsError) => boolean = isLasting,
): Promise<readonly (R | RefusedRead)[]> {
  const attemptAll = (some: readonly T[]): Promise<(R | RefusedRead)[]> =>
    Promise.all(some.map((item) => attempt(() => read(item), counts)));
  const first = await attemptAll(items.slice(0, FIRST_READS));
  const rest = items.slice(FIRST_READS);
  const [refusal] = first;
  if (isRefused(refusal) && first.every(isRefused)) return [...first, ...rest.map(() => refusal)];
  return [...first, ...(await attemptAll(rest))];
}

/** Reports whether AWS refused a read. */
export function isRefused(result: unknown): result is RefusedRead {
  return typeof result === 'object' && result !== null && 'message' in result && 'error' in result;
}
