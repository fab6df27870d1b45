import { predictAll } from '../../../../src/client/terraform/predict-all.js';
import type { PlanAccounts } from '../../../../src/client/terraform/accounts.js';
import { ReadError } from '../../../../src/client/read.js';
import type { TerraformPlan } from '../../../../src/client/terraform/plan.js';
import { compareTerraformPlans, preflight, preflightOffline } from '../../../../src/client/terraform/preflight.js';
import type { LookedUp } from '../../../../src/contract/look-up.js';
import { planWith } from '../../../support/terraform-changes.js';
import { planOf } from '../../../support/terraform-creates.js';
import { ABSENT } from '../../../support/look-ups.js';

const PRESENT: LookedUp = { ...ABSENT, status: 'present', name: 'deploy' };
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
  const byAccount = { allowed_account_ids: references('var.account') };
  const roleIn = (account: string) => ({ role: `arn:aws:iam::${account}:role/terraform` });
  const ask = (plans: readonly TerraformPlan[], given: PlanAccounts) => {
    const compared = compareTerraformPlans(plans, given);
    const unasked = (): never => {
      throw new Error('nobody may be asked');
    };
    return [preflightOffline(compared), preflight(unasked, compared)] as const;
  };

  test.each<[string, object, Record<string, string>]>([
    [
      'a role that is made of a variable',
      { assume_role: [{ role_arn: references('var.role') }] },
      { role: 'terraform' },
    ],
    [
      'a role that is made of the ARN of another',
      { assume_role: [{ role_arn: references('var.role') }] },
      roleIn(THERE),
    ],
    ['a profile that is made of a variable', { profile: references('var.stage') }, { stage: 'a' }],
    ['a function without a reference', { profile: {} }, {}],
  ])('is not that of provider configurations with %s', async (_what, expressions, variables) => {
    // A plan shows neither the text around a variable nor what a function makes of it.
    const shown = stack('a.json', variables, expressions);
    const [, provider] = Object.entries(shown.providers)[0] ?? [];
    const two: TerraformPlan = {
      ...shown,
      providers: { aws: provider ?? {}, 'aws.prod': provider ?? {} },
      changes: ['dev', 'prod'].flatMap((name) =>
        shown.changes.map((change) => ({ ...change, name, address: `aws_iam_role.${name}` })),
      ),
      root: {
        resources: [
          { type: 'aws_iam_role', name: 'dev', provider_config_key: 'aws' },
          { type: 'aws_iam_role', name: 'prod', provider_config_key: 'aws.prod' },
        ],
      },
    };
    const [offline, online] = ask([two], { target: target(HERE) });
    expect(offline).toMatchObject({
      findings: [],
      notes: [expect.stringContaining('those that may differ were not compared') as string],
    });
    await expect(online).rejects.toMatchObject({
      remedy: 'name the account of each, or a role in it: --provider aws=ACCOUNT --provider aws.prod=ACCOUNT',
    });
    const named = ['aws', 'aws.prod'].map((key) => ({ provider: key, target: target(key === 'aws' ? HERE : THERE) }));
    expect(preflightOffline(compareTerraformPlans([two], { providers: named }))).toMatchObject({
      findings: [],
      plans: [{ accounts: [HERE, THERE] }],
    });
    const plans = [shown, stack('b.json', variables, expressions)];
    await expect(ask(plans, { target: target(HERE) })[1]).rejects.toMatchObject({
      remedy: expect.stringContaining('--provider a.json#aws=ACCOUNT --provider b.json#aws=ACCOUNT') as string,
    });
  });

  test('is asked for by plan where other values differ, or are not known', async () => {
    const values = [stack('dev.json', { account: HERE }, byAccount), stack('prod.json', { account: THERE }, byAccount)];
    const locals = ['dev.json', 'prod.json'].map((file) => stack(file, {}, { profile: references('local.profile') }));
    for (const plans of [values, locals]) {
      const [offline, online] = ask(plans, { target: target(HERE) });
      expect(offline.findings).toEqual([]);
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

  test('is that of plans that have the same constants', () => {
    const plans = ['a.json', 'b.json'].map((file) => stack(file, {}, { profile: { constant_value: 'dev' } }));
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
