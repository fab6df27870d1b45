import { awsError, failureTypeOf, isUnsupported, type AwsError } from '../../aws/errors.js';
import type { RefusedRead } from '../../aws/refused-reads.js';
import type { Target } from '../../contract/entity.js';
import { FAILURES } from '../../contract/failures.js';
import type { Decision, RefusedCall } from '../../contract/report.js';
import { deniedAction } from '../../report/refused-read.js';

/** Characters of AWS's message that are reported: it may quote a policy. */
const MAX_MESSAGE = 500;

/** A decision about an entity that could not be read. */
export type UnreadDecision = Decision & { readonly unread: RefusedCall };

/** Returns the decision about an entity that AWS refused to show: nothing of it is known, and nothing is written. */
export function unreadDecision(
  { message, error }: RefusedRead,
  kind: string,
  { partition }: Pick<Target, 'partition'>,
): UnreadDecision {
  const aws = awsError(error);
  const { operation, code, requestId } = aws;
  const request = requestId === null ? '' : ` (request ${requestId})`;
  return {
    action: 'refuse',
    drift: [],
    unmanaged: [],
    reason: `${message.slice(0, MAX_MESSAGE)}${request}`,
    remedy: remedyOf(aws, kind, partition),
    unread: { operation, code, requestId },
  };
}

function remedyOf(aws: AwsError, kind: string, partition: string): string {
  if (isUnsupported(aws)) return unsupportedRemedy(deniedAction(aws), kind, partition);
  if (failureTypeOf(aws) !== 'AccessDenied') return FAILURES.InvalidInput.remedy;
  const action = deniedAction(aws);
  if (aws.message.includes('explicit deny')) {
    return `remove the explicit deny of ${action} for the worker's role, in the policy that AWS's message names`;
  }
  return `allow ${action} to the role that the worker reads the account with: the planRole of its guardrails, else its own or the environment's assumeRole`;
}

function unsupportedRemedy(action: string, kind: string, partition: string): string {
  const leave = `leave ${kind} out of this environment`;
  return partition === 'aws'
    ? `the endpoint that answers the worker does not know ${action}: correct AWS_ENDPOINT_URL_IAM, use an emulator that knows it, or ${leave}`
    : `partition ${partition}, or the endpoint that answers the worker, does not know ${action}: ${leave}`;
}
