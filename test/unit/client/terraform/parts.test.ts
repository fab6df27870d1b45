import { predictAll } from '../../../../src/client/terraform/predict-all.js';
import { compareTerraformPlans, itemsToLookUp, preflightOffline } from '../../../../src/client/terraform/preflight.js';
import { entityOf } from '../../../../src/client/terraform/items.js';
import type { TerraformPlan } from '../../../../src/client/terraform/plan.js';
import { type EntityToLookUp, HeldSet, type LookedUp } from '../../../../src/contract/look-up.js';
import { partsOf } from '../../../../src/client/terraform/look-up.js';
import { CERTIFICATE } from '../../../support/kind-fixtures/certificates.js';
import { ABSENT } from '../../../support/look-ups.js';
import { configurationOf, planWith, type PrintedChange } from '../../../support/terraform-changes.js';

const HERE = { target: { account: '111111111111', partition: 'aws' } };
const SSH_KEY =
  'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQD3F6tyPEFEzV0LX3X8BsXdMsQz1x2cEikKDEY0aIj41qgxMCP/iteneqXSIFZBp5vizPvaoIR3Um9xK7PGoW8giupGn+EPuxIA4cDM4vzOqOkiMPhz5XK0whEjkVzTo4+S0puvDZuwIsdiW9mxhJc7tgBNL0cYlWSYVkz4G/fslNfRPW5mYAM49f4fhtxPb5ok4Q2Lg9dPKVHO/Bgeu5woMc7RY0p1ej6D4CKFE6lymSDJpW0YHX/wqE9+cfEauh7xZcG0q9t2ta6F6fmX0agvpFyZo8aFbXeUBr7osSCJNgvavWbM/06niWrOvYX2xwWdhXmXSrbX8ZbabVohBK41';

/** Predicts the creates of plans, where the account has these entities. */
function predicted(plans: readonly TerraformPlan[], account: Readonly<Record<string, Partial<LookedUp>>>) {
  const compared = compareTerraformPlans(plans, HERE);
  const findings = predictAll(compared, (_account, { kind, name }) => {
    const found = account[`${kind}/${name}`];
    return found === undefined ? ABSENT : { ...ABSENT, status: 'present', name, ...found };
  });
  return Object.fromEntries(findings.map(({ address, verdict, error }) => [address, [verdict, error?.code ?? null]]));
}

function entities(plan: TerraformPlan): Record<string, string | null> {
  const creates = compareTerraformPlans([plan], HERE).plans[0]?.creates ?? [];
  return Object.fromEntries(creates.map((item) => [item.change.address, entityOf(item)]));
}

const create = (address: string, after: object, unknown: object = {}): PrintedChange => {
  const [type = '', name = ''] = address.split('.');
  return { type, name, after, unknown };
};
const remove = (address: string, before: object): PrintedChange => {
  const [type = '', name = ''] = address.split('.');
  return { type, name, actions: ['delete'], before };
};

describe('a name that is known after the apply only', () => {
  const references = ['aws_iam_role.r.id', 'aws_iam_role.r'];

  test('is not that of the entity whose ID it is made from', () => {
    const plan = planWith(
      [
        create('aws_iam_role.r', { name: 'r' }, { id: true }),
        create('aws_iam_instance_profile.p', {}, { name: true }),
        create('aws_iam_role_policy.own', { role: 'r' }, { name: true }),
        create('aws_iam_user.u', { name: 'u' }, { path: true }),
      ],
      configurationOf({
        'aws_iam_role.r': {},
        'aws_iam_instance_profile.p': { name: references },
        'aws_iam_role_policy.own': { name: references },
        'aws_iam_user.u': { path: references },
      }),
    );
    expect(entities(plan)).toEqual({
      'aws_iam_role.r': 'Role/r',
      'aws_iam_instance_profile.p': null,
      'aws_iam_role_policy.own': null,
      'aws_iam_user.u': 'User/u',
    });
    // An unknown path is no other path.
    expect(predicted([plan], { 'User/u': { path: '/elsewhere/' } })).toMatchObject({
      'aws_iam_user.u': ['import', 'EntityAlreadyExists'],
    });
  });

  test.each<[string, readonly string[], string | null]>([
    ['one ID', references, 'Role/r'],
    ['a name', ['aws_iam_role.r.name', 'aws_iam_role.r'], 'Role/r'],
    ['an attribute that is no name', ['aws_iam_role.r.unique_id', 'aws_iam_role.r'], null],
    ['an ID and a key', [...references, 'each.key'], null],
    ['an ID and a path', [...references, 'path.module'], null],
    ['two IDs', [...references, 'aws_iam_role.s.id', 'aws_iam_role.s'], null],
  ])('links to another entity by %s', (_what, role, expected) => {
    const plan = planWith(
      [
        create('aws_iam_role.r', { name: 'r' }),
        create('aws_iam_role.s', { name: 's' }),
        create('aws_iam_role_policy.p', { name: 'p' }, { role: true }),
      ],
      configurationOf({ 'aws_iam_role.r': {}, 'aws_iam_role.s': {}, 'aws_iam_role_policy.p': { role } }),
    );
    expect(entities(plan)['aws_iam_role_policy.p']).toBe(expected);
  });
});

