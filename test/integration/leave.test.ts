import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../../src/contract/entity.js';
import { isOwnershipTag, OwnershipTag, sharedByTag, SharingTag } from '../../src/engine/ownership.js';
import { forEachConcurrently } from '../support/concurrency.js';
import { dumpAccount, withoutTags } from '../support/account.js';
import type { AccountDump } from '../support/account.js';
import { KIND_FIXTURES } from '../support/kind-fixtures/index.js';
import { allowing, manifestOf, role, trusting } from '../support/manifests-of.js';
import { entityOf, fullWritesIn, outcomesOf, refusedWritesIn, writesIn } from '../support/runs.js';
import { iamClient } from '../support/sandbox.js';
import { onStage } from '../support/stage.js';
import { onTerminal } from '../support/terminal.js';
import { ACCOUNT } from '../support/world.js';
import { createRole, iam, runCommand, runs, useWorld, world } from '../support/use-world.js';

useWorld();

const PROVIDER = { kind: 'OpenIDConnectProvider', url: 'https://tokens.example.com', shared: true };
const POLICY: JsonObject = { kind: 'Policy', policyName: 'p', policyDocument: allowing('s3:GetObject') };
const P = '{{arn Policy/p}}';

/** What the namespace makes, each kind of it, with all that holds on to each other. */
const MADE: readonly JsonObject[] = [
  POLICY,
  role('r', { managedPolicyArns: [P], inlinePolicies: { own: allowing('s3:ListBucket') }, tags: { team: 'platform' } }),
  { kind: 'InstanceProfile', instanceProfileName: 'i', roles: ['r'] },
  { kind: 'User', userName: 'u', managedPolicyArns: [P] },
  { kind: 'AccessKey', userName: 'u', secret: { file: 'u.json' } },
  { ...PROVIDER, clientIdList: ['ours', 'common'] },
];
const GROUP: JsonObject = { kind: 'Group', groupName: 'g', users: ['u'], managedPolicyArns: [P] };
const READ_ONLY = 'arn:aws:iam::aws:policy/ReadOnlyAccess';
/** What it finds. */
const FOUND = role('found', { tags: { team: 'platform' } });
/** Entities that it declares and never took over. */
const NOT_OURS: readonly JsonObject[] = [role('foreign'), role('stranger')];

beforeEach(async () => {
  await rm(join(world.directory, 'secrets'), { recursive: true, force: true });
});

/** All entities exist: created here, adopted, and of other owners. */
async function settle(...more: JsonObject[]): Promise<void> {
  await createRole('found');
  await createRole('stranger');
  await runs.apply([role('foreign'), { ...PROVIDER, clientIdList: ['theirs', 'common'] }], { namespace: 'other' });
  const report = await runs.apply([...MADE, ...more, FOUND]);
  expect(report.result).toBe('converged');
  expect(entityOf(report, 'Role/found').outcome).toBe('adopted');
  world.proxy.clear();
}

const json = ['--yes', '--output', 'json'] as const;

/** What of two dumps differs, by `Kind/name`. */
function changed(before: AccountDump, after: AccountDump): string[] {
  const ids = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return ids.filter((id) => JSON.stringify(before[id]) !== JSON.stringify(after[id])).sort();
}

