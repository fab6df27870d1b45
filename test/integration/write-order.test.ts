import type { JsonObject } from '../../src/contract/entity.js';
import { driftText } from '../../src/report/drift.js';
import { hold } from '../support/hold.js';
import { allowing, role, trusting } from '../support/manifests-of.js';
import { entityOf, fullWritesIn, outcomesOf, refusedWritesIn, writesIn } from '../support/runs.js';
import { iam, runs, useWorld, world } from '../support/use-world.js';
import { ACCOUNT } from '../support/world.js';

useWorld();

const ADMIN = 'arn:aws:iam::aws:policy/AdministratorAccess';
const READ_ONLY = 'arn:aws:iam::aws:policy/ReadOnlyAccess';

describe('a role that loses an administrator policy and its boundary, and that another account may assume', () => {
  const before = role('r', {
    assumeRolePolicyDocument: trusting({ AWS: '111122223333' }),
    permissionsBoundary: READ_ONLY,
    managedPolicyArns: [ADMIN],
  });
  const after: JsonObject = {
    ...before,
    assumeRolePolicyDocument: trusting({ AWS: ['111122223333', '444455556666'] }),
    permissionsBoundary: null,
    managedPolicyArns: [],
    unmanaged: { managedPolicyArns: 'remove' },
  };

  async function trustAndBoundary(): Promise<readonly unknown[]> {
    const { Role } = await iam.getRole({ RoleName: 'r' });
    return [Role?.AssumeRolePolicyDocument, Role?.PermissionsBoundary?.PermissionsBoundaryArn];
  }

  beforeEach(async () => {
    await runs.apply([before]);
    world.proxy.clear();
  });

  test('keeps trust and boundary while the detachment is denied', async () => {
    const atFirst = await trustAndBoundary();
    world.proxy.on({ action: 'DetachRolePolicy' }, { kind: 'error', status: 403, code: 'AccessDenied' });
    for (let run = 1; run <= 2; run += 1) {
      expect(entityOf(await runs.apply([after]), 'Role/r').outcome).toBe('failed');
      expect(await trustAndBoundary()).toEqual(atFirst);
    }
    expect(new Set(writesIn(world))).toEqual(new Set(['DetachRolePolicy']));
  });

  test('is detached first, and trusts last', async () => {
    expect(entityOf(await runs.apply([after]), 'Role/r').outcome).toBe('updated');
    expect(writesIn(world)).toEqual(['DetachRolePolicy', 'DeleteRolePermissionsBoundary', 'UpdateAssumeRolePolicy']);
  });

  test('is read again where a replica says that the policy is not attached', async () => {
    const message = `Policy ${ADMIN} was not found.`;
    world.proxy.on(
      { action: 'DetachRolePolicy' },
      { kind: 'error', status: 404, code: 'NoSuchEntity', message, times: 1 },
    );
    expect(entityOf(await runs.apply([after]), 'Role/r').outcome).toBe('updated');
    expect(writesIn(world)).toEqual([
      'DetachRolePolicy',
      'DetachRolePolicy',
      'DeleteRolePermissionsBoundary',
      'UpdateAssumeRolePolicy',
    ]);
    expect((await iam.listAttachedRolePolicies({ RoleName: 'r' })).AttachedPolicies).toEqual([]);
  });
});

describe('the versions of a policy', () => {
  const PolicyArn = `arn:aws:iam::${ACCOUNT}:policy/p`;
  const declared = (action: string): JsonObject => ({
    kind: 'Policy',
    policyName: 'p',
    policyDocument: allowing(action),
  });

  /** Another tool adds versions that are not the default. */
  async function add(...actions: readonly string[]): Promise<void> {
    for (const action of actions) {
      await iam.createPolicyVersion({ PolicyArn, PolicyDocument: JSON.stringify(allowing(action)) });
    }
  }

  async function versions(): Promise<readonly (string | undefined)[]> {
    return (await iam.listPolicyVersions({ PolicyArn })).Versions?.map(({ VersionId }) => VersionId).sort() ?? [];
  }

  const removed = expect.stringMatching(/^versions\.v2: - removed: v2 of .*: IAM stores 5 versions/) as unknown;

  beforeEach(async () => {
    await runs.apply([declared('s3:GetObject')]);
  });

  test('a plan names the version that makes room for a new one', async () => {
    await add('sqs:A', 'sqs:B', 'sqs:C');
    const roomy = entityOf(await runs.plan([declared('s3:PutObject')]), 'Policy/p');
    expect(roomy.drift.map(driftText)).not.toContainEqual(removed);
    await add('sqs:D');
    const full = entityOf(await runs.plan([declared('s3:PutObject')]), 'Policy/p');
    expect(full.drift.map(driftText)).toContainEqual(removed);
    // A version that says the same becomes the default, and all stay.
    const reused = entityOf(await runs.plan([declared('sqs:B')]), 'Policy/p');
    expect(reused.drift.map(driftText)).not.toContainEqual(removed);
  });

  test('a version that another tool makes before the fifth one is no quota, and the report names what goes', async () => {
    await add('sqs:A', 'sqs:B', 'sqs:C');
    const held = hold(world.proxy, { action: 'CreatePolicyVersion' });
    const running = runs.apply([declared('s3:PutObject')]);
    await held.reached;
    await add('sqs:D');
    held.release();
    const report = entityOf(await running, 'Policy/p');
    expect(report).toMatchObject({ outcome: 'updated', reason: null });
    expect(report.drift.map(driftText)).toContainEqual(removed);
    expect(await versions()).toEqual(['v1', 'v3', 'v4', 'v5', 'v6']);
  });
});

