import { CreateRoleCommand } from '@aws-sdk/client-iam';
import type { JsonObject } from '../../src/contract/entity.js';
import { allowing, role, trusting } from '../support/manifests-of.js';
import { decisionsOf, outcomesOf, Runs } from '../support/runs.js';
import { iamClient } from '../support/sandbox.js';
import { startWorld } from '../support/world.js';
import type { World } from '../support/world.js';

/** One entity from its creation to its deletion, and the ways in which a write can go. */

jest.setTimeout(120_000);

let world: World;
let runs: Runs;

beforeAll(async () => {
  world = await startWorld();
  await world.startWorker();
  runs = await Runs.in(world);
}, 300_000);

beforeEach(async () => {
  await world.sandbox.reset();
  world.proxy.clear();
});

afterEach(() => {
  world.proxy.clearRules();
});

afterAll(async () => {
  await runs.close();
  await world.stop();
});

const read = (more: JsonObject = {}): JsonObject => ({
  kind: 'Policy',
  policyName: 'read',
  policyDocument: allowing('s3:GetObject'),
  ...more,
});

async function createByHand(RoleName: string, Tags: { Key: string; Value: string }[] = []): Promise<void> {
  const AssumeRolePolicyDocument = JSON.stringify(trusting());
  await iamClient(world.sandbox.url).send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument, Tags }));
}

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
  await createByHand('deploy');
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
  ['adopted', [], 'adopted'],
  ['refused', [{ Key: 'pulumi:project', Value: 'infra' }], 'refused'],
])('a conflict with a role that another tool created after the plan is %s', async (_title, tags, outcome) => {
  const before = (): Promise<void> => createByHand('deploy', tags);
  world.proxy.on({ action: 'CreateRole' }, { kind: 'hook', times: 1, before });
  const report = await runs.apply([role('deploy')]);
  expect(outcomesOf(report)).toEqual({ 'Role/deploy': outcome });
  expect(report.entities[0]?.conflicts).toMatchObject([{ resolvedAs: outcome }]);
});
