import { remedyOfQuota } from '../../src/aws/quotas.js';
import type { JsonObject } from '../../src/contract/entity.js';
import { SSH_KEY } from '../support/kind-fixtures/certificates.js';
import { allowing, manifestOf, role, trusting } from '../support/manifests-of.js';
import { entityOf, fullWritesIn, outcomesOf, refusedWritesIn, writesIn } from '../support/runs.js';
import { ACCOUNT } from '../support/world.js';
import { iam, runs, useWorld, world } from '../support/use-world.js';

useWorld();

const AWS_POLICIES = ['ReadOnlyAccess', 'SecurityAudit', 'job-function/Billing', 'job-function/ViewOnlyAccess'].map(
  (name) => `arn:aws:iam::aws:policy/${name}`,
);
/** Which of the quotas AWS raises is proved by the unit test of the table. */
function remedyFor(name: string, limit: number): string {
  return remedyOfQuota(name, limit) ?? 'no remedy';
}
const MORE_ROLES =
  'ask for a higher quota "Roles per account" in Service Quotas, where AWS raises it up to 10000, or delete roles that are no longer used';

const policy = (policyName: string, more: JsonObject = {}): JsonObject => ({
  kind: 'Policy',
  policyName,
  policyDocument: allowing('s3:GetObject'),
  ...more,
});
const absent = (entity: JsonObject, name: string): JsonObject => ({
  kind: entity['kind'] ?? '',
  [name]: entity[name] ?? '',
  state: 'absent',
});

/** How many of each kind an account may have is told by GetAccountSummary under these names. */
const KINDS: readonly (readonly [kind: string, quota: string, make: (name: string) => JsonObject])[] = [
  ['Role', 'RolesQuota', (name) => role(name)],
  ['Policy', 'PoliciesQuota', (name) => policy(name)],
  ['User', 'UsersQuota', (userName) => ({ kind: 'User', userName })],
  ['Group', 'GroupsQuota', (groupName) => ({ kind: 'Group', groupName })],
  [
    'InstanceProfile',
    'InstanceProfilesQuota',
    (instanceProfileName) => ({ kind: 'InstanceProfile', instanceProfileName }),
  ],
];

async function quota(name: string, value: number): Promise<void> {
  const body = JSON.stringify({ account: ACCOUNT, name, value });
  const answer = await fetch(`${world.sandbox.url}/sandbox/quota`, { method: 'POST', body });
  expect(answer.status).toBe(200);
}

describe.each(KINDS)('an account with room for three of kind %s', (kind, name, make) => {
  test('that has one: two more are made; with three more nothing is written, and the numbers are told', async () => {
    await runs.apply([make('first')]);
    await quota(name, 3);
    world.proxy.clear();
    const refused = await runs.apply([make('first'), make('a'), make('b'), make('c')]);
    expect(refused.result).toBe('refused');
    for (const one of ['a', 'b', 'c']) {
      expect(entityOf(refused, `${kind}/${one}`)).toMatchObject({
        outcome: 'refused',
        reason: `the account has 1 of at most 3 (${name}), and this run creates 3 of kind ${kind}`,
        remedy: remedyFor(name, 3),
      });
    }
    expect(entityOf(refused, `${kind}/first`).outcome).toBe('unchanged');
    expect(writesIn(world)).toEqual([]);
    const fits = await runs.apply([make('first'), make('a'), make('b')]);
    expect(fits.summary).toMatchObject({ created: 2, unchanged: 1 });
  });

  test('that is full: what is made waits for what goes, and AWS refuses nothing', async () => {
    await runs.apply(['a', 'b', 'c'].map(make));
    await quota(name, 3);
    world.proxy.clear();
    const key = Object.keys(make('a')).find((property) => property.endsWith('Name')) ?? '';
    const all = [make('d'), make('e'), absent(make('a'), key), make('c'), absent(make('b'), key)];
    const report = await runs.apply(all);
    expect(report.result).toBe('converged');
    expect(report.summary).toMatchObject({ created: 2, deleted: 2, unchanged: 1 });
    expect(refusedWritesIn(world)).toEqual([]);
    const writes = writesIn(world);
    expect(writes.slice(0, 2)).toEqual([`Delete${kind}`, `Delete${kind}`]);
    expect(writes.slice(2)).toEqual([`Create${kind}`, `Create${kind}`]);

    // One more than what goes makes room for.
    world.proxy.clear();
    const more = await runs.apply([make('f'), make('g'), absent(make('d'), key)]);
    expect(entityOf(more, `${kind}/f`).reason).toBe(
      `the account has 3 of at most 3 (${name}), and this run creates 2 of kind ${kind} and deletes 1`,
    );
    expect(writesIn(world)).toEqual([]);
  });
});