/** A role, a user or a group by the name of `e`, with the limit of its inline policies. */
const PRINCIPALS: readonly (readonly [kind: string, limit: number, make: (more: JsonObject) => JsonObject])[] = [
  ['Role', 10_240, (more) => role('e', more)],
  ['User', 2_048, (more) => ({ kind: 'User', userName: 'e', ...more })],
  ['Group', 5_120, (more) => ({ kind: 'Group', groupName: 'e', ...more })],
];

/** Returns a policy of about so many characters, that allows one thing and denies another. */
function policyOfSize(characters: number, action = 's3:GetObject'): JsonObject {
  const statement = (Effect: string, Action: string): JsonObject => ({
    Effect,
    Action,
    Resource: `arn:aws:s3:::${Effect.toLowerCase()}-${'x'.repeat(Math.max(0, Math.round(characters / 2) - 110))}`,
  });
  return { Version: '2012-10-17', Statement: [statement('Allow', action), statement('Deny', 's3:DeleteBucket')] };
}

/** What AWS allows ten of. */
const ATTACHED = [
  'ReadOnlyAccess',
  'SecurityAudit',
  'AmazonS3ReadOnlyAccess',
  'AmazonEC2ReadOnlyAccess',
  'AmazonSQSReadOnlyAccess',
  'AmazonSNSReadOnlyAccess',
  'AmazonVPCReadOnlyAccess',
  'IAMReadOnlyAccess',
  'CloudWatchReadOnlyAccess',
].map((name) => `arn:aws:iam::aws:policy/${name}`);
const [DENY_ALL, QUARANTINE] = ['AWSDenyAll', 'AWSCompromisedKeyQuarantineV2'].map(
  (name) => `arn:aws:iam::aws:policy/${name}`,
) as [string, string];

describe.each(PRINCIPALS)('a %s whose old and new policies do not fit together', (kind, limit, make) => {
  const declared = (more: JsonObject): JsonObject[] => [make({ ...more, unmanaged: 'remove' })];

  /** Applies both, and returns the writes of the second apply. */
  async function change(before: JsonObject, after: JsonObject): Promise<readonly string[]> {
    await runs.apply(declared(before));
    world.proxy.clear();
    // A group shows no owner, and removes only what it is told to.
    const report = await runs.apply(declared(after), { removeUnmanaged: true });
    expect(outcomesOf(report)).toEqual({ [`${kind}/e`]: 'updated' });
    expect(refusedWritesIn(world)).toEqual([]);
    return writesIn(world);
  }

  test('renames an inline policy that has more than half of the room, and keeps its denials on the way', async () => {
    const large = policyOfSize(limit * 0.62);
    const writes = await change({ inlinePolicies: { old: large } }, { inlinePolicies: { new: large } });
    expect(writes).toEqual([`Put${kind}Policy`, `Put${kind}Policy`, `Delete${kind}Policy`]);
  });

  test('grows one inline policy by what another one shrinks', async () => {
    const [large, small] = [limit * 0.75, limit * 0.2];
    const writes = await change(
      { inlinePolicies: { grows: policyOfSize(small), shrinks: policyOfSize(large) } },
      { inlinePolicies: { grows: policyOfSize(large, 's3:PutObject'), shrinks: policyOfSize(small, 's3:PutObject') } },
    );
    expect(new Set(writes)).toEqual(new Set([`Put${kind}Policy`]));
  });

  test('exchanges one of ten attached policies', async () => {
    const administrator = { managedPolicyArns: [...ATTACHED, ADMIN] };
    expect(await change(administrator, { managedPolicyArns: [...ATTACHED, DENY_ALL] })).toEqual([
      `Detach${kind}Policy`,
      `Attach${kind}Policy`,
    ]);
  });

  test('is refused where one of ten is exchanged that denies for another that does: neither may come first', async () => {
    await runs.apply(declared({ managedPolicyArns: [...ATTACHED, DENY_ALL] }));
    world.proxy.clear();
    const report = await runs.apply(declared({ managedPolicyArns: [...ATTACHED, QUARANTINE] }), {
      removeUnmanaged: true,
    });
    expect(entityOf(report, `${kind}/e`)).toMatchObject({
      outcome: 'refused',
      reason: `would have 11 attached policies on the way, and the account allows 10 (AttachedPoliciesPer${kind}Quota): what denies is written before anything that denies is removed`,
      remedy: 'make the change in two applies: leave something else out of the first, so that there is room',
    });
    expect(writesIn(world)).toEqual([]);
  });
});

