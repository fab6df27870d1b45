import type { JsonObject } from '../../src/contract/entity.js';
import { allowing, role } from '../support/manifests-of.js';
import { decisionsOf, outcomesOf } from '../support/runs.js';
import { createRole, runs, useWorld, world } from '../support/use-world.js';

/** One entity from its creation to its deletion, and the ways in which a write can go. */

useWorld();

const read = (more: JsonObject = {}): JsonObject => ({
  kind: 'Policy',
  policyName: 'read',
  policyDocument: allowing('s3:GetObject'),
  ...more,
});

test('a policy is created, updated, replaced and deleted, and its dependents follow', async () => {
  const deploy = role('deploy', { managedPolicyArns: ['{{arn Policy/read}}'] });
  const planned = await runs.plan([read(), deploy]);
  expect(decisionsOf(planned)).toEqual({ 'Policy/read': 'create', 'Role/deploy': 'create' });
  const created = await runs.apply([read(), deploy]);
  expect(outcomesOf(created)).toEqual({ 'Policy/read': 'created', 'Role/deploy': 'created' });
  const updated = await runs.apply([read({ policyDocument: allowing('s3:PutObject') }), deploy]);
  expect(outcomesOf(updated)).toEqual({ 'Policy/read': 'updated', 'Role/deploy': 'unchanged' });
  const replaced = await runs.apply([read({ description: 'reads', replace: true }), deploy]);
  expect(outcomesOf(replaced)).toEqual({ 'Policy/read': 'replaced', 'Role/deploy': 'updated' });
  const absent = [
    { kind: 'Policy', policyName: 'read', state: 'absent' },
    { kind: 'Role', roleName: 'deploy', state: 'absent' },
  ];
  expect(outcomesOf(await runs.apply(absent))).toEqual({ 'Policy/read': 'deleted', 'Role/deploy': 'deleted' });
});

test('a role is adopted, and stays after its release', async () => {
  await createRole('deploy');
  expect(outcomesOf(await runs.apply([role('deploy')]))).toEqual({ 'Role/deploy': 'adopted' });
  const released = await runs.apply([role('deploy')], { command: 'release' });
  expect(outcomesOf(released)).toEqual({ 'Role/deploy': 'released' });
});

test('a manifest of an older revision is refused', async () => {
  expect(outcomesOf(await runs.apply([role('deploy')], { revision: 2 }))).toEqual({ 'Role/deploy': 'created' });
  const older = await runs.apply([role('deploy', { description: 'old' })], { revision: 1 });
  expect(older).toMatchObject({ result: 'refused', entities: [{ outcome: 'skipped' }] });
});

test('an access key is created, and its secret is stored', async () => {
  const robot = { kind: 'User', userName: 'robot' };
  const key = { kind: 'AccessKey', userName: 'robot', secret: { secretsManager: 'robot/key' } };
  const report = await runs.apply([robot, key]);
  expect(outcomesOf(report)).toEqual({ 'User/robot': 'created', 'AccessKey/robot': 'created' });
  expect((await world.sandbox.journal()).filter(({ action }) => action === 'CreateSecret')).toHaveLength(1);
});

test('throttling and a lost reply delay a Create, and it is sent once more only where it never arrived', async () => {
  world.proxy.on({ action: 'CreateRole' }, { kind: 'throttle', times: 2 });
  world.proxy.on({ action: 'CreatePolicy' }, { kind: 'reset-after', times: 1 });
  const report = await runs.apply([read(), role('deploy')]);
  expect(outcomesOf(report)).toEqual({ 'Policy/read': 'created', 'Role/deploy': 'created' });
  expect(await world.creates()).toEqual({ 'CreatePolicy read': 1, 'CreateRole deploy': 1 });
});

test.each([
  ['adopted', {}],
  ['refused', { 'pulumi:project': 'infra' }],
] as const)('a conflict with a role that another tool created after the plan is %s', async (outcome, tags) => {
  const before = (): Promise<void> => createRole('deploy', tags);
  world.proxy.on({ action: 'CreateRole' }, { kind: 'hook', times: 1, before });
  const report = await runs.apply([role('deploy')]);
  expect(outcomesOf(report)).toEqual({ 'Role/deploy': outcome });
  expect(report.entities[0]?.conflicts).toMatchObject([{ resolvedAs: outcome }]);
});
