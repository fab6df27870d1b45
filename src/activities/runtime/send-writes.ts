import { CancelledFailure, log } from '@temporalio/activity';
import { awsError, failureTypeOf, isExpired, type AwsError } from '../../aws/errors.js';
import { UnverifiedError } from '../../aws/guard.js';
import { deriveSecretMembers, readSecretMembers, redactSecrets } from '../../aws/secret-store.js';
import type { Json } from '../../contract/entity.js';
import { strings } from '../../engine/json.js';
import { orderByEffect } from '../../engine/write-order.js';
import type { Write } from '../../kinds/kind.js';
import type { Account } from './accounts.js';
import { recordWrite, type ActivityContext } from './activity-context.js';
import { OperationError } from './failures.js';
import { LeaseError } from './lease.js';
import { waitForPrincipals, type PrincipalWait } from './principals.js';

/** Repeats of a throttled write within one attempt, at the account's pace. AWS did not carry out a throttled call. */
const MAX_THROTTLE_REPEATS = 10;

/** Repeats of a write that took too long to be signed: the lease or the credentials of its attempt had changed by then. */
const MAX_LATE_REPEATS = 20;

/** Sends the writes of one entity, one after the other in the order of their effects. The first failure stops it. */
export async function sendAll(account: Account, writes: readonly Write[], context: ActivityContext): Promise<void> {
  await sendInOrder(orderByEffect(writes), context, (write) => send(account, write, context));
}

/** Sends writes one after the other. The first failure stops it, and the context keeps what is left. */
export async function sendInOrder(
  writes: readonly Write[],
  context: ActivityContext,
  sendOne: (write: Write) => Promise<unknown>,
): Promise<void> {
  const remaining = writes.map(describeWrite);
  for (const [index, write] of writes.entries()) {
    context.progress = { ...context.progress, remaining: remaining.slice(index) };
    await sendOne(write);
  }
  context.progress = { ...context.progress, remaining: [] };
}

/** Input members that hold a document or another long text. */
const LONG_MEMBERS = /Document|Body|Chain|Password|Description/;

/** Returns a write as a line for people, without documents: `AttachRolePolicy deploy arn:aws:iam::aws:policy/ReadOnlyAccess`. */
export function describeWrite({ operation, input }: Write): string {
  const values = Object.entries(input)
    .filter(([member]) => !LONG_MEMBERS.test(member))
    .flatMap(([, value]) => (typeof value === 'string' ? [value] : strings(value as Json)));
  return [operation, ...values].join(' ');
}

/** Reports whether a write was not sent, because the lease or the credentials of its attempt had changed. */
function isLate(error: unknown): boolean {
  return error instanceof LeaseError || error instanceof UnverifiedError;
}

/**
 * Sends one write, after the account is verified and while this attempt holds the lease.
 *
 * @returns AWS's output, which may hold a secret; undefined where AWS answered that there was nothing to do
 */
export async function send(account: Account, write: Write, context: ActivityContext): Promise<unknown> {
  const { operation, input, isAlreadyApplied, secretInput, waitUntilApplied } = write;
  const { clients, guard } = account;
  const stored = await readSecretMembers(clients.secrets, secretInput);
  let isRenewed = false;
  for (let repeat = 1; ; repeat += 1) {
    // The turn comes first: what STS and Temporal answer next is valid for seconds only.
    await clients.turn(context.lease.signal);
    await guard.ensure();
    const accessKeyId = await clients.accessKeyId();
    // A turn can take long, and the guardrails may have changed since the activity began.
    context.guard.assertWrite(write);
    const record = await recordWrite(context, operation, input);
    const secret = deriveSecretMembers(secretInput, stored, clients.now() ?? Date.now());
    try {
      const { requestId, output } = await clients.write(operation, { ...input, ...secret }, (signedWith) => {
        context.lease.assertHeld();
        guard.assertVerified(signedWith);
      });
      record.confirm(requestId);
      await waitUntilApplied?.(clients.reader, output);
      return output;
    } catch (error) {
      if (isLate(error)) {
        record.discard();
        if (repeat <= MAX_LATE_REPEATS) continue;
        throw error;
      }
      // The write was confirmed, and the wait for its effect has ended.
      if (error instanceof CancelledFailure) throw error;
      const aws = awsError(error);
      if (!aws.unclear) record.discard();
      if (isAlreadyApplied?.(aws) === true) return undefined;
      if (isExpired(aws) && !isRenewed) {
        await clients.renewCredentials(accessKeyId);
        isRenewed = true;
        continue;
      }
      if (failureTypeOf(aws) !== 'Throttled' || repeat > MAX_THROTTLE_REPEATS) {
        const wait = await waitOf(account, write, aws, context);
        throw new OperationError(operation, redactSecrets(error, Object.values(stored)), write, undefined, wait);
      }
      log.info('AWS throttled a write, which is repeated', { operation, repeat, requestId: aws.requestId });
    }
  }
}

/** Finds out how long a refusal may still pass, where that depends on what it names. */
async function waitOf(
  account: Account,
  write: Write,
  aws: AwsError,
  { newPrincipals = [] }: ActivityContext,
): Promise<PrincipalWait | undefined> {
  if (failureTypeOf(aws) !== 'InvalidPrincipal') return undefined;
  return waitForPrincipals(account, write, aws, newPrincipals);
}
