import { predictAll } from '../../../../src/client/terraform/predict-all.js';
import {
  compareTerraformPlans,
  preflightExitCode,
  preflightOffline,
} from '../../../../src/client/terraform/preflight.js';
import type { TerraformPlan } from '../../../../src/client/terraform/plan.js';
import type { Finding } from '../../../../src/contract/preflight.js';
import { CERTIFICATE } from '../../../support/kind-fixtures/certificates.js';
import { ABSENT } from '../../../support/look-ups.js';
import { configurationOf, planWith, type PrintedChange } from '../../../support/terraform-changes.js';

const HERE = { target: { account: '111111111111', partition: 'aws' } };
const [OWN, OTHER] = ['arn:aws:iam::111111111111:policy/own', 'arn:aws:iam::aws:policy/ReadOnlyAccess'] as const;

const create = (address: string, after: object): PrintedChange => {
  const [type = '', name = ''] = address.split('.');
  return { type, name, after };
};
const keep = (address: string, values: object): PrintedChange => ({
  ...create(address, values),
  actions: ['no-op'],
  before: values,
});

function offline(...plans: readonly (TerraformPlan | readonly PrintedChange[])[]): readonly Finding[] {
  const read = plans.map((plan) => ('changes' in plan ? plan : planWith(plan)));
  return preflightOffline(compareTerraformPlans(read, HERE)).findings;
}

/** Returns the findings where the account has these entities. */
function predicted(changes: readonly PrintedChange[], present: readonly string[]): readonly Finding[] {
  return predictAll(compareTerraformPlans([planWith(changes)], HERE), (_account, { kind, name, members }) =>
    present.includes(`${kind}/${name}`)
      ? {
          ...ABSENT,
          status: 'present',
          name,
          path: '/',
          members: Object.fromEntries(
            Object.keys(members).map((set) => [set, { present: [], others: [], omitted: 0 }]),
          ),
        }
      : ABSENT,
  );
}

const inline = (name: string) => create(`aws_iam_role_policy.${name}`, { role: 'R', name });
const attached = (arn: string) => create('aws_iam_role_policy_attachment.a', { role: 'r', policy_arn: arn });

describe('a resource that removes what it does not list', () => {
  const removed = (address: string, reason: string) => ({ address, verdict: 'overwrite', error: null, reason });

  test('is told what other resources of the plan make', () => {
    expect(
      offline([
        create('aws_iam_role_policies_exclusive.e', { role_name: 'r', policy_names: ['a'] }),
        inline('a'),
        inline('b'),
      ]),
    ).toMatchObject([
      removed('aws_iam_role_policies_exclusive.e', 'it removes what it does not list: b (aws_iam_role_policy.b)'),
      removed('aws_iam_role_policy.b', 'aws_iam_role_policies_exclusive.e does not list it, and removes it'),
    ]);
  });

  test('is told of whichever of the two the plans create, also in another plan', () => {
    const exclusive = { role_name: 'r', policy_arns: [OWN] };
    const kept = keep('aws_iam_role_policy_attachments_exclusive.e', exclusive);
    const other = { ...planWith([attached(OTHER)]), file: 'other.json' };
    expect(offline([kept], other)).toMatchObject([
      removed(
        'aws_iam_role_policy_attachment.a',
        'plan.json: aws_iam_role_policy_attachments_exclusive.e does not list it, and removes it',
      ),
    ]);
    expect(offline([kept, attached(OWN)])).toEqual([]);
  });

  test.each<[string, PrintedChange, PrintedChange, string]>([
    [
      'attachments of a policy',
      create('aws_iam_policy_attachment.e', { policy_arn: OWN, roles: ['x'], users: [], groups: [] }),
      keep('aws_iam_role_policy_attachment.a', { role: 'r', policy_arn: OWN }),
      'Role/r (aws_iam_role_policy_attachment.a)',
    ],
    [
      'members of a group',
      create('aws_iam_group_membership.e', { group: 'g', users: ['x'] }),
      keep('aws_iam_user_group_membership.m', { user: 'u', groups: ['G', 'other'] }),
      'u (aws_iam_user_group_membership.m)',
    ],
  ])('at its next apply is told of %s', (_what, exclusive, part, text) => {
    expect(offline([exclusive, part])).toMatchObject([
      { verdict: 'overwrite', reason: `its create only adds; the next apply removes what it does not list: ${text}` },
    ]);
  });

  test('and the part itself are checked in the account as well', () => {
    const both = [create('aws_iam_role_policies_exclusive.e', { role_name: 'r', policy_names: [] }), inline('b')];
    expect(predicted(both, [])).toMatchObject([{ verdict: 'orphan' }, { verdict: 'orphan' }]);
    expect(predicted(both, ['Role/r', 'Role/R'])).toMatchObject([{ verdict: 'overwrite' }, { verdict: 'overwrite' }]);
  });

  test('cannot create an inline policy that only it lists', () => {
    const exclusive = create('aws_iam_role_policies_exclusive.e', { role_name: 'r', policy_names: ['A'] });
    expect(predicted([exclusive], ['Role/r'])).toMatchObject([
      { verdict: 'orphan', error: { operation: 'PutRolePolicy', code: 'ValidationError' } },
    ]);
    expect(predicted([exclusive, inline('a')], ['Role/r', 'Role/R'])).toMatchObject([
      { verdict: 'create' },
      { verdict: 'create' },
    ]);
  });
});

