import type { JsonObject } from '../../src/contract/entity.js';
import { forEachConcurrently } from '../support/concurrency.js';
import { allowing, manifestOf, role } from '../support/manifests-of.js';
import { decisionsOf, entityOf, fullWritesIn, outcomesOf, writesIn } from '../support/runs.js';
import { onStage } from '../support/stage.js';
import {
  createRole,
  iam,
  runCommand,
  runForReport as run,
  runs,
  temporal,
  useWorld,
  world,
} from '../support/use-world.js';
import { ACCOUNT } from '../support/world.js';

/** Entities that get another name. Each test has a namespace of its own. */

useWorld();

const user = (userName: string, more: JsonObject = {}): JsonObject => ({ kind: 'User', userName, ...more });
const group = (groupName: string, more: JsonObject = {}): JsonObject => ({ kind: 'Group', groupName, ...more });
const keyOf = (userName: string): JsonObject => ({ kind: 'AccessKey', userName, secret: { file: 'renamed-key' } });

describe("by AWS's own call", () => {
  test('a user and a group are renamed once each, with what belongs to them, created here and adopted', async () => {
    await iam.createUser({ UserName: 'found' });
    const inlinePolicies = { own: allowing('s3:GetObject') };
    await run('apply', 'own', [
      user('ann', { inlinePolicies, path: '/staff/' }),
      user('found'),
      keyOf('ann'),
      group('devs', { users: ['ann', 'found'], unmanaged: 'remove' }),
      role('trusting', {
        assumeRolePolicyDocument: {
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Principal: { AWS: '{{arn User/ann}}' }, Action: 'sts:AssumeRole' }],
        },
      }),
    ]);
    const { User: before } = await iam.getUser({ UserName: 'ann' });
    const { AccessKeyMetadata: keys } = await iam.listAccessKeys({ UserName: 'ann' });
    world.proxy.clear();
    const renamed = [
      user('anna', { inlinePolicies: { own: allowing('s3:PutObject') }, renamedFrom: 'ann' }),
      user('kept', { renamedFrom: 'found' }),
      keyOf('anna'),
      group('developers', { users: ['anna', 'kept'], unmanaged: 'remove', renamedFrom: 'devs' }),
    ];
    const planned = await run('plan', 'own', renamed);
    expect(decisionsOf(planned)).toEqual({
      'User/anna': 'update',
      'User/kept': 'update',
      'AccessKey/anna': 'no-op',
      'Group/developers': 'update',
    });
    expect(entityOf(planned, 'User/anna')).toMatchObject({
      arn: `arn:aws:iam::${ACCOUNT}:user/staff/anna`,
      reason: 'is renamed from ann',
      drift: [{ path: 'userName', observed: 'ann', desired: 'anna' }, {}],
    });
    expect(entityOf(planned, 'Group/developers').drift).toEqual([
      { path: 'groupName', observed: 'devs', desired: 'developers' },
    ]);
    expect(planned.orphans?.map(({ name }) => name)).toEqual(['trusting']);
    const text = await runCommand('plan', renamed, [], 'own');
    expect(text.stdout).toMatch(/~ User\/kept +update[\s\S]*userName = "found" -> "kept"[\s\S]*is renamed from found/);

    const applied = await run('apply', 'own', renamed);
    expect(applied.result).toBe('converged');
    expect(outcomesOf(applied)).toEqual({
      'User/anna': 'updated',
      'User/kept': 'updated',
      'AccessKey/anna': 'unchanged',
      'Group/developers': 'updated',
    });
    expect(entityOf(applied, 'User/anna').arn).toBe(`arn:aws:iam::${ACCOUNT}:user/staff/anna`);
    const writes = fullWritesIn(world);
    expect([...writes].sort()).toEqual([
      'PutUserPolicy ann own',
      'UpdateGroup devs developers',
      'UpdateUser ann anna',
      'UpdateUser found kept',
    ]);
    expect(writes.indexOf('PutUserPolicy ann own')).toBeLessThan(writes.indexOf('UpdateUser ann anna'));
    expect((await iam.getUser({ UserName: 'anna' })).User).toMatchObject({ UserId: before?.UserId, Path: '/staff/' });
    expect((await iam.listAccessKeys({ UserName: 'anna' })).AccessKeyMetadata).toMatchObject(
      (keys ?? []).map(({ AccessKeyId }) => ({ AccessKeyId })),
    );

    // What is left in the manifest has no effect, and what is removed from it neither.
    world.proxy.clear();
    const again = await run('apply', 'own', renamed);
    expect(Object.values(outcomesOf(again))).toEqual(Array<string>(4).fill('unchanged'));
    const plain = [
      user('anna', { inlinePolicies: { own: allowing('s3:PutObject') } }),
      user('kept'),
      ...renamed.slice(2),
    ];
    Reflect.deleteProperty(plain[3] ?? {}, 'renamedFrom');
    const last = await run('apply', 'own', plain);
    expect(last.orphans?.map(({ name }) => name)).toEqual(['trusting']);
    expect(writesIn(world)).toEqual([]);
    // The ledger knows that the group was created here, and nobody claims the old names.
    await run('apply', 'own', [plain[0] ?? {}], '--orphans', 'remove');
    expect(fullWritesIn(world)).toEqual(expect.arrayContaining(['DeleteGroup developers', 'UntagUser kept']));
    const other = [user('ann'), keyOf('ann'), group('devs')];
    expect((await run('apply', 'own-other', other)).result).toBe('converged');
  });

  test('not where both exist, and not what is owned or claimed by another namespace', async () => {
    const own = [user('both-old'), user('both-new'), role('kept')];
    await run('apply', 'refusing', own);
    await run('apply', 'refusing-other', [user('theirs'), group('theirs'), keyOf('lent')], '--keep-going');
    await run('apply', 'refusing-lender', [user('lent')]);
    await run('apply', 'refusing-other', [user('theirs'), group('theirs'), keyOf('lent')]);
    world.proxy.clear();
    const report = await run('apply', 'refusing', [
      user('both-new', { renamedFrom: 'both-old' }),
      user('mine', { renamedFrom: 'theirs' }),
      group('mine', { renamedFrom: 'theirs' }),
      role('kept'),
    ]);
    const reasonOf = (id: string): string | null => entityOf(report, id).reason;
    expect(reasonOf('User/both-new')).toMatch(/cannot be renamed from User\/both-old, which exists beside it/);
    expect(reasonOf('User/mine')).toBe('owned by iam-bootstrap namespace "refusing-other"');
    expect(reasonOf('Group/mine')).toMatch(/owned by iam-bootstrap namespace "refusing-other", as the ledger/);
    const lender = await run('apply', 'refusing-lender', [user('given', { renamedFrom: 'lent' })]);
    expect(entityOf(lender, 'User/given').reason).toMatch(
      /renamed with AccessKey\/lent, which namespace "refusing-other"/,
    );
    expect(writesIn(world)).toEqual([]);
    // A user of the old name that another owner makes later is none of this manifest's business.
    await run('apply', 'refusing', [user('both-new'), role('kept')], '--orphans', 'remove');
    await iam.createUser({ UserName: 'both-old' });
    world.proxy.clear();
    const later = await run('apply', 'refusing', [user('both-new', { renamedFrom: 'both-old' }), role('kept')]);
    expect(outcomesOf(later)).toEqual({ 'User/both-new': 'unchanged', 'Role/kept': 'unchanged' });
    expect(writesIn(world)).toEqual([]);
  });

  test('is bound by an approval, and is refused where the new name is taken since', async () => {
    await run('apply', 'taken', [user('old'), role('kept')]);
    world.proxy.clear();
    const wanted = [user('new', { renamedFrom: 'old', path: '/moved/' }), role('kept')];
    const taking = world.proxy.on(
      { action: 'UpdateUser', nth: 1 },
      {
        kind: 'hook',
        before: async () => {
          await iam.createUser({ UserName: 'new' });
        },
      },
    );
    const report = await run('apply', 'taken', wanted);
    taking.remove();
    expect(entityOf(report, 'User/new')).toMatchObject({
      outcome: 'refused',
      reason: 'has taken the name since the plan, so that User/old cannot be renamed',
    });
    await iam.deleteUser({ UserName: 'new' });
    world.proxy.clear();
    const left = await runCommand('apply', wanted, ['--require-approval', '--no-wait'], 'taken');
    expect(left.stderr).toMatch(/userName = "old" -> "new"/);
    const plan = /--plan (sha256:[0-9a-f]{64})/.exec(left.stderr)?.[1] ?? '';
    const file = `${world.directory}/taken.json`;
    expect((await world.cli(['approve', '-f', file, '--plan', plan, '--as', 'alice'])).code).toBe(0);
    await temporal.client.workflow.getHandle(`iam-bootstrap:${ACCOUNT}:taken`).result();
    expect(fullWritesIn(world)).toEqual(['UpdateUser old new']);
    expect((await iam.getUser({ UserName: 'new' })).User?.Path).toBe('/moved/');
  });

  test('goes on where its worker is killed around the rename, and renames once', async () => {
    const moments = [
      ['before', 'UpdateUser'],
      ['after', 'UpdateUser'],
      ['after', 'UpdateGroup'],
    ] as const;
    await onStage(world, async ({ taskQueue, proxy, newAccount, killedAt }) => {
      const cases = moments.map(([when, action]) => {
        const account = newAccount();
        // The accounts share a folder for secrets.
        const secret = { file: account };
        const before = [
          user('old', { inlinePolicies: { own: allowing('s3:GetObject') } }),
          { ...keyOf('old'), secret },
          group('old', { users: ['old'] }),
        ];
        const after = [
          user('new', { renamedFrom: 'old', inlinePolicies: { own: allowing('s3:PutObject') } }),
          { ...keyOf('new'), secret },
          group('new', { renamedFrom: 'old', users: ['new'] }),
        ];
        return { when, action, account, before, after, parts: { account, taskQueue, file: `killed-${account}.json` } };
      });
      await forEachConcurrently(cases, cases.length, async ({ account, before, parts }) => {
        expect((await runs.apply(before, parts)).result).toBe('converged');
        proxy.clear(account);
      });
      const deaths = await killedAt(cases, ({ after, parts }) => runs.apply(after, parts));
      for (const { account, after, parts, ended } of deaths) {
        expect(outcomesOf(ended)).toEqual({
          'User/new': 'updated',
          'AccessKey/new': 'unchanged',
          'Group/new': 'updated',
        });
        const writes = proxy.writes().filter((call) => call.account === account);
        const renames = writes.filter((call) => call.committed && call.action.startsWith('Update'));
        expect(renames.map((call) => call.action).sort()).toEqual(['UpdateGroup', 'UpdateUser']);
        expect(writes.every(({ code }) => code === undefined)).toBe(true);
        const again = await runs.plan(after, parts);
        expect(again.result).toBe('converged');
        expect(again.orphans).toBeUndefined();
      }
    });
  });
});

