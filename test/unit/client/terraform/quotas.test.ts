import { predictAll } from '../../../../src/client/terraform/predict-all.js';
import { compareTerraformPlans } from '../../../../src/client/terraform/preflight.js';
import type { AccountSummary, LookedUp } from '../../../../src/contract/look-up.js';
import { planWith, type PrintedChange } from '../../../support/terraform-changes.js';

const ACCOUNT = '111111111111';
const LIMIT = { verdict: 'limit', error: { code: 'LimitExceeded' } };
const FREE = { verdict: 'create', error: null, notes: [] };

const role = (name: string, actions: readonly string[] = ['create']): PrintedChange => ({
  name,
  actions,
  before: actions.includes('delete') ? { name: `old-${name}`, path: '/' } : null,
  after: actions.includes('create') ? { name, path: '/' } : null,
});
const attachment = (name: string, holder = 'r'): PrintedChange => ({
  type: 'aws_iam_role_policy_attachment',
  name,
  after: { role: holder, policy_arn: `arn:aws:iam::aws:policy/${name}` },
});

/** Returns the findings about a plan, where the role r has some policies attached. */
function predicted(changes: readonly PrintedChange[], summary: AccountSummary | undefined, attached = 0) {
  const none = { message: null, arn: null, path: null, createdAt: null, owner: null, id: null };
  const compared = compareTerraformPlans([planWith(changes)], { target: { account: ACCOUNT, partition: 'aws' } });
  const find = ({ name }: { readonly name: string }): LookedUp =>
    name === 'r'
      ? {
          ...none,
          status: 'present',
          name,
          members: { managedPolicyArns: { present: [], others: [], omitted: attached } },
        }
      : { ...none, status: 'absent', name: null, members: {} };
  const summaries = new Map(summary === undefined ? [] : [[ACCOUNT, summary]]);
  return predictAll(compared, (_account, entity) => find(entity), { summaries });
}

describe('a quota of the account', () => {
  const full = { Roles: 9, RolesQuota: 10 };

  test('leaves room up to its value, with what the plan adds', () => {
    expect(predicted([role('a'), role('b')], full)).toMatchObject([FREE, LIMIT]);
    expect(predicted([role('a'), role('b')], { ...full, RolesQuota: 11 })).toMatchObject([FREE, FREE]);
  });

  test('has the room of a replacement that deletes first, and not surely that of another deletion', () => {
    const used = { Roles: 10, RolesQuota: 10 };
    expect(predicted([role('a', ['delete', 'create'])], used)).toMatchObject([FREE]);
    expect(predicted([role('a', ['create', 'delete'])], used)).toMatchObject([LIMIT]);
    expect(predicted([role('a'), role('b', ['delete'])], used)).toMatchObject([
      {
        verdict: 'create',
        notes: ['RolesQuota is used up, and nothing makes Terraform destroy others before this create'],
      },
    ]);
  });

  test('that could not be read predicts nothing', () => {
    expect(predicted([role('a'), role('b')], undefined)).toMatchObject([FREE, FREE]);
  });

  test('counts the policies of a role', () => {
    const summary = { AttachedPoliciesPerRoleQuota: 10 };
    expect(predicted([attachment('a'), attachment('b')], summary, 9)).toMatchObject([FREE, LIMIT]);
    const eleven = Array.from({ length: 11 }, (_one, index) => attachment(`p${String(index)}`, 'new'));
    expect(predicted([role('new'), ...eleven], summary).map(({ verdict }) => verdict)).toEqual([
      ...Array.from({ length: 11 }, () => 'create'),
      'limit',
    ]);
  });
});
