import { role } from '../support/manifests-of.js';
import { runs, useWorld, world } from '../support/use-world.js';

useWorld({ reset: false });

test('a created entity that cannot be verified fails, and is not reported as created', async () => {
  const denied = { kind: 'error', status: 403, code: 'AccessDenied' } as const;
  const denyReads = (): void => void world.proxy.on({ action: /^(Get|List)/ }, denied);
  world.proxy.on({ action: 'CreateRole' }, { kind: 'hook', times: 1, after: denyReads });
  const report = await runs.apply([role('unseen')]);
  expect(report).toMatchObject({ result: 'failed', entities: [{ outcome: 'failed' }] });
  expect(await world.creates()).toEqual({ 'CreateRole unseen': 1 });
});