describe('what belongs to an entity', () => {
  const refused = ['orphan', 'NoSuchEntity'];
  const free = ['create', null];
  const policy = create('aws_iam_role_policy.p', { name: 'p', role: 'r' });
  const key = create('aws_iam_access_key.k', { user: 'u' });

  test('is refused where that is absent, and in no plan', () => {
    const parts = [
      policy,
      key,
      create('aws_iam_user_login_profile.l', { user: 'u' }),
      create('aws_iam_role_policy_attachment.a', { role: 'r', policy_arn: 'arn:aws:iam::aws:policy/X' }),
      create('aws_iam_user_group_membership.m', { user: 'u', groups: ['g'] }),
      create('aws_iam_group_membership.m', { group: 'g', users: ['u'] }),
      create('aws_iam_role_policies_exclusive.e', { role_name: 'r', policy_names: [] }),
    ];
    expect(Object.values(predicted([planWith(parts)], {}))).toEqual(parts.map(() => refused));
    const account = { 'Role/r': {}, 'User/u': {}, 'Group/g': {} };
    const present = predicted([planWith(parts)], account);
    expect(Object.values(present).filter(([verdict]) => verdict === 'orphan')).toEqual([]);
    const made = [create('aws_iam_role.r', { name: 'R' }), create('aws_iam_user.u', { name: 'u' })];
    expect(predicted([planWith([policy, key]), planWith(made)], {})).toMatchObject({
      'aws_iam_role_policy.p': free,
      'aws_iam_access_key.k': free,
    });
  });

  test('is refused where one of two ends is absent', () => {
    const plan = planWith([
      create('aws_iam_user_group_membership.m', { user: 'u', groups: ['g'] }),
      create('aws_iam_role_policy_attachment.own', { role: 'r', policy_arn: 'arn:aws:iam::111111111111:policy/a/X' }),
      create('aws_iam_role_policy_attachment.there', { role: 'r', policy_arn: 'arn:aws:iam::222222222222:policy/X' }),
    ]);
    expect(predicted([plan], { 'User/u': {}, 'Role/r': {} })).toEqual({
      'aws_iam_user_group_membership.m': refused,
      'aws_iam_role_policy_attachment.own': refused,
      'aws_iam_role_policy_attachment.there': free,
    });
  });

  test('is refused where the plan destroys that, and begins anew where it replaces it', () => {
    const account = {
      'Role/r': { members: { inlinePolicies: { present: ['p'], others: [], omitted: 0 } } },
    };
    expect(predicted([planWith([policy, remove('aws_iam_role.r', { name: 'r' })])], account)).toEqual({
      'aws_iam_role_policy.p': refused,
    });
    const replaced = {
      ...create('aws_iam_role.r', { name: 'r' }),
      actions: ['delete', 'create'],
      before: { name: 'r' },
    };
    expect(predicted([planWith([policy, replaced])], account)).toMatchObject({ 'aws_iam_role_policy.p': free });
  });

  test('is asked for with both ends', () => {
    const compared = compareTerraformPlans([planWith([key])], HERE);
    expect(itemsToLookUp(compared)).toHaveLength(1);
  });
});

describe('access keys of a user who has two', () => {
  const account = {
    'User/u': { members: { [HeldSet.Credentials]: { present: [], others: ['AKIA1', 'AKIA2'], omitted: 0 } } },
    'AccessKey/u': { members: { [HeldSet.Credentials]: { present: [], others: ['AKIA1', 'AKIA2'], omitted: 0 } } },
  };
  const replace = (name: string, id: string, ...actions: string[]): PrintedChange => ({
    ...create(`aws_iam_access_key.${name}`, { user: 'u' }),
    actions,
    before: { user: 'u', id },
  });
  const limit = ['limit', 'LimitExceeded'];

  test('have room where the deletion of a replacement comes first', () => {
    expect(
      predicted(
        [planWith([replace('a', 'AKIA1', 'delete', 'create'), replace('b', 'AKIA2', 'delete', 'create')])],
        account,
      ),
    ).toEqual({ 'aws_iam_access_key.a': ['create', null], 'aws_iam_access_key.b': ['create', null] });
    expect(predicted([planWith([replace('a', 'AKIA1', 'create', 'delete')])], account)).toEqual({
      'aws_iam_access_key.a': limit,
    });
  });

  test('have the room of another that the plan destroys, and no more', () => {
    const other = remove('aws_iam_access_key.old', { user: 'u', id: 'AKIA2' });
    const [first, second] = ['a', 'b'].map((name) => create(`aws_iam_access_key.${name}`, { user: 'u' }));
    expect(predicted([planWith([other, ...(first && second ? [first, second] : [])])], account)).toEqual({
      'aws_iam_access_key.a': ['create', null],
      'aws_iam_access_key.b': limit,
    });
  });
});

