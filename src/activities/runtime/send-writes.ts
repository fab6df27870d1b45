import { awsError, failureTypeOf, isExpired } from '../../aws/errors.js';
import { UnverifiedError } from '../../aws/guard.js';
import { secretMembers, withoutValues } from '../../aws/secrets.js';
import type { WriteRecord } from '../../contract/report.js';
import type { Write } from '../../kinds/kind.js';
import type { Account } from './accounts.js';
import { OperationError } from './failures.js';
import { LeaseError } from './lease.js';
import { sending } from './activity-context.js';
import type { ActivityContext } from './activity-context.js';

/** Repeats of a throttled write inside one attempt, at the account's pace; a throttled call was not carried out. */
const THROTTLE_REPEATS = 10;

/** What came of a write. */
export interface Sent {
  /** Null where AWS said that there was nothing to do. */
  readonly write: WriteRecord | null;
  /** AWS's answer. May hold a secret: it goes nowhere but to the kind. */
  readonly output: unknown;
}

/** Sends writes, one after the other. */
export async function sendAll(account: Account, steps: readonly Write[], work: ActivityContext): Promise<void> {
  for (const one of steps) await send(account, one, work);
}

/** Sends one write, once the account is verified. Nothing is sent once the step may be somebody else's. */
export async function send(account: Account, step: Write, work: ActivityContext): Promise<Sent> {
  const { operation, input, isAlreadyApplied, secretInput, waitUntilApplied } = step;
  const secret = await secretMembers(account.clients.secrets, secretInput);
  let renewed = false;
  for (let repeat = 1; ; repeat += 1) {
    // First: what Temporal says of the step is good for seconds only.
    await account.clients.turn();
    await account.guard.ensure();
    const key = await account.clients.accessKeyId();
    const sent = await sending(work, operation, input);
    try {
      const { requestId, output } = await account.clients.write(operation, { ...input, ...secret }, (accessKeyId) => {
        work.lease.assertHeld();
        account.guard.assertVerified(accessKeyId);
      });
      const write = sent.answered(requestId);
      await waitUntilApplied?.(account.clients.reader, output);
      return { write, output };
    } catch (error) {
      if (error instanceof LeaseError || error instanceof UnverifiedError) {
        sent.forget();
        continue;
      }
      const aws = awsError(error);
      if (!aws.unclear) sent.forget();
      if (isAlreadyApplied?.(aws) === true) return { write: null, output: undefined };
      if (isExpired(aws) && !renewed) {
        await account.clients.renewCredentials(key);
        renewed = true;
        continue;
      }
      if (failureTypeOf(aws) !== 'Throttled' || repeat > THROTTLE_REPEATS)
        throw new OperationError(operation, withoutValues(error, Object.values(secret)), step);
    }
  }
}
