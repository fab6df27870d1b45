import type { JsonObject } from '../../src/contract/entity.js';
import type { EntityReport } from '../../src/contract/report.js';
import { allowing, manifestOf, role, trusting } from '../support/manifests-of.js';
import { entityOf, fullWritesIn, outcomesOf, writesIn } from '../support/runs.js';
import { ACCOUNT } from '../support/world.js';
import { iam, runCommand, runs, useWorld, world } from '../support/use-world.js';

useWorld();

const READ_ONLY = 'arn:aws:iam::aws:policy/ReadOnlyAccess';
const BILLING = 'arn:aws:iam::aws:policy/job-function/Billing';
const DOCUMENT = JSON.stringify(allowing('sqs:SendMessage'));

/** A role that declares one of each sort of thing that a role can have several of. */
function declared(more: JsonObject = {}): JsonObject {
  return role('r', {
    inlinePolicies: { own: allowing('s3:ListBucket') },
    managedPolicyArns: [READ_ONLY],
    tags: { team: 'platform' },
    ...more,
  });
}

/** The content added by hand, as a report lists it when it is kept. */
const EXTRA = ['inlinePolicies: extra', `managedPolicyArns: ${BILLING}`, 'tags: extra'];

const GROUP: JsonObject = {
  kind: 'Group',
  groupName: 'g',
  users: ['ann'],
  inlinePolicies: { own: allowing('s3:ListBucket') },
  managedPolicyArns: [READ_ONLY],
};
const GROUP_EXTRA = ['inlinePolicies: extra', `managedPolicyArns: ${BILLING}`, 'users: ben'];

async function addToRole(): Promise<void> {
  await iam.putRolePolicy({ RoleName: 'r', PolicyName: 'extra', PolicyDocument: DOCUMENT });
  await iam.attachRolePolicy({ RoleName: 'r', PolicyArn: BILLING });
  await iam.tagRole({ RoleName: 'r', Tags: [{ Key: 'extra', Value: '1' }] });
}

async function addToGroup(): Promise<void> {
  await iam.putGroupPolicy({ GroupName: 'g', PolicyName: 'extra', PolicyDocument: DOCUMENT });
  await iam.attachGroupPolicy({ GroupName: 'g', PolicyArn: BILLING });
  await iam.addUserToGroup({ GroupName: 'g', UserName: 'ben' });
}

/** The role is ours, and content was added to it by hand. */
async function oursWithExtra(): Promise<void> {
  await runs.apply([declared()]);
  await addToRole();
  world.proxy.clear();
}

function removals({ drift }: EntityReport): string[] {
  return drift.filter(({ desired }) => desired === null).map(({ path, summary }) => summary ?? `- ${path}`);
}

