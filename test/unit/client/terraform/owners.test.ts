import { blocksOf } from '../../../../src/client/terraform/blocks.js';
import { predictAll } from '../../../../src/client/terraform/predict-all.js';
import { compareTerraformPlans, preflightOffline } from '../../../../src/client/terraform/preflight.js';
import { renderPreflight } from '../../../../src/cli/render/preflight.js';
import type { EntityToLookUp, LookedUp } from '../../../../src/contract/look-up.js';
import type { Finding } from '../../../../src/contract/preflight.js';
import { planWith, type PrintedChange } from '../../../support/terraform-changes.js';

const HERE = { target: { account: '111111111111', partition: 'aws' } };
const STACK = 'CloudFormation stack "ci"';
const POLICY = 'arn:aws:iam::aws:policy/ReadOnlyAccess';

/** Returns the findings about creates, where the account has these entities; each set of members is there where it is listed. */
function predicted(
  changes: readonly PrintedChange[],
  account: Readonly<Record<string, Partial<LookedUp> & { readonly has?: readonly string[] }>>,
): readonly Finding[] {
  const none = { message: null, arn: null, path: null, createdAt: null, owner: null, id: null, members: {} };
  const find = ({ kind, name, members }: EntityToLookUp): LookedUp => {
    const found = account[`${kind}/${name}`];
    if (found === undefined) return { ...none, status: 'absent', name: null };
    const { has = [], ...rest } = found;
    const sets = Object.entries(members).map(([set, wanted]) => {
      const present = wanted.filter((one) => has.includes(one));
      return [set, { present, others: has.filter((one) => !wanted.includes(one)), omitted: 0 }] as const;
    });
    return { ...none, status: 'present', name, path: '/', members: Object.fromEntries(sets), ...rest };
  };
  return predictAll(compareTerraformPlans([planWith(changes)], HERE), (_account, entity) => find(entity));
}

const create = (address: string, after: object): PrintedChange => {
  const [type = '', name = ''] = address.split('.');
  return { type, name, after };
};
const policy = create('aws_iam_role_policy.p', { role: 'r', name: 'p' });
const attachment = create('aws_iam_role_policy_attachment.a', { role: 'r', policy_arn: POLICY });

describe('a part of what another owner has', () => {
  test.each<[string, PrintedChange, readonly string[], string]>([
    ['an inline policy that the create overwrites', policy, ['p'], 'overwrite'],
    ['an attachment that is there', attachment, [POLICY], 'present'],
    [
      'what an exclusive resource removes',
      create('aws_iam_role_policies_exclusive.e', { role_name: 'r', policy_names: [] }),
      ['other'],
      'overwrite',
    ],
  ])('is not imported: %s', (_what, change, has, verdict) => {
    const findings = predicted([change], { 'Role/r': { owner: STACK, has } });
    expect(findings).toMatchObject([{ verdict, owner: STACK, notes: [`Role/r belongs to ${STACK}`] }]);
    const blocks = blocksOf(findings);
    expect(blocks).not.toMatch(/^import/m);
    expect(blocks).toContain(`# Not imported: it belongs to ${STACK}.\n# import {`);
    expect(predicted([change], { 'Role/r': { has } })).toMatchObject([{ verdict, owner: null }]);
  });

  test('that is added is told with the owner, and so is a credential of a user', () => {
    const changes = [
      policy,
      attachment,
      create('aws_iam_access_key.k', { user: 'u' }),
      create('aws_iam_user_login_profile.l', { user: 'u' }),
    ];
    const findings = predicted(changes, { 'Role/r': { owner: STACK }, 'User/u': { owner: STACK } });
    expect(findings.map(({ verdict, owner, notes }) => [verdict, owner, notes])).toEqual([
      ['create', null, [`Role/r belongs to ${STACK}`]],
      ['create', null, [`Role/r belongs to ${STACK}`]],
      ['create', null, [`User/u belongs to ${STACK}`]],
      ['create', null, [`User/u belongs to ${STACK}`]],
    ]);
    const profile = predicted(changes.slice(3), { 'User/u': { owner: STACK }, 'LoginProfile/u': {} });
    expect(profile).toMatchObject([{ verdict: 'import', owner: STACK }]);
  });
});

describe('what a lost state has left', () => {
  const owner = 'Terraform (tag ManagedBy=terraform)';
  const tagged = create('aws_iam_role.r', { name: 'r', path: '/', tags_all: { ManagedBy: 'terraform' } });

  test('is imported where the plan sets the same tag of Terraform, with a note', () => {
    const findings = predicted([tagged, policy], { 'Role/r': { owner, has: ['p'] } });
    expect(findings).toMatchObject([
      {
        verdict: 'import',
        owner: null,
        notes: [`it belongs to ${owner}, as this plan writes: another state may have it`],
      },
      { verdict: 'overwrite', owner: null },
    ]);
    expect(blocksOf(findings).match(/^import/gm)).toHaveLength(2);
  });

  test('is that of another owner where the plan sets no such tag, or the account has another mark', () => {
    const untagged = create('aws_iam_role.r', { name: 'r', path: '/', tags: { team: 'a' } });
    expect(predicted([untagged], { 'Role/r': { owner } })).toMatchObject([{ verdict: 'foreign', owner }]);
    for (const other of [STACK, `${owner}, shared by iam-bootstrap namespace "x"`]) {
      expect(predicted([tagged], { 'Role/r': { owner: other } })).toMatchObject([{ verdict: 'foreign' }]);
    }
    const ofAnotherTool = create('aws_iam_role.r', { name: 'r', path: '/', tags: { ManagedBy: 'pulumi' } });
    expect(predicted([ofAnotherTool], { 'Role/r': { owner: 'Pulumi (tag ManagedBy=pulumi)' } })).toMatchObject([
      { verdict: 'foreign' },
    ]);
  });
});

describe('a sensitive value', () => {
  const secret = 's3cr3t';

  test.each<[string, PrintedChange]>([
    ['name', { after: { name: secret, path: '/' }, sensitive: { name: true } }],
    [
      'prefix',
      { after: { name_prefix: secret, path: '/' }, sensitive: { name_prefix: true }, unknown: { name: true } },
    ],
    ['resource', { after: { name: secret }, sensitive: true }],
    ['name of an entity', { ...policy, after: { role: secret, name: 'p' }, sensitive: { role: true } }],
    [
      'member of a list',
      {
        ...create('aws_iam_user_group_membership.m', { user: 'u', groups: [secret] }),
        sensitive: { groups: [true] },
      },
    ],
  ])('is neither shown nor looked up: a %s', (_what, change) => {
    const compared = compareTerraformPlans([planWith([change])], HERE);
    const result = preflightOffline(compared);
    expect(result.findings).toMatchObject([{ verdict: 'unknown', entity: null }]);
    expect(result.findings[0]?.reason).toContain('sensitive');
    expect(JSON.stringify(result) + renderPreflight(result, [])).not.toContain(secret);
  });

  test('beside the name does not hide it', () => {
    const change: PrintedChange = { after: { name: 'deploy', description: secret }, sensitive: { description: true } };
    expect(predicted([change], { 'Role/deploy': {} })).toMatchObject([{ verdict: 'import', entity: 'Role/deploy' }]);
  });
});
