import { DefaultFailureConverter } from '@temporalio/common';

/**
 * The form of the failures of workflows. A workflow cannot read the configuration of its worker: a worker with encryption
 * replaces this text in its bundle (`src/temporal/encryption/workflow-code.ts`).
 */
const FAILURES = 'iam-bootstrap:readable-failures';

/** Moves messages and stack traces into a payload where the worker encrypts payloads. */
export const failureConverter = new DefaultFailureConverter({
  encodeCommonAttributes: FAILURES.endsWith(':encoded-failures'),
});