describe('release', () => {
  test('takes the marks off what is ours, and nothing else changes in the account, byte for byte', async () => {
    await settle(GROUP);
    const before = await dumpAccount(world);
    const released = await runCommand('release', [...MADE, GROUP, FOUND, ...NOT_OURS], json);
    expect(released.code).toBe(0);
    const report = released.report();
    expect(report).toMatchObject({ command: 'release', result: 'converged' });
    expect(outcomesOf(report)).toEqual({
      'Policy/p': 'released',
      'Role/r': 'released',
      'InstanceProfile/i': 'released',
      'User/u': 'released',
      'AccessKey/u': 'unchanged',
      'OpenIDConnectProvider/tokens.example.com': 'released',
      'Group/g': 'unchanged',
      'Role/found': 'released',
      'Role/foreign': 'unchanged',
      'Role/stranger': 'unchanged',
    });
    expect(writesIn(world).sort()).toEqual([
      'UntagInstanceProfile',
      'UntagOpenIDConnectProvider',
      'UntagPolicy',
      'UntagRole',
      'UntagRole',
      'UntagUser',
    ]);

    const after = await dumpAccount(world);
    const theirs = new Set([
      'Role/foreign',
      'OpenIDConnectProvider/arn:aws:iam::111111111111:oidc-provider/tokens.example.com',
    ]);
    for (const id of Object.keys(before)) {
      const goes = theirs.has(id) ? (tag: string) => tag === sharedByTag('ci') : (tag: string) => isOwnershipTag(tag);
      const [was, is] = [before, after].map((dump): AccountDump => ({ [id]: dump[id] ?? null }));
      expect(is).toEqual(withoutTags(was ?? {}, goes));
    }
    expect(JSON.stringify(before['Role/r'])).toContain(OwnershipTag.Namespace);
    expect(JSON.stringify(after['Role/foreign'])).toContain(OwnershipTag.Namespace);
    const { Tags = [] } = await iam.listRoleTags({ RoleName: 'r' });
    expect(Tags).toEqual([{ Key: 'team', Value: 'platform' }]);

    // Once more there is nothing to do, and a released entity can be adopted again.
    world.proxy.clear();
    const again = await runCommand('release', [...MADE, GROUP, FOUND], json);
    expect(again.code).toBe(0);
    expect(new Set(Object.values(outcomesOf(again.report())))).toEqual(new Set(['unchanged']));
    expect(writesIn(world)).toEqual([]);
    expect(outcomesOf(await runs.apply([role('r')]))).toEqual({ 'Role/r': 'adopted' });
  });

  test('of a shared entity takes our mark off, and that of the last one takes all: who finds it later has not made it', async () => {
    await settle();
    const OpenIDConnectProviderArn = `arn:aws:iam::${ACCOUNT}:oidc-provider/tokens.example.com`;
    const look = async () => {
      const { Tags = [], ClientIDList = [] } = await iam.getOpenIDConnectProvider({ OpenIDConnectProviderArn });
      return { tags: Tags.map(({ Key }) => Key).sort(), clients: ClientIDList.sort() };
    };
    const clients = ['common', 'ours', 'theirs'];
    await runCommand('release', [PROVIDER], json);
    const { Installation, Intent, Origin } = OwnershipTag;
    const tags = [SharingTag.CreatedBy, Installation, Intent, Origin, sharedByTag('other')];
    expect(await look()).toEqual({ tags, clients });
    const path = await world.manifest(
      'o.json',
      manifestOf({ namespace: 'other', account: ACCOUNT, entities: [PROVIDER] }),
    );
    await world.cli(['release', '-f', path, ...json]);
    expect(await look()).toEqual({ tags: [], clients });

    const adopted = await runs.apply([PROVIDER], { namespace: 'third' });
    expect(outcomesOf(adopted)).toEqual({ 'OpenIDConnectProvider/tokens.example.com': 'adopted' });
    const gone = await runs.apply([PROVIDER], { namespace: 'third', command: 'destroy' });
    expect(outcomesOf(gone)).toEqual({ 'OpenIDConnectProvider/tokens.example.com': 'released' });
    expect(await look()).toEqual({ tags: [], clients });
  });

  test('shows in its plan every ownership tag that goes, reports kinds without tags as having nothing to release, and writes nothing', async () => {
    await settle(GROUP);
    const planned = await runCommand('release', [...MADE, GROUP, FOUND, ...NOT_OURS], ['--plan']);
    expect(planned.code).toBe(0);
    expect(planned.stdout).toMatch(/< Role\/r\s+release\n\s+- removed: tags\.iam-bootstrap:\S+ = "\S+"/);
    expect(planned.stdout).toMatch(/Group\/g\s+no-op\n\s+has nothing to release: a Group cannot have tags/);
    expect(planned.stdout).toMatch(/AccessKey\/u\s+no-op\n\s+has nothing to release: an AccessKey cannot have tags/);
    expect(planned.stdout).toMatch(
      /Role\/foreign\s+no-op\n\s+is left as it is: it is owned by iam-bootstrap namespace "other"/,
    );
    expect(planned.stdout).toMatch(/Role\/stranger\s+no-op\n\s+is left as it is: it has no owner/);
    expect(planned.stdout).toContain('6 to release, 4 unchanged');
    expect(writesIn(world)).toEqual([]);
  });

  test('may be asked for in a manifest, for some of its entities; others may go on to refer to them', async () => {
    await settle();
    const entities = [
      { ...POLICY, state: 'released' },
      role('r', { managedPolicyArns: [P] }),
      { kind: 'User', userName: 'u', state: 'released' },
      { kind: 'Role', roleName: 'never', state: 'released' },
    ];
    const report = await runs.apply(entities);
    expect(report.result).toBe('converged');
    expect(outcomesOf(report)).toEqual({
      'Policy/p': 'released',
      'Role/r': 'unchanged',
      'User/u': 'released',
      'Role/never': 'unchanged',
    });
    expect(fullWritesIn(world).sort()).toEqual(['UntagPolicy p', 'UntagUser u']);
    expect((await iam.listUserTags({ UserName: 'u' })).Tags).toEqual([]);
  });
});

