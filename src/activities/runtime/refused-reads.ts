import { awsError, failureTypeOf } from '../../aws/errors.js';
import type { FailureType } from '../../contract/failures.js';

/** A read that AWS refused. */
export interface RefusedRead {
  /** `GetRole answered AccessDenied: …`. */
  readonly message: string;
}

/** The failures of a read that no repeat changes, and that concern this read only. */
const LASTING: readonly FailureType[] = ['AccessDenied', 'InvalidInput', 'Unexpected'];

/** Returns what a read returns, or the reason why AWS refused it. An error that passes is thrown, and repeated. */
export async function attempt<T>(read: () => Promise<T>): Promise<T | RefusedRead> {
  try {
    return await read();
  } catch (error) {
    const aws = awsError(error);
    if (aws.operation === null || !LASTING.includes(failureTypeOf(aws))) throw error;
    return { message: `${aws.operation} answered ${aws.code}: ${aws.message}` };
  }
}
