import { predictAll } from '../../../../src/client/terraform/predict-all.js';
import type { PlanAccounts } from '../../../../src/client/terraform/accounts.js';
import { ReadError } from '../../../../src/client/read.js';
import type { TerraformPlan } from '../../../../src/client/terraform/plan.js';
import { compareTerraformPlans, preflight, preflightOffline } from '../../../../src/client/terraform/preflight.js';
import type { LookedUp } from '../../../../src/contract/look-up.js';
import { planWith } from '../../../support/terraform-changes.js';
import { planOf } from '../../../support/terraform-creates.js';

const PRESENT: LookedUp = {
  status: 'present',
  message: null,
  name: 'deploy',
  arn: null,
  path: null,
  createdAt: null,
  owner: null,
  id: null,
  members: {},
};
const target = (account: string, partition = 'aws') => ({ account, partition });
const [HERE, THERE] = ['111111111111', '222222222222'] as const;

describe('a provider configuration that is named', () => {
  const named = (provider: string, account: string, file?: string): PlanAccounts => ({
    providers: [{ provider, target: target(account), file }],
  });

  test('with another account than the plan shows is refused, as another account of the plan is', () => {
    for (const [plan, shown] of [
      ['known-account', HERE],
      ['assumed-role', THERE],
    ] as const) {
      const other = shown === HERE ? THERE : HERE;
      expect(() => compareTerraformPlans([planOf(plan)], named('aws', other))).toThrow(
        expect.objectContaining({
          message: `${plan}.json: the provider configuration aws is for account ${shown}, and ${other} was named`,
          exitCode: 3,
        }) as Error,
      );
      expect(() => compareTerraformPlans([planOf(plan)], named('aws', shown))).not.toThrow();
    }
  });

  test('and is in no plan is refused with the names that there are', () => {
    const plans = [planOf('aliases'), planOf('role')];
    const refused = (given: PlanAccounts): string => {
      try {
        compareTerraformPlans(plans, given);
        return '';
      } catch (error) {
        const { message, remedy } = error as { message: string; remedy: string };
        return `${message}; ${remedy}`;
      }
    };
    expect(refused(named('aws.prdo', HERE))).toBe(
      '--provider aws.prdo: no plan has this provider configuration; name one of aliases.json#aws, aliases.json#aws.prod, aliases.json#aws.us, role.json#aws',
    );
    expect(refused(named('aws.prod', HERE, 'role.json'))).toContain('--provider role.json#aws.prod: no plan');
    expect(refused(named('aws', HERE, 'absent.json'))).toContain('--provider absent.json#aws: no plan');
    expect(refused(named('aws.prod', HERE))).toBe('');
  });
});