describe('what is not declared, inside of what is ours', () => {
  test('is removed where the entity says so: the plan names each of it, and nothing else is written', async () => {
    await oursWithExtra();
    const entities = [declared({ unmanaged: 'remove' })];
    const planned = await runs.plan(entities);
    expect(planned.result).toBe('pending');
    expect(entityOf(planned, 'Role/r')).toMatchObject({ decision: 'update', unmanaged: [], reason: null });
    expect(removals(entityOf(planned, 'Role/r'))).toEqual(['- extra', `- ${BILLING}`, '- tags.extra']);
    expect(writesIn(world)).toEqual([]);
    const report = await runs.apply(entities);
    expect(outcomesOf(report)).toEqual({ 'Role/r': 'updated' });
    expect(fullWritesIn(world)).toEqual(['DeleteRolePolicy r extra', 'DetachRolePolicy r Billing', 'UntagRole r']);
    const { Tags = [] } = await iam.listRoleTags({ RoleName: 'r' });
    expect(Tags.map(({ Key }) => Key)).toContain('team');
  });

  test('is no tag that the manifest spells in another case: IAM takes it for the same one', async () => {
    await runs.apply([declared({ tags: { CostCentre: '42' } })]);
    world.proxy.clear();
    const respelled = declared({ tags: { costcentre: '42' }, unmanaged: 'remove' });
    expect(outcomesOf(await runs.apply([respelled]))).toEqual({ 'Role/r': 'unchanged' });
    expect(writesIn(world)).toEqual([]);
    const changed = declared({ tags: { costcentre: '43' }, unmanaged: 'remove' });
    expect(outcomesOf(await runs.apply([changed]))).toEqual({ 'Role/r': 'updated' });
    expect(fullWritesIn(world)).toEqual(['TagRole r']);
    const { Tags = [] } = await iam.listRoleTags({ RoleName: 'r' });
    expect(Tags.filter(({ Key }) => Key?.toLowerCase() === 'costcentre').map(({ Value }) => Value)).toEqual(['43']);
  });

  test('is kept of the properties that are named, where the defaults say remove', async () => {
    await oursWithExtra();
    const manifest = manifestOf({
      namespace: 'ci',
      account: ACCOUNT,
      entities: [declared({ unmanaged: { inlinePolicies: 'keep' } })],
    });
    const path = await world.manifest('defaults.json', { ...manifest, defaults: { unmanaged: 'remove' } });
    const applied = await world.cli(['apply', '-f', path, '--output', 'json']);
    expect(entityOf(applied.report(), 'Role/r').unmanaged).toEqual(['inlinePolicies: extra']);
    expect(fullWritesIn(world)).toEqual(['DetachRolePolicy r Billing', 'UntagRole r']);
  });

  test('reads in text as what goes and what stays', async () => {
    await oursWithExtra();
    const { stdout } = await runCommand('plan', [declared({ unmanaged: { managedPolicyArns: 'remove' } })]);
    expect(stdout).toContain(`\n        - removed: ${BILLING}\n`);
    expect(stdout).toContain('\n      ! unmanaged, kept: inline policy extra\n');
    expect(stdout).not.toContain(`unmanaged, kept: attached policy`);
  });
});

describe('a property that no such entity has', () => {
  test('is refused offline, at its place, with the one that may be meant', async () => {
    const yaml = [
      'version: 1',
      'namespace: ci',
      `environments: { test: { account: "${ACCOUNT}" } }`,
      'entities:',
      '  - kind: Group',
      '    groupName: g',
      '    unmanaged:',
      '      users: remove',
      '      managedPolicyArn: remove',
      '      roleName: keep',
    ].join('\n');
    const path = await world.manifest('unknown.yaml', yaml);
    const { code, stderr } = await world.cli(['validate', '-f', path]);
    expect(code).toBe(64);
    expect(stderr).toMatch(/unknown\.yaml:9:7: .*Group has no property .?managedPolicyArn.? with unmanaged content/);
    expect(stderr).toMatch(/did you mean .?managedPolicyArns/);
    expect(stderr).toMatch(/unknown\.yaml:10:7: .*Group has no property .?roleName/);
    expect(stderr).toContain('2 problems');
    const wrong = await world.manifest(
      'wrong.yaml',
      yaml.replace('users: remove', 'users: purge').split('\n').slice(0, 8).join('\n'),
    );
    expect((await world.cli(['validate', '-f', wrong])).stderr).toMatch(/wrong\.yaml:8:14/);
  });
});