describe('destroy', () => {
  test('deletes what this namespace created, releases what it adopted, and leaves the rest of the account as it is', async () => {
    const bare = { kind: 'Group', groupName: 'g', users: ['u'] };
    await settle(bare);
    const before = await dumpAccount(world);
    const destroyed = await runCommand('destroy', [...MADE, bare, FOUND, ...NOT_OURS], json);
    expect(destroyed.code).toBe(0);
    const report = destroyed.report();
    expect(outcomesOf(report)).toEqual({
      'Policy/p': 'deleted',
      'Role/r': 'deleted',
      'InstanceProfile/i': 'deleted',
      'User/u': 'deleted',
      'AccessKey/u': 'unchanged',
      'OpenIDConnectProvider/tokens.example.com': 'released',
      'Group/g': 'unchanged',
      'Role/found': 'released',
      'Role/foreign': 'unchanged',
      'Role/stranger': 'unchanged',
    });
    expect(entityOf(report, 'OpenIDConnectProvider/tokens.example.com').reason).toBe(
      'removes only this namespace\'s part: namespace "other" keeps it',
    );
    expect(entityOf(report, 'AccessKey/u').reason).toMatch(
      /cannot have tags.*; what belongs to User\/u is deleted with it$/,
    );
    expect(refusedWritesIn(world)).toEqual([]);

    const after = await dumpAccount(world);
    expect(changed(before, after)).toEqual([
      'AccountSummary/account',
      'Group/g',
      'InstanceProfile/i',
      `OpenIDConnectProvider/arn:aws:iam::${ACCOUNT}:oidc-provider/tokens.example.com`,
      'Policy/p',
      'Role/found',
      'Role/r',
      'User/u',
    ]);
    expect(
      Object.keys(before)
        .filter((id) => after[id] === undefined)
        .sort(),
    ).toEqual(['InstanceProfile/i', 'Policy/p', 'Role/r', 'User/u']);
    expect(withoutTags({ found: after['Role/found'] ?? null }, () => false)).toEqual(
      withoutTags({ found: before['Role/found'] ?? null }, isOwnershipTag),
    );
    // The group loses the user that is gone, and nothing else.
    expect(after['Group/g']).toEqual({ ...(before['Group/g'] as JsonObject), Users: [] });
    const arn = `arn:aws:iam::${ACCOUNT}:oidc-provider/tokens.example.com`;
    const provider = await iam.getOpenIDConnectProvider({ OpenIDConnectProviderArn: arn });
    expect(provider.ClientIDList?.sort()).toEqual(['common', 'theirs']);
    expect(provider.Tags?.map(({ Key }) => Key)).not.toContain(sharedByTag('ci'));
  });

  test('with --include-adopted deletes everything declared that has no other owner, dependents first, in any order', async () => {
    for (const turned of [false, true]) {
      await world.sandbox.reset();
      await rm(join(world.directory, 'secrets'), { recursive: true, force: true });
      await settle(GROUP);
      const all = [...MADE, GROUP, FOUND, ...NOT_OURS];
      const destroyed = await runCommand('destroy', turned ? all.reverse() : all, [...json, '--include-adopted']);
      expect(destroyed.code).toBe(0);
      // Each waits for what holds on to it: none tries in vain.
      expect(destroyed.report().entities.filter(({ attempts }) => attempts > 1)).toEqual([]);
      expect(outcomesOf(destroyed.report())).toMatchObject({
        'Policy/p': 'deleted',
        'AccessKey/u': 'deleted',
        'Group/g': 'deleted',
        'Role/found': 'deleted',
        'Role/foreign': 'unchanged',
        'Role/stranger': 'unchanged',
      });
      expect(refusedWritesIn(world)).toEqual([]);
      const writes = fullWritesIn(world);
      const at = (write: string): number => {
        expect(writes).toContain(write);
        return writes.indexOf(write);
      };
      expect(at('DeleteInstanceProfile i')).toBeLessThan(at('DeleteRole r'));
      for (const holder of ['DeleteRole r', 'DeleteUser u', 'DeleteGroup g']) {
        expect(at(holder)).toBeLessThan(at('DeletePolicy p'));
      }
      expect(at('DeleteGroup g')).toBeLessThan(at('DeleteUser u'));
      const key = writes.findIndex((write) => write.startsWith('DeleteAccessKey'));
      expect(writes.filter((write) => write.startsWith('DeleteAccessKey'))).toHaveLength(1);
      expect(key).toBeLessThan(at('DeleteUser u'));

      // Once more there is nothing to do.
      world.proxy.clear();
      const again = await runCommand('destroy', all, [...json, '--include-adopted']);
      expect(again.code).toBe(0);
      expect(new Set(Object.values(outcomesOf(again.report())))).toEqual(new Set(['unchanged']));
      expect(writesIn(world)).toEqual([]);
    }
  });

  test('detaches a policy that it deletes from an adopted role that it releases, and names the detachment', async () => {
    await createRole('found');
    await iam.attachRolePolicy({ RoleName: 'found', PolicyArn: READ_ONLY });
    const entities = [POLICY, role('found', { managedPolicyArns: [P] })];
    await runs.apply(entities);
    world.proxy.clear();
    const arn = `arn:aws:iam::${ACCOUNT}:policy/p`;
    const planned = await runCommand('destroy', entities, ['--plan']);
    expect(planned.stdout).toContain(`DetachRolePolicy found ${arn}`);
    const destroyed = await runCommand('destroy', entities, json);
    expect(destroyed.code).toBe(0);
    expect(outcomesOf(destroyed.report())).toEqual({ 'Policy/p': 'deleted', 'Role/found': 'released' });
    expect(fullWritesIn(world)).toEqual(['DetachRolePolicy found p', 'DeletePolicy p', 'UntagRole found']);
    const { AttachedPolicies } = await iam.listAttachedRolePolicies({ RoleName: 'found' });
    expect(AttachedPolicies?.map(({ PolicyArn }) => PolicyArn)).toEqual([READ_ONLY]);
  });

  test('is refused before its first write where something that stays holds on to what goes, and says what to do', async () => {
    await settle(GROUP);
    const refused = await runCommand('destroy', [...MADE, GROUP], json);
    expect(refused.code).toBe(3);
    expect(entityOf(refused.report(), 'Policy/p')).toMatchObject({
      outcome: 'refused',
      reason: 'cannot be deleted: still attached to Group/g, which this run keeps',
      remedy: 'detach Policy/p from Group/g first, or pass --include-adopted',
    });
    expect(writesIn(world)).toEqual([]);

    await iam.attachRolePolicy({ RoleName: 'stranger', PolicyArn: `arn:aws:iam::${ACCOUNT}:policy/p` });
    const held = await runCommand('destroy', [POLICY, ...MADE.slice(1), GROUP], [...json, '--include-adopted']);
    expect(entityOf(held.report(), 'Policy/p')).toMatchObject({
      outcome: 'refused',
      remedy: 'detach Policy/p from Role/stranger first, or declare it here',
    });
    expect(writesIn(world)).toEqual([]);
  });

  test('shows in its plan every write that it takes, and writes nothing', async () => {
    await settle();
    const planned = await runCommand('destroy', [...MADE, FOUND], ['--plan']);
    expect(planned.code).toBe(0);
    const arn = `arn:aws:iam::${ACCOUNT}:policy/p`;
    const lines = planned.stdout.split('\n').map((line) => line.trim());
    for (const line of [
      `DetachRolePolicy r ${arn}`,
      'DeleteRolePolicy r own',
      'DeleteRole r',
      `DetachUserPolicy u ${arn}`,
      'DeleteUser u',
      'RemoveRoleFromInstanceProfile i r',
      'DeleteInstanceProfile i',
      `DeletePolicy ${arn}`,
    ]) {
      expect(lines).toContain(`- ${line}`);
    }
    expect(lines.some((line) => line.startsWith('- DeleteAccessKey u AKIA'))).toBe(true);
    expect(lines).toContain('- removed: ours');
    expect(lines.some((line) => line.startsWith('- removed: tags.iam-bootstrap:shared-by:ci = '))).toBe(true);
    expect(writesIn(world)).toEqual([]);

    const asJson = await runCommand('destroy', [...MADE, FOUND], ['--plan', '--output', 'json']);
    expect(asJson.report()).toMatchObject({ command: 'plan', result: 'pending' });
  });

  test('with --include-adopted leaves what AWS does not let go, says so, and goes on with the rest', async () => {
    const properties = { kind: 'AccountProperties', ...KIND_FIXTURES['AccountProperties']?.full };
    await runs.apply([properties, role('r')]);
    world.proxy.clear();
    const destroyed = await runCommand('destroy', [properties, role('r')], [...json, '--include-adopted']);
    expect(destroyed.code).toBe(0);
    expect(outcomesOf(destroyed.report())).toEqual({ 'AccountProperties/account': 'unchanged', 'Role/r': 'deleted' });
    expect(entityOf(destroyed.report(), 'AccountProperties/account').reason).toMatch(
      /^is left as it is: AWS cannot remove account properties/,
    );
    expect(writesIn(world)).toEqual(['DeleteRole']);
  });

  test('goes on where the worker is killed, wherever that is, and ends with nothing left and nothing done twice', async () => {
    const actions = ['DetachRolePolicy', 'DeleteInstanceProfile', 'DeleteUser', 'DeletePolicy'];
    await onStage(world, async ({ taskQueue, proxy, newAccount, killedAt }) => {
      const cases = actions.map((action) => {
        const account = newAccount();
        // The accounts share a folder for secrets.
        const made = MADE.map((entity) => ('secret' in entity ? { ...entity, secret: { file: account } } : entity));
        const all = [...made, GROUP, FOUND];
        const itsIam = iamClient(world.sandbox.url, account);
        return { when: 'after' as const, action, account, parts: { account, taskQueue }, all, itsIam };
      });
      await forEachConcurrently(cases, cases.length, async ({ account, parts, all, itsIam }) => {
        await itsIam.createRole({ RoleName: 'found', AssumeRolePolicyDocument: JSON.stringify(trusting()) });
        expect((await runs.apply(all, parts)).result).toBe('converged');
        proxy.clear(account);
      });
      const deaths = await killedAt(cases, ({ parts, all }) =>
        runs.apply(all, { ...parts, command: 'destroy', includeAdopted: true }),
      );
      for (const { action, account, itsIam, ended } of deaths) {
        expect([action, ended.result]).toEqual([action, 'converged']);
        expect(new Set(Object.values(outcomesOf(ended)))).toEqual(new Set(['deleted']));
        const done = proxy.calls.filter((call) => call.account === account && call.committed);
        for (const once of ['DeleteRole', 'DeleteUser', 'DeleteGroup', 'DeletePolicy', 'DeleteInstanceProfile']) {
          const calls = done.filter((call) => call.action === once);
          expect([once, calls.length]).toEqual([once, once === 'DeleteRole' ? 2 : 1]);
        }
        const { RoleDetailList, UserDetailList, GroupDetailList, Policies } =
          await itsIam.getAccountAuthorizationDetails({ Filter: ['Role', 'User', 'Group', 'LocalManagedPolicy'] });
        expect([RoleDetailList, UserDetailList, GroupDetailList, Policies]).toEqual([[], [], [], []]);
        expect((await itsIam.listInstanceProfiles({})).InstanceProfiles).toEqual([]);
      }
    });
  });
});