test('a role with fifty tags exchanges all but those of its owner', async () => {
  const tags = (prefix: string): JsonObject =>
    Object.fromEntries(Array.from({ length: 44 }, (_, n) => [`${prefix}${String(n)}`, 'x']));
  const declared = (prefix: string): JsonObject[] => [role('r', { tags: tags(prefix), unmanaged: 'remove' })];
  await runs.apply(declared('a'));
  const count = (await iam.listRoleTags({ RoleName: 'r' })).Tags?.length ?? 0;
  const Tags = Array.from({ length: 50 - count }, (_, n) => ({ Key: `by-hand-${String(n)}`, Value: 'x' }));
  await iam.tagRole({ RoleName: 'r', Tags });
  world.proxy.clear();
  expect(outcomesOf(await runs.apply(declared('b')))).toEqual({ 'Role/r': 'updated' });
  expect(writesIn(world)).toEqual(['UntagRole', 'TagRole']);
  expect(refusedWritesIn(world)).toEqual([]);
});

describe('a user who is in ten groups', () => {
  const group = (groupName: string, ...users: readonly string[]): JsonObject => ({ kind: 'Group', groupName, users });
  const removing = (entity: JsonObject): JsonObject => ({ ...entity, unmanaged: 'remove' });

  async function beInGroups(UserName: string, ...names: readonly string[]): Promise<void> {
    await iam.createUser({ UserName });
    for (const GroupName of names) {
      await iam.createGroup({ GroupName }).catch(() => undefined);
      await iam.addUserToGroup({ GroupName, UserName });
    }
  }

  const NINE = Array.from({ length: 9 }, (_, n) => `other-${String(n)}`);

  test('leaves a group before another one is joined', async () => {
    await beInGroups('ann', 'a', ...NINE);
    world.proxy.clear();
    const report = await runs.apply([group('b', 'ann'), removing(group('a'))], { removeUnmanaged: true });
    expect(outcomesOf(report)).toMatchObject({ 'Group/b': 'created' });
    expect(report.result).toBe('converged');
    expect(refusedWritesIn(world)).toEqual([]);
    expect(fullWritesIn(world).filter((write) => write.includes('User'))).toEqual([
      'RemoveUserFromGroup a ann',
      'AddUserToGroup b ann',
    ]);
  });

  test('and one who has room for another one joins it without waiting', async () => {
    await beInGroups('ann', 'a');
    const [leaving, joining] = [
      hold(world.proxy, { action: 'RemoveUserFromGroup' }),
      hold(world.proxy, { action: 'AddUserToGroup' }),
    ];
    const running = runs.apply([group('b', 'ann'), removing(group('a'))], { removeUnmanaged: true });
    await Promise.all([leaving.reached, joining.reached]);
    leaving.release();
    joining.release();
    expect((await running).result).toBe('converged');
  });

  test('leaves a group that is deleted first', async () => {
    await beInGroups('ann', ...NINE);
    await runs.apply([group('a', 'ann')]);
    world.proxy.clear();
    const report = await runs.apply([group('b', 'ann'), { kind: 'Group', groupName: 'a', state: 'absent' }]);
    expect(outcomesOf(report)).toEqual({ 'Group/a': 'deleted', 'Group/b': 'created' });
    expect(refusedWritesIn(world)).toEqual([]);
  });

  test('joins no two groups for one that is left: both are refused before the first write', async () => {
    await beInGroups('ann', 'a', ...NINE);
    world.proxy.clear();
    const all = [group('b', 'ann'), group('c', 'ann'), removing(group('a'))];
    const report = await runs.apply(all, { removeUnmanaged: true });
    for (const name of ['b', 'c']) {
      expect(entityOf(report, `Group/${name}`)).toMatchObject({
        outcome: 'refused',
        reason:
          'ann is in 10 groups, and this run adds it to 2 and removes it from 1: AWS allows 10 (GroupsPerUserQuota)',
        remedy: 'remove ann from other groups first; AWS does not raise this limit',
      });
    }
    expect(writesIn(world)).toEqual([]);
  });

  test('is refused to exchange groups with another one in the same run, since each group waits for the other', async () => {
    await beInGroups('ann', 'a', ...NINE);
    await beInGroups('ben', 'b', ...NINE);
    world.proxy.clear();
    const all = [removing(group('a', 'ben')), removing(group('b', 'ann'))];
    const report = await runs.apply(all, { removeUnmanaged: true });
    expect(entityOf(report, 'Group/a')).toMatchObject({
      outcome: 'refused',
      reason: expect.stringMatching(/^cannot be ordered: Group\/[ab], Group\/[ab] wait for each other$/) as string,
    });
    expect(writesIn(world)).toEqual([]);
  });
});