describe('a first adoption', () => {
  beforeEach(async () => {
    await iam.createRole({ RoleName: 'r', AssumeRolePolicyDocument: JSON.stringify(trusting()) });
    await addToRole();
  });
  const wanted = [declared({ unmanaged: 'remove' })];

  test('removes nothing, says so, and leaves that to the next run', async () => {
    const planned = await runs.plan(wanted);
    const why = 'exists and has no owner; a first adoption keeps what is unmanaged, unless --remove-unmanaged is given';
    expect(entityOf(planned, 'Role/r')).toMatchObject({ decision: 'adopt', unmanaged: EXTRA, reason: why });
    expect(removals(entityOf(planned, 'Role/r'))).toEqual([]);
    const adopted = await runs.apply(wanted);
    expect(adopted.result).toBe('converged');
    expect(entityOf(adopted, 'Role/r')).toMatchObject({ outcome: 'adopted', unmanaged: EXTRA, reason: why });
    expect(writesIn(world).sort()).toEqual(['AttachRolePolicy', 'PutRolePolicy', 'TagRole']);

    world.proxy.clear();
    const next = await runs.apply(wanted);
    expect(entityOf(next, 'Role/r')).toMatchObject({ outcome: 'updated', unmanaged: [], reason: null });
    expect(writesIn(world)).toEqual(['DeleteRolePolicy', 'DetachRolePolicy', 'UntagRole']);
  });

  test('removes it with --remove-unmanaged, after a plan that shows it', async () => {
    const planned = await runCommand('plan', wanted, ['--remove-unmanaged']);
    expect(planned.stdout).toMatch(/& Role\/r\s+adopt\n/);
    expect(planned.stdout).toContain(`- removed: ${BILLING}\n`);
    expect(writesIn(world)).toEqual([]);
    const adopted = await runCommand('apply', wanted, ['--remove-unmanaged', '--output', 'json']);
    expect(adopted.code).toBe(0);
    expect(entityOf(adopted.report(), 'Role/r')).toMatchObject({ outcome: 'adopted', unmanaged: [] });
    const { AttachedPolicies = [] } = await iam.listAttachedRolePolicies({ RoleName: 'r' });
    expect(AttachedPolicies.map(({ PolicyArn }) => PolicyArn)).toEqual([READ_ONLY]);
    expect((await iam.listRolePolicies({ RoleName: 'r' })).PolicyNames).toEqual(['own']);
  });

  test('removes nothing with --remove-unmanaged alone: the manifest has to say so, too', async () => {
    const adopted = await runCommand('apply', [declared()], ['--remove-unmanaged', '--output', 'json']);
    expect(entityOf(adopted.report(), 'Role/r').unmanaged).toEqual(EXTRA);
    expect(writesIn(world).sort()).toEqual(['AttachRolePolicy', 'PutRolePolicy', 'TagRole']);
  });
});