test('an account has one alias: that of another plan is replaced', () => {
  const plan = (file: string, alias: string): TerraformPlan => ({
    ...planWith([create('aws_iam_account_alias.a', { account_alias: alias })]),
    file,
  });
  expect(offline(plan('a.json', 'one'), plan('b.json', 'two'))).toMatchObject([
    { plan: 'a.json', reason: 'an account has one alias, and it replaces two (b.json: aws_iam_account_alias.a)' },
    { plan: 'b.json', reason: 'an account has one alias, and it replaces one (a.json: aws_iam_account_alias.a)' },
  ]);
});

describe('an entity that needs another one', () => {
  const boundary = create('aws_iam_role.r', { name: 'r', path: '/', permissions_boundary: OWN });
  const profile = create('aws_iam_instance_profile.p', { name: 'p', path: '/', role: 'r' });
  const orphan = (operation: string) => ({ verdict: 'orphan', error: { operation, code: 'NoSuchEntity' } });

  test('is refused where that is absent', () => {
    const attachedTo = create('aws_iam_role.a', { name: 'a', path: '/', managed_policy_arns: [OTHER, OWN] });
    const user = create('aws_iam_user.u', { name: 'u', path: '/', permissions_boundary: OWN });
    expect(predicted([boundary, user, attachedTo], [])).toMatchObject([
      orphan('CreateRole'),
      orphan('CreateUser'),
      orphan('AttachRolePolicy'),
    ]);
    expect(predicted([profile], [])).toMatchObject([orphan('AddRoleToInstanceProfile')]);
    expect(predicted([boundary], ['Policy/own'])).toMatchObject([{ verdict: 'create' }]);
    expect(predicted([profile], ['Role/r'])).toMatchObject([{ verdict: 'create' }]);
    const policy = create('aws_iam_policy.own', { name: 'own', path: '/' });
    expect(predicted([boundary, policy, profile], [])).toMatchObject([
      { verdict: 'create' },
      { verdict: 'create' },
      { verdict: 'create' },
    ]);
  });

  test('is told by its name where that is taken', () => {
    expect(predicted([boundary], ['Role/r'])).toMatchObject([{ verdict: 'import' }]);
  });

  test('needs nothing to be renamed', () => {
    const values = { path: '/', permissions_boundary: OWN };
    const rename = {
      ...create('aws_iam_user.u', { ...values, name: 'v' }),
      actions: ['update'],
      before: { ...values, name: 'u' },
    };
    expect(predicted([rename], ['User/u'])).toMatchObject([{ verdict: 'create' }]);
  });
});

test('a certificate is taken once in an account, and not only once for a user', () => {
  const [a, b] = ['a', 'b'].map((user_name) =>
    create(`aws_iam_signing_certificate.${user_name}`, { user_name, certificate_body: CERTIFICATE }),
  );
  if (a === undefined || b === undefined) throw new Error('two users are needed');
  const result = preflightOffline(compareTerraformPlans([planWith([a, b])], HERE));
  expect(result.findings).toMatchObject([{ verdict: 'duplicate', error: { code: 'DuplicateCertificate' } }]);
  expect(preflightExitCode(result)).toBe(2);
  expect(predicted([a], ['User/a'])).toMatchObject([
    { verdict: 'create', notes: [expect.stringContaining('whether another user has it was not read')] },
  ]);
});

