import { parsePlan } from '../../../../src/client/terraform/plan-file.js';
import type { TerraformPlan } from '../../../../src/client/terraform/plan.js';
import {
  compareTerraformPlans,
  preflight,
  preflightExitCode,
  preflightOffline,
} from '../../../../src/client/terraform/preflight.js';
import { blocksOf } from '../../../../src/client/terraform/blocks.js';
import type { PlanAccounts } from '../../../../src/client/terraform/accounts.js';
import { targetOfRole } from '../../../../src/client/terraform/shown-accounts.js';
import { childModule, modulePath, parentModule, parseReference } from '../../../../src/client/terraform/addresses.js';
import { entityOf } from '../../../../src/client/terraform/items.js';
import { renderPreflight } from '../../../../src/cli/render/preflight.js';
import type { Preflight } from '../../../../src/contract/preflight.js';
import { planOf, printedPlan } from '../../../support/terraform-creates.js';

const HERE: PlanAccounts = { target: { account: '111111111111', partition: 'aws' } };

function offline(plans: readonly TerraformPlan[], given: PlanAccounts = HERE): Preflight {
  return preflightOffline(compareTerraformPlans(plans, given));
}

/** Returns the entities that the creates of a plan stand for, by address. */
function entities(plan: TerraformPlan, given: PlanAccounts = HERE): Record<string, unknown> {
  const { plans } = compareTerraformPlans([plan], given);
  return Object.fromEntries(
    (plans[0]?.creates ?? []).map((item) => [
      item.change.address,
      item.subject === null ? item.unknownBecause : [entityOf(item), item.subject.members],
    ]),
  );
}

function accountsOf(plan: TerraformPlan, given: PlanAccounts): Record<string, string | null> {
  const { plans } = compareTerraformPlans([plan], given);
  return Object.fromEntries(
    (plans[0]?.creates ?? []).map(({ change, target }) => [change.address, target?.account ?? null]),
  );
}

describe('names', () => {
  test('are found by the configuration where the plan knows no ID and no ARN yet', () => {
    expect(entities(planOf('role-policy'))).toEqual({
      'aws_iam_role.test_role': ['Role/test_role', {}],
      'aws_iam_role_policy.test_policy': ['Role/test_role', { inlinePolicies: ['test_policy'] }],
    });
    expect(entities(planOf('role-policy-attachment'))).toMatchObject({
      'aws_iam_role_policy_attachment.test-attach': [
        'Role/test-role',
        { managedPolicyArns: ['arn:aws:iam::111111111111:policy/test-policy'] },
      ],
    });
    expect(entities(planOf('policy-attachment'))).toMatchObject({
      'aws_iam_policy_attachment.test-attach': [
        'Policy/test-policy',
        { attachedTo: ['Role/test-role', 'User/test-user', 'Group/test-group'] },
      ],
    });
  });

  test('are found in modules, by count and by keys of for_each', () => {
    expect(entities(planOf('modules'))).toEqual({
      'module.ci["prod"].aws_iam_role.this[0]': ['Role/ci-prod', {}],
      'module.ci["prod"].aws_iam_role_policy.deploy': ['Role/ci-prod', { inlinePolicies: ['deploy'] }],
      'aws_iam_role.by_team["core \\"eu\\""]': ['Role/team-core', {}],
      'aws_iam_role.by_team["web"]': ['Role/team-web', {}],
      'aws_iam_role_policy.by_team["web"]': ['Role/team-web', { inlinePolicies: ['read'] }],
    });
  });

  test('are found through outputs of modules and their variables', () => {
    const printed = printedPlan('modules') as {
      resource_changes: object[];
      configuration: { root_module: { resources: object[]; module_calls: Record<string, object> } };
    };
    const { root_module: root } = printed.configuration;
    const own = (role: string) => ({
      type: 'aws_iam_role_policy',
      name: 'outside',
      expressions: { role: { references: [`${role}.name`, role] } },
    });
    printed.resource_changes.push({
      address: 'module.policies.aws_iam_role_policy.outside',
      module_address: 'module.policies',
      type: 'aws_iam_role_policy',
      name: 'outside',
      change: { actions: ['create'], after: { name: 'outside' }, after_unknown: { role: true } },
    });
    root.module_calls['policies'] = {
      expressions: { role: { references: ['module.ci["prod"].role_name', 'module.ci["prod"]', 'module.ci'] } },
      module: { resources: [{ ...own('x'), expressions: { role: { references: ['var.role'] } } }] },
    };
    expect(entities(parsePlan('plan.json', JSON.stringify(printed)))).toMatchObject({
      'module.policies.aws_iam_role_policy.outside': ['Role/ci-prod', { inlinePolicies: ['outside'] }],
    });
  });

  test('that are known after the apply only are listed as not checkable, with the reason', () => {
    const result = offline([planOf('unknown-names')]);
    expect(
      Object.fromEntries(result.findings.map(({ address, verdict, reason }) => [address, [verdict, reason]])),
    ).toEqual({
      'aws_iam_role.prefixed': ['create', 'the provider generates a unique name that begins with ci-'],
      'aws_iam_policy.generated': ['create', 'the provider generates a unique name'],
      'aws_iam_role_policy.on_prefixed': ['unknown', 'its name is known after the apply only'],
      'aws_iam_role_policy_attachment.of_a_data_source': ['unknown', 'its name is known after the apply only'],
      'aws_iam_something_new.future': ['unknown', 'this version of iam-bootstrap does not know aws_iam_something_new'],
      'aws_iam_security_token_service_preferences.v2': [
        'create',
        'it is a setting of the account, which its create meets in any state',
      ],
    });
    expect([result.result, preflightExitCode(result)]).toEqual(['unknown', 0]);
    const known = result.findings.filter(({ verdict }) => verdict !== 'unknown');
    const text = renderPreflight(result, []);
    expect([known.length, text]).toEqual([3, expect.stringContaining('as far as it can be checked')]);
  });
});

