import type { JsonObject } from '../../src/contract/entity.js';
import { forEachConcurrently } from '../support/concurrency.js';
import { dumpAccount } from '../support/account.js';
import { allowing, manifestOf, role, trusting } from '../support/manifests-of.js';
import { decisionsOf, entityOf, fullWritesIn, outcomesOf, refusedWritesIn, writesIn } from '../support/runs.js';
import { iamClient } from '../support/sandbox.js';
import { onStage } from '../support/stage.js';
import { ACCOUNT } from '../support/world.js';
import { createRole, iam, runs, useWorld, world } from '../support/use-world.js';

useWorld();

const READ_ONLY = 'arn:aws:iam::aws:policy/ReadOnlyAccess';
const P = '{{arn Policy/p}}';
const PolicyArn = `arn:aws:iam::${ACCOUNT}:policy/p`;

function policy(more: JsonObject = {}): JsonObject {
  return { kind: 'Policy', policyName: 'p', policyDocument: allowing('s3:GetObject'), ...more };
}

/** Roles, users and groups with the policy and much else. */
const HOLDERS: readonly JsonObject[] = [
  role('r', {
    description: 'has it',
    maxSessionDuration: 7200,
    managedPolicyArns: [P],
    inlinePolicies: { own: allowing('s3:ListBucket') },
    tags: { team: 'platform' },
  }),
  { kind: 'User', userName: 'u', managedPolicyArns: [P], inlinePolicies: { own: allowing('s3:ListBucket') } },
  { kind: 'Group', groupName: 'g', users: ['u'], managedPolicyArns: [P] },
];

/** Applies the entities, and forgets the calls. */
async function given(entities: readonly JsonObject[]): Promise<void> {
  const report = await runs.apply(entities);
  expect([report.result, report.reason]).toEqual(['converged', null]);
  world.proxy.clear();
}

/** Expects a refusal with this reason, before the first write and in the plan. */
async function refused(entities: readonly JsonObject[], id: string, reason: RegExp, remedy: RegExp): Promise<void> {
  for (const report of [await runs.plan(entities), await runs.apply(entities)]) {
    expect(report.entities.find((entity) => `${entity.kind}/${entity.name}` === id)).toMatchObject({
      decision: 'refuse',
      outcome: 'refused',
      reason: expect.stringMatching(reason) as string,
      remedy: expect.stringMatching(remedy) as string,
    });
  }
  expect(writesIn(world)).toEqual([]);
}

describe('a change that AWS cannot make, without replace: true', () => {
  test.each<[string, JsonObject, JsonObject, string, RegExp]>([
    [
      'description of a policy',
      policy({ description: 'a' }),
      policy({ description: 'b' }),
      'Policy/p',
      /^description is "a" and is declared as "b"; AWS cannot change this on an existing Policy$/,
    ],
    ['path of a policy', policy(), policy({ path: '/x/' }), 'Policy/p', /^path is "\/" and is declared as "\/x\/"; /],
    [
      'path of a role',
      role('r', { path: '/a/' }),
      role('r', { path: '/b/' }),
      'Role/r',
      /^path is "\/a\/" and is declared as "\/b\/"; /,
    ],
  ])('is refused with both sides and the ways out: the %s', async (_title, before, after, id, reason) => {
    await given([before]);
    await refused(
      [after],
      id,
      reason,
      /^declare what exists, choose another name, delete arn:\S+ first, or set replace: true/,
    );
    await refused([{ ...after, replace: false }], id, reason, /set replace: true/);
  });

  test('is refused for another role in an instance profile', async () => {
    await given([role('r'), role('s'), { kind: 'InstanceProfile', instanceProfileName: 'i', roles: ['s'] }]);
    const entities = [role('r'), { kind: 'InstanceProfile', instanceProfileName: 'i', roles: ['r'] }];
    await refused(
      entities,
      'InstanceProfile/i',
      /^no room for r beside s, which the manifest does not declare: AWS allows 1; /,
      /replace: true/,
    );
  });
});