describe('a full account', () => {
  test('refuses to swap the policy of a role before the first write, since the role would release the old one only after the new one exists', async () => {
    const holder = (name: string): JsonObject =>
      role('r', { managedPolicyArns: [`{{arn Policy/${name}}}`], unmanaged: 'remove' });
    await runs.apply([policy('old'), holder('old')]);
    await quota('PoliciesQuota', 1);
    world.proxy.clear();
    const swap = [policy('new'), absent(policy('old'), 'policyName'), holder('new')];
    const refused = await runs.apply(swap);
    expect(entityOf(refused, 'Policy/new')).toMatchObject({
      outcome: 'refused',
      reason:
        'the account has 1 of at most 1 (PoliciesQuota), and this run creates 1 of kind Policy and deletes 1, 1 of them only afterwards',
    });
    expect(writesIn(world)).toEqual([]);
    await quota('PoliciesQuota', 2);
    const report = await runs.apply(swap);
    expect(outcomesOf(report)).toEqual({ 'Policy/new': 'created', 'Policy/old': 'deleted', 'Role/r': 'updated' });
    expect(refusedWritesIn(world)).toEqual([]);
  });

  test('has room for a replacement, which makes its own', async () => {
    await runs.apply([policy('p', { description: 'a' })]);
    await quota('PoliciesQuota', 1);
    const report = await runs.apply([policy('p', { description: 'b', replace: true })]);
    expect(outcomesOf(report)).toEqual({ 'Policy/p': 'replaced' });
  });

  test('does not stop the rest of a run that is to keep going', async () => {
    await quota('PoliciesQuota', 0);
    const report = await runs.apply([policy('p'), role('r')], { keepGoing: true });
    expect(outcomesOf(report)).toEqual({ 'Policy/p': 'refused', 'Role/r': 'created' });
    expect(writesIn(world)).toEqual(['CreateRole']);
  });

  test('is told by the command line, with exit code 3', async () => {
    await quota('RolesQuota', 0);
    const manifest = manifestOf({ namespace: 'ci', account: ACCOUNT, entities: [role('r')] });
    const path = await world.manifest('full.json', manifest);
    const { code, stdout } = await world.cli(['apply', '-f', path]);
    expect(code).toBe(3);
    expect(stdout).toContain('the account has 0 of at most 0 (RolesQuota), and this run creates 1 of kind Role');
    expect(stdout).toContain(MORE_ROLES);
    expect(writesIn(world)).toEqual([]);
  });
});

