import type { JsonObject } from '../../src/contract/entity.js';
import { OwnershipTag } from '../../src/engine/ownership.js';
import { role } from '../support/manifests-of.js';
import { entityOf, outcomesOf, writesIn, type RunParts } from '../support/runs.js';
import { iam, runs, tagsOfRole, useWorld, world } from '../support/use-world.js';

/** `protect: true`: what is protected is never deleted or replaced, by whatever asks for it. */

useWorld();

const PROTECTED = role('x', { protect: true });
const ABSENT: JsonObject = { kind: 'Role', roleName: 'x', state: 'absent' };
const TAG = /^it is protected by the tag iam-bootstrap:protected on arn:aws:iam::\d+:role\/x, so that nothing deletes/;

describe('a protected role', () => {
  test.each<[string, JsonObject, RunParts, RegExp]>([
    ['state: absent', ABSENT, {}, TAG],
    ['state: absent with protect: false, which was never applied', { ...ABSENT, protect: false }, {}, TAG],
    [
      'replace: true',
      role('x', { path: '/new/', replace: true }),
      {},
      /cannot|path is.*; but it is protected by the tag/,
    ],
    ['destroy', PROTECTED, { command: 'destroy' }, TAG],
    ['destroy of a manifest that does not mention it', role('x'), { command: 'destroy' }, TAG],
    ['destroy --include-adopted', role('x'), { command: 'destroy', includeAdopted: true }, TAG],
    ['another namespace', ABSENT, { namespace: 'other', adopt: ['foreign:Role/x'] }, TAG],
  ])('is kept where %s asks for its deletion, and nothing is written', async (_what, entity, parts, reason) => {
    await runs.apply([PROTECTED]);
    world.proxy.clear();
    const report = await runs.apply([entity], parts);
    expect(report.result).toBe('refused');
    expect(entityOf(report, 'Role/x')).toMatchObject({
      outcome: 'refused',
      reason: expect.stringMatching(reason) as string,
      remedy: expect.stringContaining('declare Role/x as present with protect: false and apply') as string,
    });
    expect(writesIn(world)).toEqual([]);
    expect((await iam.getRole({ RoleName: 'x' })).Role?.Path).toBe('/');
  });

  test('is deleted after protect: false was applied, and a manifest without the field changes nothing', async () => {
    await runs.apply([role('x')]);
    const marked = await runs.apply([PROTECTED]);
    expect(entityOf(marked, 'Role/x')).toMatchObject({
      outcome: 'updated',
      drift: [{ path: 'protect', observed: false, desired: true }],
    });
    expect(outcomesOf(await runs.apply([role('x')]))).toEqual({ 'Role/x': 'unchanged' });
    expect(await tagsOfRole('x')).toMatchObject({ [OwnershipTag.Protected]: 'true' });
    const unmarked = await runs.apply([role('x', { protect: false })]);
    expect(entityOf(unmarked, 'Role/x').drift).toEqual([{ path: 'protect', observed: true, desired: false }]);
    expect(outcomesOf(await runs.apply([ABSENT]))).toEqual({ 'Role/x': 'deleted' });
  });

  test('is kept where it was protected after the plan, right before it would be deleted', async () => {
    await runs.apply([role('x')]);
    world.proxy.clear();
    const Tags = [{ Key: OwnershipTag.Protected, Value: 'true' }];
    const before = (): Promise<unknown> => iam.tagRole({ RoleName: 'x', Tags });
    const rule = world.proxy.on({ action: 'GetRole' }, { kind: 'hook', times: 1, before });
    const report = await runs.apply([ABSENT]);
    expect([rule.fired, report.result, entityOf(report, 'Role/x').reason]).toEqual([
      1,
      'refused',
      expect.stringMatching(TAG),
    ]);
    expect(writesIn(world)).toEqual([]);
  });
});

test('a user is kept where AWS would delete a protected access key with it, and its protected device survives it', async () => {
  const user = { kind: 'User', userName: 'ann' };
  const key = { kind: 'AccessKey', userName: 'ann', secret: { file: 'protected-key.json' }, protect: true };
  await runs.apply([user, key]);
  world.proxy.clear();
  const refused = await runs.apply([user, key], { command: 'destroy' });
  expect(entityOf(refused, 'User/ann')).toMatchObject({
    reason: 'would be deleted with AccessKey/ann, which is protected',
    remedy:
      'keep User/ann, or remove protect: true from AccessKey/ann (in a CloudFormation template: DeletionPolicy: Retain)',
  });
  const all = await runs.apply([user, key], { command: 'destroy', includeAdopted: true });
  expect(entityOf(all, 'AccessKey/ann').reason).toMatch(/^it is protected by protect: true in the manifest/);
  expect(writesIn(world)).toEqual([]);
  expect((await iam.listAccessKeys({ UserName: 'ann' })).AccessKeyMetadata).toHaveLength(1);

  await runs.apply([
    { kind: 'VirtualMFADevice', virtualMfaDeviceName: 'ann', secret: { file: 'protected-seed.json' }, protect: true },
  ]);
  const [device] = (await iam.listVirtualMFADevices({})).VirtualMFADevices ?? [];
  const codes = { AuthenticationCode1: '123456', AuthenticationCode2: '654321' };
  await iam.enableMFADevice({ UserName: 'ann', SerialNumber: device?.SerialNumber, ...codes });
  const gone = await runs.apply([{ ...user, state: 'absent' }]);
  expect(outcomesOf(gone)).toEqual({ 'User/ann': 'deleted' });
  expect((await iam.listVirtualMFADevices({})).VirtualMFADevices).toHaveLength(1);
});
