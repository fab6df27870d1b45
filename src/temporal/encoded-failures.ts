import { DefaultFailureConverter } from '@temporalio/common';

/**
 * The failure converter of workers with encryption, which the SDK loads by the path of this file. It moves messages and
 * stack traces into a payload, so that they are encrypted like any other.
 */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