describe('what a plan destroys and creates', () => {
  test('conflicts where the create comes first, and does not where the delete does', () => {
    const { findings } = offline([planOf('replace')]);
    expect(Object.fromEntries(findings.map(({ address, error }) => [address, error?.code ?? null]))).toEqual({
      'aws_iam_role.in_order': null,
      'aws_iam_role.create_first': 'EntityAlreadyExists',
      'aws_iam_role.forgotten': 'EntityAlreadyExists',
    });
  });

  test('at two addresses gets a moved block', () => {
    const result = offline([planOf('moved')]);
    expect(result.findings.map(({ address, verdict, error }) => [address, verdict, error?.code ?? null])).toEqual([
      ['module.deploy.aws_iam_role.this', 'recreate', 'EntityAlreadyExists'],
      ['module.deploy.aws_iam_role_policy.state', 'recreate', null],
    ]);
    expect(blocksOf(result.findings)).toContain(
      'moved {\n  from = aws_iam_role.old\n  to   = module.deploy.aws_iam_role.this\n}',
    );
  });
});

describe('several plans', () => {
  test('are compared by account, without case and path', () => {
    const [a, b] = [planOf('stack-a'), planOf('stack-b')];
    const { findings } = offline([a, b]);
    expect(findings.map(({ plan, address, verdict }) => [plan, address, verdict])).toEqual([
      ['stack-b.json', 'aws_iam_role.ci', 'duplicate'],
      ['stack-b.json', 'aws_iam_role.audit', 'duplicate'],
      ['stack-b.json', 'aws_iam_role.here', 'recreate'],
    ]);
    // A plan that does not tell its account counts as one for the same account.
    expect(offline([a, b], {}).findings).toHaveLength(3);
    const apart = {
      providers: [{ file: 'stack-b.json', provider: 'aws', target: { account: '222222222222', partition: 'aws' } }],
    };
    expect(offline([a, b], { ...HERE, ...apart }).findings).toEqual([]);
  });
});