test('a deposed object keeps the name, and is moved nowhere', () => {
  const before = { name: 'deploy', path: '/' };
  const { findings } = preflightOffline(
    compareTerraformPlans(
      [planWith([{ deposed: '8fa3d1c2', actions: ['delete'], before }, { after: { name: 'deploy', path: '/' } }])],
      HERE,
    ),
  );
  expect(findings).toMatchObject([
    {
      verdict: 'recreate',
      movedFrom: null,
      error: { code: 'EntityAlreadyExists' },
      reason: expect.stringContaining('the deposed object of aws_iam_role.deploy keeps the name') as string,
    },
  ]);
});

describe('limits of a user', () => {
  const limit = ['limit', 'LimitExceeded'];
  const held = (set: string, count: number) => ({
    members: { [set]: { present: [], others: [], omitted: count } },
  });
  const membership = (name: string, ...groups: string[]) =>
    create(`aws_iam_user_group_membership.${name}`, { user: 'u', groups });
  const groups = { 'Group/g1': {}, 'Group/g2': {}, 'Group/g3': {} };

  test('are ten groups, with those that the plans add', () => {
    const plan = planWith([membership('a', 'g1', 'g2'), membership('b', 'g3')]);
    expect(predicted([plan], { ...groups, 'User/u': held(HeldSet.Groups, 8) })).toEqual({
      'aws_iam_user_group_membership.a': ['create', null],
      'aws_iam_user_group_membership.b': limit,
    });
    expect(predicted([plan], { ...groups, 'User/u': held(HeldSet.Groups, 7) })).toEqual({
      'aws_iam_user_group_membership.a': ['create', null],
      'aws_iam_user_group_membership.b': ['create', null],
    });
  });

  test('are five SSH keys, and two signing certificates', () => {
    const plan = planWith([
      create('aws_iam_user_ssh_key.k', { username: 'u', encoding: 'SSH', public_key: SSH_KEY }),
      create('aws_iam_signing_certificate.c', { user_name: 'u', certificate_body: CERTIFICATE }),
    ]);
    const account = (keys: number, certificates: number) => ({
      'User/u': {},
      'SSHPublicKey/u': held(HeldSet.Credentials, keys),
      'SigningCertificate/u': held(HeldSet.Credentials, certificates),
    });
    expect(Object.values(predicted([plan], account(4, 1)))).toEqual([
      ['create', null],
      ['create', null],
    ]);
    expect(Object.values(predicted([plan], account(5, 2)))).toEqual([limit, limit]);
  });
});

test('a name that was looked up without a listing may be there in another case', () => {
  const plan = planWith([
    create('aws_iam_role.r', { name: 'r' }),
    create('aws_iam_role_policy.p', { name: 'p', role: 'r' }),
  ]);
  expect(predicted([plan], { 'Role/r': { status: 'absent', isByExactName: true } })).toEqual({
    'aws_iam_role.r': ['unread', null],
    'aws_iam_role_policy.p': ['create', null],
  });
});

test('a policy that was looked up without a listing may be there under another path', () => {
  const policy_arn = 'arn:aws:iam::111111111111:policy/a/X';
  const plan = planWith([create('aws_iam_role_policy_attachment.a', { role: 'r', policy_arn })]);
  const unlisted = { status: 'absent', isByExactName: true } as const;
  expect(predicted([plan], { 'Role/r': {}, 'Policy/X': unlisted })).toEqual({
    'aws_iam_role_policy_attachment.a': ['create', null],
  });
});

test('the create of a resource that removes others adds only', () => {
  const plan = planWith([create('aws_iam_group_membership.m', { group: 'g', users: ['u'] })]);
  const findings = predictAll(compareTerraformPlans([plan], HERE), (_account, { name }) => ({
    ...ABSENT,
    status: 'present',
    name,
    members: { users: { present: [], others: ['bob'], omitted: 0 } },
  }));
  expect(findings).toMatchObject([
    {
      verdict: 'overwrite',
      reason: 'its create only adds; the next apply removes what it does not list: bob',
      remedy: 'list them as well, or use a resource that leaves others alone',
    },
  ]);
});

test('questions are divided so that neither they nor their answers are too long', () => {
  const ask = (name: string, listsOthers?: boolean): [string, EntityToLookUp] => {
    const entity = { kind: 'Role', name, spec: {}, members: { inlinePolicies: [] } };
    return [JSON.stringify(entity), listsOthers === undefined ? entity : { ...entity, listsOthers }];
  };
  const sizes = (questions: readonly [string, EntityToLookUp][]) => partsOf(questions).map(({ length }) => length);
  expect(sizes([])).toEqual([]);
  expect(sizes(Array.from({ length: 800 }, (_one, index) => ask(String(index))))).toEqual([800]);
  // Each answer may have 20 ARNs.
  const many = sizes(Array.from({ length: 800 }, (_one, index) => ask(String(index), true)));
  expect(Math.max(...many) * 20 * 250).toBeLessThan(1_000_000);
  expect(many.reduce((sum, size) => sum + size, 0)).toBe(800);
  expect(sizes([ask('ü'.repeat(600_000)), ask('a')])).toEqual([1, 1]);
});
