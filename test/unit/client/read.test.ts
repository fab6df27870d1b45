import type { Target } from '../../../src/contract/entity.js';
import { runRead } from '../../../src/client/read.js';
import type { TemporalConnection } from '../../../src/temporal/connect.js';

const TARGET: Target = { account: '222222222222', partition: 'aws' };

/** Returns a connection whose workflow fails like this. */
function failing(cause: object): TemporalConnection {
  const failed = Object.assign(new Error('failed', { cause: Object.assign(new Error(), cause) }), {
    name: 'WorkflowFailedError',
  });
  const handle = { result: () => Promise.reject(failed) };
  const client = {
    withDeadline: (_at: number, call: () => Promise<unknown>) => call(),
    workflow: { start: () => Promise.resolve(handle) },
  };
  return { client, taskQueue: 'q' } as unknown as TemporalConnection;
}

test('a worker with credentials of another account is told by the options that name an account', async () => {
  const cause = { type: 'WrongAccount', message: 'the credentials belong to account 111111111111' };
  const read = { type: 'capture', workflowId: 'w', request: { target: TARGET }, summary: '', timeoutMs: 1_000 };
  await expect(runRead(failing(cause), read, {})).rejects.toMatchObject({
    message: 'account 222222222222 was not read: the credentials belong to account 111111111111',
    remedy: expect.stringContaining('--assume-role') as string,
    exitCode: 3,
  });
});