describe('the confirmation', () => {
  const SMALL = [role('r')];
  const small = async (): Promise<void> => {
    await runs.apply(SMALL);
    world.proxy.clear();
  };

  test('cannot be asked for without a terminal: exit 64, and nothing is called', async () => {
    await small();
    for (const command of ['release', 'destroy'] as const) {
      const refused = await runCommand(command, SMALL);
      expect(refused.code).toBe(64);
      expect(refused.stdout).toBe('');
      expect(refused.stderr).toContain(`${command} cannot ask for confirmation: standard input is not a terminal`);
      expect(refused.stderr).toContain('add --yes to go ahead, or --plan');
    }
    const path = await world.manifest('ask.json', manifestOf({ namespace: 'ci', account: ACCOUNT, entities: SMALL }));
    const asJson = await onTerminal(world, ['destroy', '-f', path, '--output', 'json'], 'unasked');
    expect(asJson.code).toBe(64);
    // The line is broken where the terminal ends.
    expect(asJson.text.replace(/\s+/g, ' ')).toContain('cannot ask for confirmation: not with --output json');
    expect(world.proxy.calls).toEqual([]);
  });

  test('that is anything but account and namespace writes nothing, and exits 3', async () => {
    await small();
    const path = await world.manifest('ask.json', manifestOf({ namespace: 'ci', account: ACCOUNT, entities: SMALL }));
    const answers = [`${ACCOUNT}\r`, 'ci\r', 'yes\r', `${ACCOUNT}/other\r`, '\r', '\u0004', '\u0003'];
    await Promise.all(
      answers.map(async (answer) => {
        const { code, text } = await onTerminal(world, ['destroy', '-f', path], answer);
        expect(text).toMatch(/- Role\/r\s+delete/);
        expect(text).toContain(`Type ${ACCOUNT}/ci to destroy`);
        expect(text).toContain('Not confirmed. Nothing was written.');
        expect([answer, code]).toEqual([answer, 3]);
      }),
    );
    expect(writesIn(world)).toEqual([]);
  });

  test.each([
    ['release', 'Role/r'],
    ['destroy', 'Role/r'],
  ])('that is account and namespace has %s done', async (command, id) => {
    await small();
    const path = await world.manifest('ask.json', manifestOf({ namespace: 'ci', account: ACCOUNT, entities: SMALL }));
    const { code, text } = await onTerminal(world, [command, '-f', path], `${ACCOUNT}/ci\r`);
    expect(code).toBe(0);
    expect(text).toMatch(new RegExp(`${id}\\s+${command === 'release' ? 'released' : 'deleted'}`));
    expect(writesIn(world).length).toBeGreaterThan(0);

    // With nothing left to do nobody is asked.
    const again = await onTerminal(world, [command, '-f', path], 'unasked');
    expect(again.code).toBe(0);
    expect(again.text).not.toContain('Type ');
  });
});