describe('one account for several plans', () => {
  const references = (...names: string[]) => ({ references: names });
  /** A plan of one stack, whose provider reads variables. */
  const stack = (
    file: string,
    variables: Record<string, string>,
    expressions: object,
    name = 'deploy',
  ): TerraformPlan => ({
    ...planWith([{ after: { name, path: '/' } }], {
      variables: Object.fromEntries(Object.entries(variables).map(([key, value]) => [key, { value }])),
      configuration: {
        provider_config: { aws: { full_name: 'registry.terraform.io/hashicorp/aws', expressions } },
        root_module: {
          resources: [{ mode: 'managed', type: 'aws_iam_role', name: 'deploy', provider_config_key: 'aws' }],
        },
      },
    }),
    file,
  });
  const byRole = { assume_role: [{ role_arn: references('var.role') }] };
  const byAccount = { allowed_account_ids: references('var.account') };
  const roleIn = (account: string) => ({ role: `arn:aws:iam::${account}:role/terraform` });
  const ask = (plans: readonly TerraformPlan[], given: PlanAccounts) => {
    const compared = compareTerraformPlans(plans, given);
    const unasked = (): never => {
      throw new Error('nobody may be asked');
    };
    return [preflightOffline(compared).findings, preflight(unasked, compared)] as const;
  };

  test('is not that of plans whose roles to assume differ by a variable', () => {
    const plans = [stack('dev.json', roleIn(HERE), byRole), stack('prod.json', roleIn(THERE), byRole)];
    const compared = compareTerraformPlans(plans, {});
    expect(preflightOffline(compared)).toMatchObject({
      findings: [],
      plans: [{ accounts: [HERE] }, { accounts: [THERE] }],
    });
    expect(
      preflightOffline(
        compareTerraformPlans(
          [plans[0], plans[0]].flatMap((one) => (one ? [{ ...one }] : [])),
          {},
        ),
      ).findings,
    ).toMatchObject([{ verdict: 'duplicate' }]);
  });

  test('is asked for by plan where other values differ, or are not known', async () => {
    const values = [stack('dev.json', { account: HERE }, byAccount), stack('prod.json', { account: THERE }, byAccount)];
    const locals = ['dev.json', 'prod.json'].map((file) => stack(file, {}, { profile: references('local.profile') }));
    for (const plans of [values, locals]) {
      const [offline, online] = ask(plans, { target: target(HERE) });
      expect(offline).toEqual([]);
      await expect(online).rejects.toMatchObject({
        message:
          'the plans do not tell which account is that of their provider configurations dev.json#aws, prod.json#aws',
        remedy:
          'name the account of each, or a role in it: --provider dev.json#aws=ACCOUNT --provider prod.json#aws=ACCOUNT',
      });
      const given = {
        providers: [
          { file: 'dev.json', provider: 'aws', target: target(HERE) },
          { file: 'prod.json', provider: 'aws', target: target(THERE) },
        ],
      };
      expect(preflightOffline(compareTerraformPlans(plans, given))).toMatchObject({
        findings: [],
        plans: [{ accounts: [HERE] }, { accounts: [THERE] }],
      });
    }
  });

  test('is that of plans that read the same values', () => {
    const plans = ['a.json', 'b.json'].map((file) => stack(file, { account: HERE }, byAccount));
    expect(preflightOffline(compareTerraformPlans(plans, { target: target(HERE) })).findings).toMatchObject([
      { plan: 'b.json', verdict: 'duplicate' },
    ]);
  });

  test('has the partition of the region, of what the plan shows, or the one that is named', () => {
    const partitionOf = (expressions: object, given: PlanAccounts, variables = {}): string | undefined =>
      compareTerraformPlans([stack('a.json', variables, expressions)], given).plans[0]?.creates[0]?.target?.partition;
    const account = { target: { account: HERE } };
    expect(partitionOf({}, account)).toBe('aws');
    expect(partitionOf({ region: { constant_value: 'us-gov-west-1' } }, account)).toBe('aws-us-gov');
    expect(partitionOf({ region: references('var.region') }, account, { region: 'cn-north-1' })).toBe('aws-cn');
    expect(partitionOf({}, { target: target(HERE, 'aws-us-gov') })).toBe('aws-us-gov');
    const named = { providers: [{ provider: 'aws', target: { account: HERE } }] };
    expect(partitionOf({ region: { constant_value: 'us-gov-east-1' } }, named)).toBe('aws-us-gov');
    const allowed = { allowed_account_ids: { constant_value: [HERE] }, region: { constant_value: 'cn-north-1' } };
    expect(partitionOf(allowed, {})).toBe('aws-cn');
    const arn = `arn:aws-us-gov:iam::${HERE}:role/kept`;
    const shown = planWith([
      { name: 'kept', actions: ['no-op'], before: { name: 'kept', arn }, after: { name: 'kept', arn } },
      { name: 'new', after: { name: 'new' } },
    ]);
    expect(compareTerraformPlans([shown], account).plans[0]?.creates[0]?.target?.partition).toBe('aws-us-gov');
  });
});

test('an account that cannot be read leaves the findings of the others', () => {
  const plans = [
    { ...planWith([{ after: { name: 'deploy' } }]), file: 'a.json' },
    { ...planWith([{ after: { name: 'deploy' } }]), file: 'b.json' },
  ];
  const given = {
    providers: [
      { file: 'a.json', provider: 'aws', target: target(HERE) },
      { file: 'b.json', provider: 'aws', target: target(THERE) },
    ],
  };
  const failure = new ReadError('account 222222222222 was not read: no', 'allow it', 1);
  const findings = predictAll(compareTerraformPlans(plans, given), () => PRESENT, {
    unread: new Map([[THERE, failure]]),
  });
  expect(findings).toMatchObject([
    { plan: 'a.json', verdict: 'import' },
    { plan: 'b.json', verdict: 'unread', reason: failure.message, remedy: 'allow it' },
  ]);
});