describe('a policy with replace: true', () => {
  test('is detached for a new description, and attached again to roles, users and groups in the same run without other changes', async () => {
    await given([policy({ description: 'before' }), ...HOLDERS]);
    await iam.createPolicyVersion({ PolicyArn, PolicyDocument: JSON.stringify(allowing('s3:PutObject')) });
    const before = await dumpAccount(world);
    const entities = [policy({ description: 'after', replace: true }), ...HOLDERS];

    const planned = await runs.plan(entities);
    expect(decisionsOf(planned)).toEqual({
      'Policy/p': 'replace',
      'Role/r': 'update',
      'User/u': 'update',
      'Group/g': 'update',
    });
    expect(entityOf(planned, 'Policy/p').reason).toBe(
      'description is "before" and is declared as "after": it is deleted and created again',
    );
    expect(
      entityOf(planned, 'Policy/p')
        .drift.map(({ summary }) => summary)
        .filter(Boolean),
    ).toEqual([
      `DeletePolicyVersion ${PolicyArn} v2`,
      `DeletePolicy ${PolicyArn}`,
      `DetachRolePolicy r ${PolicyArn}`,
      `DetachUserPolicy u ${PolicyArn}`,
      `DetachGroupPolicy g ${PolicyArn}`,
    ]);
    expect(entityOf(planned, 'Role/r').reason).toBe('Policy/p is attached again once it is replaced');
    expect(writesIn(world)).toEqual([]);

    const report = await runs.apply(entities);
    expect(report.result).toBe('converged');
    expect(outcomesOf(report)).toEqual({
      'Policy/p': 'replaced',
      'Role/r': 'updated',
      'User/u': 'updated',
      'Group/g': 'updated',
    });
    expect(report.summary).toMatchObject({ replaced: 1, updated: 3 });
    const writes = writesIn(world);
    expect(writes.slice(3, 6)).toEqual(['DeletePolicyVersion', 'DeletePolicy', 'CreatePolicy']);
    expect(writes.slice(0, 3).sort()).toEqual(['DetachGroupPolicy', 'DetachRolePolicy', 'DetachUserPolicy']);
    expect(writes.slice(6).sort()).toEqual(['AttachGroupPolicy', 'AttachRolePolicy', 'AttachUserPolicy']);
    expect(refusedWritesIn(world)).toEqual([]);
    expect(entityOf(report, 'Policy/p').writes.map(({ operation }) => operation)).toEqual(writes.slice(0, 6));

    const after = await dumpAccount(world);
    const differing = Object.keys(before).filter((id) => JSON.stringify(before[id]) !== JSON.stringify(after[id]));
    expect(differing).toEqual(['Policy/p']);
    expect(after['Policy/p']).toMatchObject({ Policy: { Description: 'after', AttachmentCount: 3 } });
    expect(Object.keys(after)).toEqual(Object.keys(before));

    world.proxy.clear();
    expect(new Set(Object.values(outcomesOf(await runs.apply(entities))))).toEqual(new Set(['unchanged']));
    expect(writesIn(world)).toEqual([]);
  });

  test('is attached by its new ARN after its path has changed', async () => {
    await given([policy(), ...HOLDERS]);
    const report = await runs.apply([policy({ path: '/x/', replace: true }), ...HOLDERS]);
    expect(report.result).toBe('converged');
    expect(outcomesOf(report)).toEqual({
      'Policy/p': 'replaced',
      'Role/r': 'updated',
      'User/u': 'updated',
      'Group/g': 'updated',
    });
    expect(entityOf(report, 'Policy/p').arn).toBe(`arn:aws:iam::${ACCOUNT}:policy/x/p`);
    const used = await iam.listEntitiesForPolicy({ PolicyArn: `arn:aws:iam::${ACCOUNT}:policy/x/p` });
    expect([used.PolicyRoles, used.PolicyUsers, used.PolicyGroups].map((found) => found?.length)).toEqual([1, 1, 1]);
    expect((await iam.listPolicies({ Scope: 'Local' })).Policies).toHaveLength(1);
  });

  test('is attached again to entities that spell out its ARN, which wait for the new policy', async () => {
    const holders = [
      role('r', { managedPolicyArns: [PolicyArn] }),
      { kind: 'Group', groupName: 'g', managedPolicyArns: [READ_ONLY, PolicyArn] },
    ];
    await given([policy({ description: 'before' })]);
    await given([policy({ description: 'before' }), ...holders]);
    const report = await runs.apply([...holders, policy({ description: 'after', replace: true })]);
    expect(report.result).toBe('converged');
    expect(outcomesOf(report)).toEqual({ 'Role/r': 'updated', 'Group/g': 'updated', 'Policy/p': 'replaced' });
    expect((await iam.getPolicy({ PolicyArn })).Policy).toMatchObject({ Description: 'after', AttachmentCount: 2 });
  });

  test('is refused while it is attached to an unmanaged entity', async () => {
    await given([policy(), ...HOLDERS]);
    await createRole('stranger');
    await iam.attachRolePolicy({ RoleName: 'stranger', PolicyArn });
    await refused(
      [policy({ description: 'b', replace: true }), ...HOLDERS],
      'Policy/p',
      /^cannot be replaced: still attached to Role\/stranger, which this run keeps$/,
      /^detach Policy\/p from Role\/stranger first, or declare it here$/,
    );
  });

  test.each<[string, JsonObject]>([
    ['does not declare that it has it', role('r')],
    ['is only observed', role('r', { managedPolicyArns: [P], observe: true })],
    ['declares one of another path', role('r', { managedPolicyArns: [`arn:aws:iam::${ACCOUNT}:policy/y/p`] })],
  ])(
    'is refused while it is attached to a declared role that %s: it would not be attached again',
    async (_title, holder) => {
      await given([policy(), role('r', { managedPolicyArns: [P] })]);
      await refused(
        [policy({ description: 'b', replace: true }), holder],
        'Policy/p',
        /^cannot be replaced: still attached to Role\/r, which this run keeps$/,
        /^detach Policy\/p from Role\/r first$/,
      );
    },
  );

  test('is refused while it is a permissions boundary, since its role could do more without it', async () => {
    const bounded = role('r', { permissionsBoundary: P });
    await given([policy(), bounded]);
    await refused(
      [policy({ description: 'b', replace: true }), bounded],
      'Policy/p',
      /^cannot be replaced: still attached to Role\/r, which this run keeps$/,
      /^detach Policy\/p from Role\/r first$/,
    );
  });

  test('is refused where it refers to a role that it is attached to: they would wait for each other', async () => {
    const holder = role('r', { managedPolicyArns: [PolicyArn] });
    const naming = policy({
      policyDocument: {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '{{arn Role/r}}' }],
      },
    });
    await given([naming, role('r')]);
    await given([naming, holder]);
    await refused(
      [{ ...naming, description: 'b', replace: true }, holder],
      'Policy/p',
      /wait for each other$/,
      /in an apply of their own/,
    );
  });
});