describe('an entity that would be larger than the account allows', () => {
  const long = (characters: number): JsonObject => ({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: `arn:aws:s3:::${'x'.repeat(characters)}` }],
  });

  test.each<[string, string, number, JsonObject, RegExp]>([
    [
      'attached policies of a role',
      'AttachedPoliciesPerRoleQuota',
      2,
      role('x', { managedPolicyArns: AWS_POLICIES.slice(0, 3) }),
      /^would have 3 attached policies, and the account allows 2 \(AttachedPoliciesPerRoleQuota\)$/,
    ],
    [
      'attached policies of a user',
      'AttachedPoliciesPerUserQuota',
      1,
      { kind: 'User', userName: 'x', managedPolicyArns: AWS_POLICIES.slice(0, 2) },
      /^would have 2 attached policies, and the account allows 1/,
    ],
    [
      'attached policies of a group',
      'AttachedPoliciesPerGroupQuota',
      1,
      { kind: 'Group', groupName: 'x', managedPolicyArns: AWS_POLICIES.slice(0, 2) },
      /^would have 2 attached policies, and the account allows 1/,
    ],
    [
      'document of a policy',
      'PolicySizeQuota',
      200,
      policy('x', { policyDocument: long(200) }),
      /^would have 3\d\d characters of policy, and the account allows 200 \(PolicySizeQuota\)$/,
    ],
    [
      'trust policy of a role',
      'AssumeRolePolicySizeQuota',
      50,
      role('x'),
      /^would have 1\d\d characters of trust policy, and the account allows 50/,
    ],
    [
      'inline policies of a role',
      'RolePolicySizeQuota',
      200,
      role('x', { inlinePolicies: { a: long(20), b: long(20) } }),
      /^would have 2\d\d characters of inline policies, and the account allows 200/,
    ],
  ])('is refused before the first write: %s', async (_title, name, value, entity, reason) => {
    await quota(name, value);
    const report = await runs.apply([entity, { kind: 'User', userName: 'other' }]);
    expect(report.entities[0]).toMatchObject({
      outcome: 'refused',
      reason: expect.stringMatching(reason) as string,
      remedy: remedyFor(name, value),
    });
    expect(entityOf(report, 'User/other').outcome).toBe('skipped');
    expect(writesIn(world)).toEqual([]);
  });

  test('is refused for what is unmanaged and stays, and is not where that goes', async () => {
    const declaring = (arns: readonly string[], more: JsonObject = {}): JsonObject[] => [
      role('r', { managedPolicyArns: arns, inlinePolicies: {}, ...more }),
    ];
    await runs.apply(declaring(AWS_POLICIES.slice(0, 1)));
    await iam.attachRolePolicy({ RoleName: 'r', PolicyArn: AWS_POLICIES[3] });
    await quota('AttachedPoliciesPerRoleQuota', 2);
    world.proxy.clear();
    const refused = await runs.apply(declaring(AWS_POLICIES.slice(0, 2)));
    expect(entityOf(refused, 'Role/r').reason).toBe(
      'would have 3 attached policies, and the account allows 2 (AttachedPoliciesPerRoleQuota)',
    );
    expect(writesIn(world)).toEqual([]);
    const removing = await runs.apply(declaring(AWS_POLICIES.slice(0, 2), { unmanaged: 'remove' }));
    expect(outcomesOf(removing)).toEqual({ 'Role/r': 'updated' });
    expect(refusedWritesIn(world)).toEqual([]);
  });

  test('is not refused where it exceeds the quota already and does not grow', async () => {
    const RoleName = 'r';
    await iam.createRole({ RoleName, AssumeRolePolicyDocument: JSON.stringify(trusting()) });
    for (const PolicyArn of AWS_POLICIES) await iam.attachRolePolicy({ RoleName, PolicyArn });
    await quota('AttachedPoliciesPerRoleQuota', 2);
    await quota('AssumeRolePolicySizeQuota', 50);
    const report = await runs.apply([role('r', { managedPolicyArns: AWS_POLICIES, description: 'adopted' })]);
    expect(outcomesOf(report)).toEqual({ 'Role/r': 'adopted' });
    expect(fullWritesIn(world)).toEqual(['TagRole r', 'UpdateRole r']);
  });
});

describe('the account is asked for its quotas', () => {
  test('once in a run that writes, and not in one with nothing to do or nothing to make', async () => {
    const all = [...KINDS.map(([, , make]) => make('a')), ...KINDS.map(([, , make]) => make('b'))];
    await runs.apply(all);
    expect(world.proxy.count('GetAccountSummary')).toBe(1);
    world.proxy.clear();
    await runs.apply(all);
    expect(world.proxy.count('GetAccountSummary')).toBe(0);
    await runs.apply([absent(role('a'), 'roleName')]);
    expect(world.proxy.count('GetAccountSummary')).toBe(0);
    expect(writesIn(world)).toEqual(['DeleteRole']);
  });

  test('and if it may not be, the run goes on: AWS itself says what it has no room for', async () => {
    world.proxy.on(
      { action: 'GetAccountSummary' },
      { kind: 'error', status: 403, code: 'AccessDenied', message: 'not authorized to perform: iam:GetAccountSummary' },
    );
    expect((await runs.apply([role('r')])).result).toBe('converged');
    await quota('RolesQuota', 1);
    const report = await runs.apply([role('s')]);
    expect(entityOf(report, 'Role/s')).toMatchObject({
      outcome: 'failed',
      reason: expect.stringMatching(/^CreateRole answered LimitExceeded: .*\(request \S+\)$/) as string,
      remedy: MORE_ROLES,
    });
    expect(world.proxy.count('CreateRole')).toBe(2);
  });

  test('and of a quota that the account does not tell, AWS itself says so: the remedy asks for no raise that AWS refuses', async () => {
    await quota('SSHPublicKeysPerUserQuota', 0);
    const key = { kind: 'SSHPublicKey', userName: 'ann', sshPublicKeyBody: SSH_KEY };
    const report = await runs.apply([{ kind: 'User', userName: 'ann' }, key]);
    expect(report.entities.find(({ kind }) => kind === 'SSHPublicKey')).toMatchObject({
      outcome: 'failed',
      reason: expect.stringMatching(/^UploadSSHPublicKey answered LimitExceeded/) as string,
      remedy:
        'delete an SSH public key of the user that is no longer used: AWS does not raise the quota "SSH public keys per user" of 0',
    });
  });
});