describe('accounts', () => {
  const other = { account: '222222222222', partition: 'aws' };

  test('are those of the provider configurations, which may differ in their region only', () => {
    const given = { ...HERE, providers: [{ provider: 'aws.prod', target: other }] };
    expect(accountsOf(planOf('aliases'), given)).toEqual({
      'aws_iam_role.dev': '111111111111',
      'aws_iam_role.prod': '222222222222',
      'aws_iam_role.us': '111111111111',
    });
  });

  test('that the plan does not tell have to be named', async () => {
    const unasked = (): never => {
      throw new Error('nobody may be asked');
    };
    const ask = (name: string, given: PlanAccounts) => preflight(unasked, compareTerraformPlans([planOf(name)], given));
    await expect(ask('aliases', HERE)).rejects.toMatchObject({
      message:
        'aliases.json: the plan does not tell which account is that of its provider configurations aws, aws.prod',
      remedy: 'name the account of each, or a role in it: --provider aws=ACCOUNT --provider aws.prod=ACCOUNT',
      exitCode: 64,
    });
    await expect(ask('role', {})).rejects.toMatchObject({ message: 'role.json: the plan does not tell its account' });
    await expect(ask('known-account', { target: other })).rejects.toMatchObject({ exitCode: 3 });
  });

  test('are found in the plan: by a role to assume, and by what it has', () => {
    expect(accountsOf(planOf('assumed-role'), {})).toEqual({ 'module.inner.aws_iam_role.prod': '222222222222' });
    expect(accountsOf(planOf('known-account'), {})).toEqual({ 'aws_iam_role.test_role': '111111111111' });
    expect(accountsOf(planOf('role'), {})).toEqual({ 'aws_iam_role.test_role': null });
  });

  test('can be named by a role, which the worker then assumes', () => {
    const arn = 'arn:aws-us-gov:iam::222222222222:role/ops/reader';
    expect(targetOfRole(arn)).toEqual({ account: '222222222222', partition: 'aws-us-gov', assumeRole: arn });
    expect(targetOfRole('arn:aws:iam::222222222222:user/alice')).toBeUndefined();
  });
});

describe('programs', () => {
  test('OpenTofu is named, and Terraform without the newer fields is read', () => {
    expect([planOf('opentofu').program, planOf('cdktf').program]).toEqual(['OpenTofu 1.8.5', 'Terraform 1.5.7']);
  });

  test('a plan that leaves changes to a later one is taken on request, and says what is missing', () => {
    const printed = JSON.stringify({
      ...printedPlan('role'),
      complete: false,
      deferred_changes: [
        { reason: 'instance_count_unknown', resource_change: { address: 'aws_iam_role.later', type: 'aws_iam_role' } },
      ],
    });
    expect(() => parsePlan('plan.json', printed)).toThrow('plan.json: the plan is incomplete');
    const plan = parsePlan('plan.json', printed, { allowIncomplete: true });
    expect(offline([plan]).notes).toEqual([
      'plan.json: aws_iam_role.later is left to a later plan, and was not checked',
    ]);
  });

  test('a malformed plan is refused without a word of its values', () => {
    const printed = JSON.stringify({ ...printedPlan('role'), resource_changes: [{ address: 'secret-value' }] });
    expect(() => parsePlan('plan.json', printed)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret-value') as string }) as Error,
    );
    expect(() => parsePlan('plan.json', '{"password": "hunter2"')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') as string }) as Error,
    );
  });
});

test('addresses may have any key', () => {
  const address = 'module.a["x.y[0]"].module.b[0].module.c["\\"}"]';
  expect(modulePath(address)).toEqual(['a', 'b', 'c']);
  expect(parentModule(address)).toBe('module.a["x.y[0]"].module.b[0]');
  expect(childModule('', 'a', '["k"]')).toBe('module.a["k"]');
  expect(parseReference('aws_iam_role.this["a.b"].name')).toEqual({
    first: 'aws_iam_role',
    name: 'this',
    index: '["a.b"]',
    attribute: 'name',
  });
});