describe('a role with replace: true', () => {
  const PROFILE: JsonObject = { kind: 'InstanceProfile', instanceProfileName: 'i', roles: ['r'] };
  const whole = (path: string, more: JsonObject = {}): JsonObject =>
    role('r', {
      path,
      managedPolicyArns: [READ_ONLY],
      inlinePolicies: { own: allowing('s3:ListBucket') },
      tags: { team: 'platform' },
      ...more,
    });

  test('is removed from its instance profile and added again, and roles that trust it trust the new one', async () => {
    const trusts = role('s', { assumeRolePolicyDocument: trusting({ AWS: '{{arn Role/r}}' }) });
    await given([whole('/a/'), PROFILE, trusts]);
    const { InstanceProfile: was } = await iam.getInstanceProfile({ InstanceProfileName: 'i' });
    const planned = await runs.plan([whole('/b/', { replace: true }), PROFILE, trusts]);
    const lines = entityOf(planned, 'Role/r').drift.map(({ summary }) => summary);
    expect(lines).toContain('RemoveRoleFromInstanceProfile i r');
    const report = await runs.apply([whole('/b/', { replace: true }), PROFILE, trusts]);
    expect(report.result).toBe('converged');
    expect(outcomesOf(report)).toEqual({ 'Role/r': 'replaced', 'InstanceProfile/i': 'updated', 'Role/s': 'updated' });
    expect(refusedWritesIn(world)).toEqual([]);
    expect(fullWritesIn(world).filter((write) => write.includes('InstanceProfile'))).toEqual([
      'RemoveRoleFromInstanceProfile i r',
      'AddRoleToInstanceProfile i r',
    ]);
    const { InstanceProfile: is } = await iam.getInstanceProfile({ InstanceProfileName: 'i' });
    expect({ ...is, Roles: [] }).toEqual({ ...was, Roles: [] });
    expect(is?.Roles?.map(({ Arn }) => Arn)).toEqual([`arn:aws:iam::${ACCOUNT}:role/b/r`]);
    const { Role } = await iam.getRole({ RoleName: 's' });
    expect(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? '')).toContain(`"arn:aws:iam::${ACCOUNT}:role/b/r"`);
  });

  test('is replaced in one run together with its policy', async () => {
    const entities = (path: string, description: string, replace: boolean): JsonObject[] => [
      whole(path, { managedPolicyArns: [P], replace }),
      policy({ description, replace }),
      PROFILE,
    ];
    await given(entities('/a/', 'a', false));
    const report = await runs.apply(entities('/b/', 'b', true));
    expect(report.result).toBe('converged');
    expect(outcomesOf(report)).toEqual({
      'Role/r': 'replaced',
      'Policy/p': 'replaced',
      'InstanceProfile/i': 'updated',
    });
    expect(refusedWritesIn(world)).toEqual([]);
  });

  test('is replaced after its instance profile is deleted', async () => {
    await given([whole('/a/'), PROFILE]);
    const gone = { kind: 'InstanceProfile', instanceProfileName: 'i', state: 'absent' };
    const report = await runs.apply([whole('/b/', { replace: true }), gone]);
    expect(outcomesOf(report)).toEqual({ 'Role/r': 'replaced', 'InstanceProfile/i': 'deleted' });
    expect(refusedWritesIn(world)).toEqual([]);
  });

  test('is refused where unmanaged content would be lost, even content that the listings leave out', async () => {
    await given([role('r', { path: '/a/' })]);
    await iam.updateRole({ RoleName: 'r', Description: 'by hand', MaxSessionDuration: 7200 });
    await iam.attachRolePolicy({ RoleName: 'r', PolicyArn: READ_ONLY });
    await iam.putRolePolicy({ RoleName: 'r', PolicyName: 'extra', PolicyDocument: JSON.stringify(allowing('s3:*')) });
    await iam.tagRole({ RoleName: 'r', Tags: [{ Key: 'extra', Value: '1' }] });
    const wanted = role('r', { path: '/b/', replace: true });
    const lost = [
      'description: "by hand"',
      'maxSessionDuration: 7200',
      'inlinePolicies: extra',
      `managedPolicyArns: ${READ_ONLY}`,
      'tags: extra',
    ];
    await refused([wanted], 'Role/r', new RegExp(`: ${lost.join(', ')}$`), /unmanaged: remove/);

    const planned = await runs.plan([{ ...wanted, unmanaged: 'remove' }]);
    expect(
      entityOf(planned, 'Role/r')
        .drift.map(({ summary }) => summary)
        .filter(Boolean),
    ).toEqual([`DetachRolePolicy r ${READ_ONLY}`, 'DeleteRolePolicy r extra', 'DeleteRole r']);
    const report = await runs.apply([{ ...wanted, unmanaged: 'remove' }]);
    expect(outcomesOf(report)).toEqual({ 'Role/r': 'replaced' });
  });
});