const policy = (policyName: string, more: JsonObject = {}): JsonObject => ({
  kind: 'Policy',
  policyName,
  policyDocument: allowing('s3:GetObject'),
  ...more,
});

/** A role with an attached policy and an instance profile, and a role that keeps its name. */
const attached = (name: string, more: JsonObject = {}): JsonObject[] => [
  policy(`${name}-policy`, more['policy'] as JsonObject),
  role(`${name}-role`, { managedPolicyArns: [`{{arn Policy/${name}-policy}}`], ...(more['role'] as JsonObject) }),
  role('stays', {
    managedPolicyArns: [`{{arn Policy/${name}-policy}}`],
    permissionsBoundary: `{{arn Policy/${name}-policy}}`,
  }),
  { kind: 'InstanceProfile', instanceProfileName: 'stays', roles: [`${name}-role`] },
];
const moved = attached('new', { policy: { renamedFrom: 'old-policy' }, role: { renamedFrom: 'old-role' } });

describe('made anew', () => {
  test('references move over, and what was created here is removed in the same run, what was adopted is released', async () => {
    await createRole('found');
    await run('apply', 'anew', [...attached('old'), role('found')]);
    world.proxy.clear();
    const wanted = [...moved, role('given', { renamedFrom: 'found' })];
    const planned = await run('plan', 'anew', wanted);
    const decisions = {
      'Policy/new-policy': 'create',
      'Role/new-role': 'create',
      'Role/stays': 'update',
      'InstanceProfile/stays': 'update',
      'Role/given': 'create',
      'Policy/old-policy': 'delete',
      'Role/old-role': 'delete',
      'Role/found': 'release',
    };
    expect(decisionsOf(planned)).toEqual(decisions);
    expect(planned.orphans).toBeUndefined();
    expect(entityOf(planned, 'Role/old-role').reason).toBe('is renamed to Role/new-role');
    const applied = await run('apply', 'anew', wanted);
    expect(applied.result).toBe('converged');
    expect(decisionsOf(applied)).toEqual(decisions);
    const writes = fullWritesIn(world);
    const at = (write: string): number => {
      expect(writes.filter((one) => one === write)).toHaveLength(1);
      return writes.indexOf(write);
    };
    const moves = [
      'AttachRolePolicy stays new-policy',
      'DetachRolePolicy stays old-policy',
      'AddRoleToInstanceProfile stays new-role',
    ];
    for (const move of moves) {
      expect(at(move)).toBeGreaterThan(at('CreatePolicy new-policy'));
      expect(at(move)).toBeLessThan(at('DeletePolicy old-policy'));
    }
    expect(at('DeleteRole old-role')).toBeGreaterThan(at('AddRoleToInstanceProfile stays new-role'));
    expect(writes.filter((write) => /^Delete(?!PolicyVersion)/.test(write))).toHaveLength(2);
    await iam.getRole({ RoleName: 'found' });

    world.proxy.clear();
    const again = await run('apply', 'anew', wanted);
    expect(Object.values(outcomesOf(again))).toEqual(Array<string>(5).fill('unchanged'));
    expect(again.orphans).toBeUndefined();
    // What others have under the old name is left alone.
    await createRole('old-role');
    expect(outcomesOf(await run('apply', 'anew', wanted))).toEqual(outcomesOf(again));
    expect(writesIn(world)).toEqual([]);
  });

  test('is refused before the first write where others use the old one, or another manifest declares it', async () => {
    await run('apply', 'used', attached('old'));
    await createRole('user-of-it');
    const PolicyArn = `arn:aws:iam::${ACCOUNT}:policy/old-policy`;
    await iam.attachRolePolicy({ RoleName: 'user-of-it', PolicyArn });
    world.proxy.clear();
    const report = await run('apply', 'used', moved);
    expect(entityOf(report, 'Policy/old-policy').reason).toMatch(
      /cannot be deleted: still attached to Role\/user-of-it/,
    );
    await iam.detachRolePolicy({ RoleName: 'user-of-it', PolicyArn });
    const file = await world.manifest(
      'used-2.json',
      manifestOf({ namespace: 'used', account: ACCOUNT, entities: moved }),
    );
    const other = (await world.cli(['apply', '-f', file, '--output', 'json'])).report();
    expect(entityOf(other, 'Role/old-role')).toMatchObject({
      outcome: 'refused',
      reason: expect.stringContaining('Role/new-role cannot be renamed from Role/old-role, which ') as string,
    });
    expect(writesIn(world)).toEqual([]);
  });

  test('goes on where its worker is killed, and creates and deletes once', async () => {
    const moments = [
      ['after', 'CreatePolicy'],
      ['after', 'DetachRolePolicy'],
      ['after', 'DeleteRole'],
    ] as const;
    const once = ['CreatePolicy', 'CreateRole', 'DeletePolicy', 'DeleteRole'];
    await onStage(world, async ({ taskQueue, proxy, newAccount, killedAt }) => {
      const cases = moments.map(([when, action]) => {
        const account = newAccount();
        return { when, action, account, parts: { account, taskQueue, file: `killed-${account}.json` } };
      });
      await forEachConcurrently(cases, cases.length, async ({ account, parts }) => {
        expect((await runs.apply(attached('old'), parts)).result).toBe('converged');
        proxy.clear(account);
      });
      const deaths = await killedAt(cases, ({ parts }) => runs.apply(moved, parts));
      for (const { account, parts, ended } of deaths) {
        expect(ended.result).toBe('converged');
        const done = proxy.calls.filter(
          (call) => call.account === account && call.committed && call.code === undefined && once.includes(call.action),
        );
        expect(done.map((call) => call.action).sort()).toEqual(once);
        const again = await runs.plan(moved, parts);
        expect(Object.values(outcomesOf(again))).toEqual(Array<string>(4).fill('unchanged'));
        expect(again.orphans).toBeUndefined();
      }
    });
  });
});
