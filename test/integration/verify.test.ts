import { startWorld } from '../support/world.js';
import type { World } from '../support/world.js';
import { role } from '../support/manifests-of.js';
import { Runs } from '../support/runs.js';

jest.setTimeout(120_000);

let world: World;
let runs: Runs;

beforeAll(async () => {
  world = await startWorld();
  await world.startWorker();
  runs = await Runs.in(world);
}, 300_000);

afterAll(async () => {
  await runs.close();
  await world.stop();
});

test('a created entity that cannot be verified fails, and is not reported as created', async () => {
  const denied = { kind: 'error', status: 403, code: 'AccessDenied' } as const;
  const denyReads = (): void => void world.proxy.on({ action: /^(Get|List)/ }, denied);
  world.proxy.on({ action: 'CreateRole' }, { kind: 'hook', times: 1, after: denyReads });
  const report = await runs.apply([role('unseen')]);
  expect(report).toMatchObject({ result: 'failed', entities: [{ outcome: 'failed' }] });
  expect(await world.creates()).toEqual({ 'CreateRole unseen': 1 });
});