describe('a trust policy whose principal was deleted', () => {
  const trusted: readonly JsonObject[] = [role('r'), { kind: 'User', userName: 'u' }];
  const trusts = role('s', {
    assumeRolePolicyDocument: trusting({ AWS: ['{{arn Role/r}}', '{{arn User/u}}', `arn:aws:iam::${ACCOUNT}:root`] }),
  });

  async function uniqueIds(): Promise<readonly [string, string]> {
    const { Role } = await iam.getRole({ RoleName: 'r' });
    const { User } = await iam.getUser({ UserName: 'u' });
    return [Role?.RoleId ?? '', User?.UserId ?? ''];
  }

  test('reports the unique IDs that are left of it as such, and replaces them with the declared principal', async () => {
    await given([...trusted, trusts]);
    const [roleId, userId] = await uniqueIds();
    await iam.deleteRole({ RoleName: 'r' });
    await iam.deleteUser({ UserName: 'u' });
    const planned = entityOf(await runs.plan([...trusted, trusts]), 'Role/s');
    expect(planned.decision).toBe('update');
    for (const id of [roleId, userId]) {
      expect(planned.drift).toContainEqual({
        path: 'assumeRolePolicyDocument.Principal',
        observed: id,
        desired: null,
        summary: `${id} is the unique ID of a deleted role or user; the document does not trust a new one of the same name`,
      });
    }
    const report = await runs.apply([...trusted, trusts]);
    expect(report.result).toBe('converged');
    expect(outcomesOf(report)).toEqual({ 'Role/r': 'created', 'User/u': 'created', 'Role/s': 'updated' });
    const { Role } = await iam.getRole({ RoleName: 's' });
    const document = decodeURIComponent(Role?.AssumeRolePolicyDocument ?? '');
    for (const id of [roleId, userId]) expect(document).not.toContain(id);
    expect(document).toContain(`"arn:aws:iam::${ACCOUNT}:role/r"`);
    expect(document).toContain(`"arn:aws:iam::${ACCOUNT}:user/u"`);
  });

  test('is repaired where another caller has created the principal again, which only looks trusted', async () => {
    await given([...trusted, trusts]);
    const [roleId] = await uniqueIds();
    await iam.deleteRole({ RoleName: 'r' });
    await createRole('r');
    const report = await runs.apply([...trusted, trusts]);
    expect(outcomesOf(report)).toEqual({ 'Role/r': 'adopted', 'User/u': 'unchanged', 'Role/s': 'updated' });
    expect(JSON.stringify(entityOf(report, 'Role/s').drift)).toContain(
      `${roleId} is the unique ID of a deleted role or user`,
    );
    const again = await runs.plan([...trusted, trusts]);
    expect(new Set(Object.values(decisionsOf(again)))).toEqual(new Set(['no-op']));
  });

  test('is only reported for a role with observe: true', async () => {
    await given([...trusted, trusts]);
    const [, userId] = await uniqueIds();
    await iam.deleteUser({ UserName: 'u' });
    const report = await runs.apply([...trusted, { ...trusts, observe: true }]);
    expect(entityOf(report, 'Role/s').outcome).toBe('unchanged');
    expect(JSON.stringify(entityOf(report, 'Role/s').drift)).toContain(`${userId} is the unique ID`);
    expect(writesIn(world)).toEqual(['CreateUser']);
  });
});

