import type { TerraformPlan } from '../../src/client/terraform/plan.js';
import { compareTerraformPlans, preflight } from '../../src/client/terraform/preflight.js';
import type { Preflight } from '../../src/contract/preflight.js';
import { CERTIFICATE } from '../support/kind-fixtures/certificates.js';
import { planWith, type PrintedChange } from '../support/terraform-changes.js';
import { canCreate, planOf, sendChange, sendCreate } from '../support/terraform-creates.js';
import { iam, temporal, useWorld } from '../support/use-world.js';
import { ACCOUNT } from '../support/world.js';

jest.setTimeout(300_000);
useWorld();

const READ_ONLY = 'arn:aws:iam::aws:policy/ReadOnlyAccess';
const TRUST = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
});

const create = (address: string, after: object): PrintedChange => {
  const [type = '', name = ''] = address.split('.');
  return { type, name, after };
};
const role = (name: string) => ({ name, path: '/', assume_role_policy: TRUST });
const rename = (address: string, from: string, to: string): PrintedChange => ({
  ...create(address, { name: to, path: '/' }),
  actions: ['update'],
  before: { name: from, path: '/' },
});
const keep = (address: string, values: object): PrintedChange => ({
  ...create(address, values),
  actions: ['no-op'],
  before: values,
});

async function check(plan: TerraformPlan): Promise<Preflight> {
  const compared = compareTerraformPlans([plan], { target: { account: ACCOUNT, partition: 'aws' } });
  return preflight(() => Promise.resolve(temporal), compared);
}

function predicted({ findings }: Preflight): Record<string, string | null> {
  return Object.fromEntries(findings.map(({ address, error }) => [address, error?.code ?? null]));
}

/** Makes what a plan starts from. */
async function seed({ changes }: TerraformPlan): Promise<void> {
  for (const change of changes) {
    if (Object.keys(change.before).length === 0) continue;
    expect([change.address, canCreate(change)]).toEqual([change.address, true]);
    expect([change.address, await sendCreate(iam, { ...change, after: change.before })]).toEqual([
      change.address,
      null,
    ]);
  }
}

/** Sends what a plan does, the deletions last: nothing makes Terraform send them before. Returns the answers to creates and renames. */
async function answered({ changes }: TerraformPlan): Promise<Record<string, string | null>> {
  const answers: Record<string, string | null> = {};
  for (const change of changes) {
    if (change.actions.some((action) => ['create', 'update'].includes(action))) {
      answers[change.address] = await sendChange(iam, change);
    }
  }
  // Parts go before what they belong to.
  const deletions = changes.filter(({ actions }) => actions.length === 1 && actions[0] === 'delete');
  for (const change of [...deletions].reverse()) await sendChange(iam, change);
  return answers;
}

