import type { Client } from '@temporalio/client';
import { installationOf } from '../../../src/temporal/installation.js';

test('a read of the installation that fails is repeated, and one that succeeds is kept', async () => {
  const answers = [new Error('unreachable'), { namespaceInfo: { id: 'one' } }, { namespaceInfo: { id: 'two' } }];
  const describeNamespace = (): Promise<unknown> => {
    const answer = answers.shift();
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  const client = {
    options: { namespace: 'default' },
    withDeadline: (_deadline: number, call: () => unknown) => call(),
    workflowService: { describeNamespace },
  } as unknown as Client;
  const installation = installationOf(client);
  expect([await installation(), await installation(), await installation()]).toEqual([undefined, 'one', 'one']);
});
