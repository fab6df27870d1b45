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
import { planWith, type PrintedChange } from '../../../support/terraform-changes.js';

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