describe('a resource with several instances', () => {
  const UNCLEAR = 'the plan does not tell which instance of aws_iam_role.r it refers to';
  const module = (address: string) => (address === '' ? {} : { module_address: address });
  const instances = (type: string, indexes: readonly (string | number | null)[], address = ''): PrintedChange[] =>
    indexes.map((index) => ({
      type: `aws_iam_${type}`,
      name: type === 'role' ? 'r' : 'p',
      address: `${address === '' ? '' : `${address}.`}aws_iam_${type}.${type === 'role' ? 'r' : 'p'}${index === null ? '' : `[${JSON.stringify(index)}]`}`,
      ...module(address),
      ...(index === null ? {} : { index }),
      after: type === 'role' ? { name: `r${String(index)}` } : { name: 'p' },
      unknown: type === 'role' ? { id: true } : { role: true },
    }));
  const policy = (...references: string[]) => ({
    type: 'aws_iam_role_policy',
    name: 'p',
    expressions: { role: { references } },
  });
  const role = { type: 'aws_iam_role', name: 'r', expressions: {} };
  /** Returns the roles of the inline policies of a plan, or why they are not known. */
  const rolesOf = (changes: readonly PrintedChange[], root_module: object): readonly unknown[] =>
    (
      compareTerraformPlans([planWith(changes, { configuration: { root_module } })], HERE).plans[0]?.creates ?? []
    ).flatMap(({ change, subject, unknownBecause }) =>
      change.type === 'aws_iam_role_policy' ? [subject?.name ?? unknownBecause] : [],
    );

  test.each<[string, readonly (string | number)[], readonly (string | number | null)[], readonly string[]]>([
    ['each.key', ['a', 'b'], ['a', 'b'], ['ra', 'rb']],
    ['each.key', ['a', 'b'], ['b'], ['rb']],
    ['each.value', ['a', 'b'], ['a', 'b'], [UNCLEAR, UNCLEAR]],
    ['each.value', ['a'], ['b'], ['ra']],
    ['count.index', [0, 1], [0, 1], ['r0', 'r1']],
    // A plan prints count.index + 1 in the same way.
    ['count.index', [0, 1, 2], [0, 1], [UNCLEAR, UNCLEAR]],
    ['', ['a', 'b'], ['a'], [UNCLEAR]],
  ])('is chosen by %s among %j for %j: %j', (key, roles, policies, expected) => {
    const references = ['aws_iam_role.r', ...(key === '' ? [] : [key])];
    const changes = [...instances('role', roles), ...instances('role_policy', policies)];
    expect(rolesOf(changes, { resources: [role, policy(...references)] })).toEqual(expected);
  });

  test('is not chosen by a key and a value, nor by a part of a value', () => {
    const changes = [...instances('role', ['a', 'b']), ...instances('role_policy', ['a'])];
    for (const more of [
      ['each.key', 'each.value'],
      ['each.value.role', 'each.value'],
    ]) {
      expect(rolesOf(changes, { resources: [role, policy('aws_iam_role.r', ...more)] })).toEqual([UNCLEAR]);
    }
  });

  test('is one of those that stay', () => {
    const gone: PrintedChange = { ...create('aws_iam_role.r', {}), index: 1, address: 'aws_iam_role.r[1]' };
    const changes = [
      ...instances('role', [0]),
      { ...gone, actions: ['delete'], before: { name: 'r1' }, after: null },
      ...instances('role_policy', [0]),
    ];
    expect(rolesOf(changes, { resources: [role, policy('aws_iam_role.r', 'count.index')] })).toEqual(['r0']);
  });

  test.each<[string, readonly (string | number)[], string]>([
    ['count.index', [0, 1], 'module.m[1]'],
    ['each.key', ['a', 'b'], 'module.m["b"]'],
  ])('is chosen by %s of a module, and not of a resource inside', (key, indexes, last) => {
    const changes = [
      ...instances('role', indexes),
      ...indexes.flatMap((index) => instances('role_policy', [0], `module.m[${JSON.stringify(index)}]`)),
    ];
    expect(changes.at(-1)?.module_address).toBe(last);
    const called = {
      expressions: { role: { references: ['aws_iam_role.r', key] } },
      module: { resources: [policy('var.role')] },
    };
    expect(rolesOf(changes, { resources: [role], module_calls: { m: called } })).toEqual(
      indexes.map((index) => `r${String(index)}`),
    );
  });

  test('of a module is not chosen by the index of what reads its output', () => {
    const changes = [...instances('role', [0, 1], 'module.m'), ...instances('role_policy', [0, 1])];
    const output = (...references: string[]) => ({
      resources: [policy('module.m.role', 'module.m')],
      module_calls: { m: { module: { resources: [role], outputs: { role: { expression: { references } } } } } },
    });
    expect(rolesOf(changes, output('aws_iam_role.r'))).toEqual([UNCLEAR, UNCLEAR]);
    expect(rolesOf(changes, output('aws_iam_role.r[1].id', 'aws_iam_role.r[1]', 'aws_iam_role.r'))).toEqual([
      'r1',
      'r1',
    ]);
  });
});

test.each<[string, object, string | null]>([
  ['known', {}, 'r'],
  ['known after the apply only', { unknown: { path: true } }, null],
  ['sensitive', { after: { name: 'own', path: '/a/' }, sensitive: { path: true } }, null],
])('the ARN of a policy whose path is %s is told or not', (_what, policy, role) => {
  const plan = planWith(
    [
      { ...create('aws_iam_policy.own', { name: 'own' }), ...policy },
      { ...create('aws_iam_role_policy_attachment.a', { role: 'r' }), unknown: { policy_arn: true } },
    ],
    configurationOf({
      'aws_iam_policy.own': {},
      'aws_iam_role_policy_attachment.a': { policy_arn: ['aws_iam_policy.own.arn', 'aws_iam_policy.own'] },
    }),
  );
  const [, attachment] = compareTerraformPlans([plan], HERE).plans[0]?.creates ?? [];
  expect(attachment?.subject?.name ?? null).toBe(role);
});