/** Plans that begin in the state that they show, and what the account has beside it. */
const PLANS: Readonly<Record<string, readonly [plan: () => TerraformPlan, ...others: readonly PrintedChange[]]>> = {
  'a replacement': [() => planOf('replace')],
  'a move to another address': [() => planOf('moved')],
  'renames in place': [
    () =>
      planWith([
        rename('aws_iam_user.free', 'alice', 'alicia'),
        rename('aws_iam_user.taken', 'bob', 'robert'),
        rename('aws_iam_group.taken', 'dev', 'devs'),
        create('aws_iam_user.too_early', { name: 'Charlie', path: '/' }),
        rename('aws_iam_user.leaves', 'charlie', 'charles'),
      ]),
    create('aws_iam_user.other', { name: 'Robert', path: '/staff/' }),
    create('aws_iam_group.other', { name: 'devs', path: '/' }),
  ],
  'users who exchange their names': [
    () => planWith([rename('aws_iam_user.a', 'alice', 'bob'), rename('aws_iam_user.b', 'bob', 'alice')]),
  ],
  'attachments to users and groups that have them already': [
    () =>
      planWith([
        keep('aws_iam_user.u', { name: 'u', path: '/' }),
        keep('aws_iam_group.g', { name: 'g', path: '/' }),
        create('aws_iam_user_policy_attachment.a', { user: 'u', policy_arn: READ_ONLY }),
        create('aws_iam_group_policy_attachment.a', { group: 'g', policy_arn: READ_ONLY }),
      ]),
  ],
  'attachments to users and groups that are absent': [
    () =>
      planWith([
        create('aws_iam_user_policy_attachment.a', { user: 'u', policy_arn: READ_ONLY }),
        create('aws_iam_group_policy_attachment.a', { group: 'g', policy_arn: READ_ONLY }),
      ]),
  ],
  'entities whose policies and roles are absent': [
    () => {
      const absent = `arn:aws:iam::${ACCOUNT}:policy/absent`;
      return planWith([
        create('aws_iam_role.bounded', { ...role('bounded'), permissions_boundary: absent }),
        create('aws_iam_role.attached', { ...role('attached'), managed_policy_arns: [absent] }),
        create('aws_iam_user.bounded', { name: 'bounded', path: '/', permissions_boundary: absent }),
        create('aws_iam_instance_profile.p', { name: 'p', path: '/', role: 'absent' }),
        create('aws_iam_role.taken', { ...role('taken'), permissions_boundary: absent }),
      ]);
    },
    create('aws_iam_role.taken', role('taken')),
  ],
  'a list of inline policies that nobody creates': [
    () =>
      planWith([
        keep('aws_iam_role.r', role('r')),
        create('aws_iam_role_policies_exclusive.e', { role_name: 'r', policy_names: ['absent'] }),
      ]),
  ],
  'a role that has as many policies as AWS allows': [
    () => {
      const policies = Array.from({ length: 9 }, (_one, index) => `p${String(index)}`);
      const document = TRUST.replace(/"Principal":\{[^}]*\},/, '"Resource":"*",');
      const arn = (name: string): string => `arn:aws:iam::${ACCOUNT}:policy/${name}`;
      return planWith([
        keep('aws_iam_role.r', role('r')),
        ...policies.map((name) => keep(`aws_iam_policy.${name}`, { name, path: '/', policy: document })),
        ...policies.map((name) => keep(`aws_iam_role_policy_attachment.${name}`, { role: 'r', policy_arn: arn(name) })),
        create('aws_iam_role_policy_attachment.tenth', { role: 'r', policy_arn: READ_ONLY }),
        create('aws_iam_role_policy_attachment.again', { role: 'r', policy_arn: arn('p0') }),
        create('aws_iam_role_policy_attachment.eleventh', {
          role: 'r',
          policy_arn: 'arn:aws:iam::aws:policy/SecurityAudit',
        }),
      ]);
    },
  ],
  'one certificate for two users': [
    () =>
      planWith([
        keep('aws_iam_user.a', { name: 'a', path: '/' }),
        keep('aws_iam_user.b', { name: 'b', path: '/' }),
        create('aws_iam_signing_certificate.a', { user_name: 'a', certificate_body: CERTIFICATE }),
        create('aws_iam_signing_certificate.b', { user_name: 'b', certificate_body: CERTIFICATE }),
      ]),
  ],
  'resources that remove what they do not list': [
    () =>
      planWith([
        keep('aws_iam_role.r', role('r')),
        create('aws_iam_role_policy.p', {
          role: 'r',
          name: 'p',
          policy: TRUST.replace(/"Principal":\{[^}]*\},/, '"Resource":"*",'),
        }),
        create('aws_iam_role_policies_exclusive.e', { role_name: 'r', policy_names: ['p'] }),
        create('aws_iam_role_policy_attachments_exclusive.e', { role_name: 'r', policy_arns: [READ_ONLY] }),
      ]),
  ],
};

test.each(Object.entries(PLANS))('%s meets what is predicted', async (_what, [planned, ...others]) => {
  const plan = planned();
  await seed(plan);
  for (const one of others) await sendCreate(iam, planWith([one]).changes[0] ?? { address: '', type: '', after: {} });
  const result = await check(plan);
  expect(await answered(plan)).toEqual(predicted(result));
});
