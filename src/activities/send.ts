import { cancellationSignal, sleep } from '@temporalio/activity';
import { awsError, failureTypeOf } from '../aws/errors.js';
import { pauseAfter } from '../aws/propagation.js';
import type { Write } from '../contract/report.js';
import type { Step } from '../kinds/kind.js';
import type { Account } from './accounts.js';
import { OperationError } from './failures.js';
import { sending } from './work.js';
import type { Work } from './work.js';

/** Repeats of a throttled write inside one attempt; a throttled call was not carried out. */
const THROTTLE_REPEATS = 5;

/** Sends writes, one after the other. */
export async function sendAll(account: Account, steps: readonly Step[], work: Work): Promise<void> {
  for (const one of steps) await send(account, one, work);
}

/** Sends one write, once the account is verified. Nothing is sent after the activity was given up. */
export async function send(account: Account, step: Step, work: Work): Promise<Write[]> {
  const { operation, input, isDone } = step;
  for (let repeat = 1; ; repeat += 1) {
    await account.guard.ensure();
    cancellationSignal().throwIfAborted();
    const sent = sending(work, operation, input);
    try {
      const { requestId } = await account.clients.write(operation, input);
      return [sent.answered(requestId)];
    } catch (error) {
      const aws = awsError(error);
      if (!aws.unclear) sent.forget();
      if (isDone?.(aws) === true) return [];
      if (failureTypeOf(aws) !== 'Throttled' || repeat > THROTTLE_REPEATS)
        throw new OperationError(operation, error, step);
      await sleep(pauseAfter(repeat) * (0.5 + Math.random()));
    }
  }
}