test('an instance profile is replaced to hold another role', async () => {
  const profile = (roleName: string): JsonObject => ({
    kind: 'InstanceProfile',
    instanceProfileName: 'i',
    roles: [roleName],
  });
  await given([role('r'), role('s'), profile('s')]);
  const report = await runs.apply([role('r'), { ...profile('r'), replace: true }]);
  expect(report.result).toBe('converged');
  expect(outcomesOf(report)).toEqual({ 'Role/r': 'unchanged', 'InstanceProfile/i': 'replaced' });
  expect(fullWritesIn(world)).toEqual([
    'RemoveRoleFromInstanceProfile i s',
    'DeleteInstanceProfile i',
    'CreateInstanceProfile i',
    'AddRoleToInstanceProfile i r',
  ]);
  const { Role } = await iam.getRole({ RoleName: 's' });
  expect(Role?.RoleName).toBe('s');
});

test('the plan and the report on the command line show what is replaced', async () => {
  await given([policy({ description: 'a' })]);
  const entities = [policy({ description: 'b', replace: true })];
  const path = await world.manifest('replace.json', manifestOf({ namespace: 'ci', account: ACCOUNT, entities }));
  const planned = await world.cli(['plan', '-f', path]);
  expect(planned.stdout).toMatch(/± Policy\/p\s+replace\n/);
  expect(planned.stdout).toContain(`\n      - DeletePolicy ${PolicyArn}\n`);
  const applied = await world.cli(['apply', '-f', path]);
  expect(applied.code).toBe(0);
  expect(applied.stdout).toMatch(/± Policy\/p\s+replaced\s+DeletePolicy, CreatePolicy/);
});

test('another worker finishes a replacement after the first is killed, with one new entity that is attached everywhere again', async () => {
  const points = [
    ['after', 'DetachUserPolicy'],
    ['before', 'DeletePolicy'],
    ['after', 'DeletePolicy'],
    ['before', 'CreatePolicy'],
    ['after', 'CreatePolicy'],
    ['after', 'AttachGroupPolicy'],
  ] as const;
  await onStage(world, async ({ taskQueue, proxy, newAccount, killedAt }) => {
    const cases = points.map(([when, action]) => {
      const account = newAccount();
      return { when, action, account, parts: { account, taskQueue } };
    });
    await forEachConcurrently(cases, cases.length, async ({ account, parts }) => {
      expect((await runs.apply([policy({ description: 'a' }), ...HOLDERS], parts)).result).toBe('converged');
      proxy.clear(account);
    });
    const entities = [policy({ description: 'b', replace: true }), ...HOLDERS];
    const deaths = await killedAt(cases, ({ parts }) => runs.apply(entities, parts));
    for (const { when, action, account, parts, ended } of deaths) {
      expect([when, action, ended.result, outcomesOf(ended)]).toEqual([
        when,
        action,
        'converged',
        { 'Policy/p': 'replaced', 'Role/r': 'updated', 'User/u': 'updated', 'Group/g': 'updated' },
      ]);
      const done = proxy.calls.filter((call) => call.account === account && call.committed);
      expect(done.filter((call) => /^Create|^DeletePolicy$/.test(call.action)).map((call) => call.action)).toEqual([
        'DeletePolicy',
        'CreatePolicy',
      ]);
      const arn = `arn:aws:iam::${account}:policy/p`;
      const { Policy } = await iamClient(world.sandbox.url, account).getPolicy({ PolicyArn: arn });
      expect(Policy).toMatchObject({ Description: 'b', AttachmentCount: 3 });
      const again = await runs.plan(entities, parts);
      expect(new Set(Object.values(decisionsOf(again)))).toEqual(new Set(['no-op']));
    }
  });
});