describe('an adoption tells what comes with the entity, of properties that the manifest leaves out', () => {
  const ADMIN = 'arn:aws:iam::aws:policy/AdministratorAccess';

  async function roleOfOthers(): Promise<void> {
    const AssumeRolePolicyDocument = JSON.stringify(trusting());
    await iam.createRole({ RoleName: 'r', AssumeRolePolicyDocument, Description: 'by hand', MaxSessionDuration: 7200 });
    await addToRole();
    await iam.putRolePolicy({ RoleName: 'r', PolicyName: 'root', PolicyDocument: JSON.stringify(allowing('*')) });
    await iam.attachRolePolicy({ RoleName: 'r', PolicyArn: ADMIN });
  }

  test('of a role: at plan and in the outcome, an administrator first, with one read more; later what is new', async () => {
    await roleOfOthers();
    world.proxy.clear();
    const planned = await runCommand('plan', [role('r')]);
    expect(planned.stdout).toContain(`! unmanaged, kept: attached policy ${ADMIN}\n`);
    expect(world.proxy.count('GetRole')).toBe(1);
    const all = [
      'inlinePolicies: root',
      `managedPolicyArns: ${ADMIN}`,
      'description: "by hand"',
      'maxSessionDuration: 7200',
      'inlinePolicies: extra',
      `managedPolicyArns: ${BILLING}`,
      'tags: extra',
    ];
    const adopted = await runs.apply([role('r')]);
    expect(entityOf(adopted, 'Role/r').unmanaged).toHaveLength(all.length);
    expect(entityOf(adopted, 'Role/r')).toMatchObject({
      outcome: 'adopted',
      unmanaged: expect.arrayContaining(all) as string[],
    });
    expect(entityOf(adopted, 'Role/r').unmanaged.slice(0, 2).sort()).toEqual(all.slice(0, 2));
    expect(writesIn(world)).toEqual(['TagRole']);

    world.proxy.clear();
    expect(entityOf(await runs.apply([role('r')]), 'Role/r')).toMatchObject({ outcome: 'unchanged', unmanaged: [] });
    expect(world.proxy.count('GetRole')).toBe(0);
    await iam.attachRolePolicy({ RoleName: 'r', PolicyArn: READ_ONLY });
    expect(entityOf(await runs.plan([role('r')]), 'Role/r').unmanaged).toEqual([
      `managedPolicyArns: ${READ_ONLY} (since its adoption)`,
    ]);
  });

  test('of a user: its credentials and memberships, less those that the manifest declares; later new memberships', async () => {
    await iam.createUser({ UserName: 'ann' });
    for (const GroupName of ['admins', 'readers', 'later']) await iam.createGroup({ GroupName });
    for (const GroupName of ['admins', 'readers']) await iam.addUserToGroup({ GroupName, UserName: 'ann' });
    const { AccessKey } = await iam.createAccessKey({ UserName: 'ann' });
    await iam.createLoginProfile({ UserName: 'ann', Password: 'Correct-horse-9' });
    const entities = [
      { kind: 'User', userName: 'ann' },
      { kind: 'Group', groupName: 'readers', users: ['ann'] },
    ];
    const held = ['groups: admins', 'loginProfile: ann', `accessKeys: ${AccessKey?.AccessKeyId ?? ''}`];
    expect(entityOf(await runs.plan(entities), 'User/ann')).toMatchObject({ decision: 'adopt', unmanaged: held });
    expect(entityOf(await runs.apply(entities), 'User/ann')).toMatchObject({ outcome: 'adopted', unmanaged: held });

    await iam.addUserToGroup({ GroupName: 'later', UserName: 'ann' });
    world.proxy.clear();
    expect(entityOf(await runs.plan(entities), 'User/ann').unmanaged).toEqual(['groups: later (since its adoption)']);
    expect(world.proxy.count('ListAccessKeys')).toBe(0);
  });

  test('of a group: its members, once, until the namespace has claimed it', async () => {
    await iam.createUser({ UserName: 'ann' });
    await iam.createGroup({ GroupName: 'g' });
    await iam.addUserToGroup({ GroupName: 'g', UserName: 'ann' });
    const group = { kind: 'Group', groupName: 'g' };
    expect(entityOf(await runs.apply([group]), 'Group/g').unmanaged).toEqual(['users: ann']);
    world.proxy.clear();
    expect(entityOf(await runs.apply([group]), 'Group/g').unmanaged).toEqual([]);
    expect(world.proxy.count('GetGroup')).toBe(0);
  });
});

describe('a group, which carries no tags', () => {
  beforeEach(async () => {
    for (const UserName of ['ann', 'ben']) await iam.createUser({ UserName });
    await runs.apply([GROUP]);
    await addToGroup();
    world.proxy.clear();
  });
  const wanted = [{ ...GROUP, unmanaged: 'remove' }];

  test('keeps what is not declared in every run without the flag, and the report says why', async () => {
    for (const report of [await runs.plan(wanted), await runs.apply(wanted), await runs.apply(wanted)]) {
      expect(entityOf(report, 'Group/g')).toMatchObject({
        outcome: 'unchanged',
        unmanaged: GROUP_EXTRA,
        drift: [],
        reason:
          'a Group cannot have tags: ownership cannot be proven; unmanaged: remove applies only with --remove-unmanaged, because nothing shows whether this is the first adoption',
      });
    }
    expect(writesIn(world)).toEqual([]);
  });

  test('loses it with the flag, each time that it is given', async () => {
    for (let round = 1; round <= 2; round += 1) {
      const planned = await runs.plan(wanted, { removeUnmanaged: true });
      expect(removals(entityOf(planned, 'Group/g'))).toEqual(['- extra', `- ${BILLING}`, '- ben']);
      const report = await runs.apply(wanted, { removeUnmanaged: true });
      expect([report.result, entityOf(report, 'Group/g').outcome]).toEqual(['converged', 'updated']);
      expect(fullWritesIn(world)).toEqual([
        'DeleteGroupPolicy g extra',
        'DetachGroupPolicy g Billing',
        'RemoveUserFromGroup g ben',
      ]);
      await addToGroup();
      world.proxy.clear();
    }
  });
});
