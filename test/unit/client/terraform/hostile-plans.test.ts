import type { PlanAccounts } from '../../../../src/client/terraform/accounts.js';
import { assertAccountsKnown } from '../../../../src/client/terraform/assert-accounts.js';
import { targetOfRole } from '../../../../src/client/terraform/shown-accounts.js';
import { addressOf } from '../../../../src/client/terraform/addresses.js';
import type { TerraformPlan } from '../../../../src/client/terraform/plan.js';
import { compareTerraformPlans, preflight, preflightOffline } from '../../../../src/client/terraform/preflight.js';
import { renderPreflight } from '../../../../src/cli/render/preflight.js';
import { planWith, type PrintedChange } from '../../../support/terraform-changes.js';

const role = (name: string, account: string) => ({ name, path: '/', arn: `arn:aws:iam::${account}:role/${name}` });
const [HERE, THERE] = ['111111111111', '222222222222'] as const;
const target = (account: string): PlanAccounts['target'] => ({ account, partition: 'aws' });

function accountsOf(plan: TerraformPlan, given: PlanAccounts): Record<string, string | null> {
  const { plans } = compareTerraformPlans([plan], given);
  return Object.fromEntries(
    (plans[0]?.creates ?? []).map(({ change, target: own }) => [change.address, own?.account ?? null]),
  );
}

describe('an address that Terraform has not made', () => {
  const hostile = 'aws_iam_role.deploy\n}\nmodule "x" {\n  source = "https://example.com/x"';

  test.each<[string, PrintedChange]>([
    ['with blocks behind it', { address: hostile }],
    ['whose name has blocks behind it', { name: hostile, address: `aws_iam_role.${hostile}` }],
    ['whose type has blocks behind it', { type: `aws_iam_${hostile}`, address: `aws_iam_${hostile}.deploy` }],
    [
      'whose module has blocks behind it',
      { module_address: `module.${hostile}`, address: `module.${hostile}.aws_iam_role.deploy` },
    ],
    [
      'with a template',
      { module_address: 'module.a["${file(1)}"]', address: 'module.a["${file(1)}"].aws_iam_role.deploy' },
    ],
    ['of another resource', { address: 'aws_iam_role.other' }],
    ['without its index', { index: 'a' }],
    ['with a broken index', { index: 1.5, address: 'aws_iam_role.deploy[1.5]' }],
    ['of another module', { module_address: 'module.a', address: 'module.b.aws_iam_role.deploy' }],
  ])('%s is refused with its place, and is in no file', (_what, change) => {
    const remedy = expect.stringContaining('terraform show -json') as string;
    expect(() => planWith([{ name: 'first' }, change])).toThrow(
      expect.objectContaining({
        message:
          'plan.json: is not a plan that Terraform has printed: resource_changes.1.address: is not the address that module_address, type, name and index make',
        remedy,
        exitCode: 64,
      }) as Error,
    );
  });

  test('is told from those that Terraform makes', () => {
    const parts = {
      moduleAddress: 'module.a["x.y[0] $${k} \\"\\n"].module.ö-1[0]',
      type: 'aws_iam_role',
      name: '_r-1',
    };
    expect(addressOf({ ...parts, index: 'ü"\\\n${k}\u200b$' })).toBe(
      `${parts.moduleAddress}.aws_iam_role._r-1["ü\\"\\\\\\n$\${k}\\u200b$"]`,
    );
    expect(addressOf({ ...parts, moduleAddress: '', index: 0 })).toBe('aws_iam_role._r-1[0]');
    // A character that this version of Unicode can print, and Terraform's could not.
    const address = String.raw`aws_iam_role.deploy["\U0001f980"]`;
    expect(planWith([{ address, index: '🦀' }]).changes.map((change) => change.address)).toEqual([
      'aws_iam_role.deploy["🦀"]',
    ]);
  });
});

describe('accounts of a plan with two provider configurations', () => {
  const assume = (...references: string[]) => ({ assume_role: [{ role_arn: { references } }] });
  const aws = { full_name: 'registry.terraform.io/hashicorp/aws' };
  const configured = (providers: Record<string, object>, resources: object[], module_calls: object = {}) => ({
    configuration: {
      provider_config: Object.fromEntries(
        Object.entries(providers).map(([key, expressions]) => [key, { ...aws, expressions }]),
      ),
      root_module: { resources, module_calls },
    },
  });
  const resource = (name: string, key: string) => ({ type: 'aws_iam_role', name, provider_config_key: key });

  test('are not shown by resources that are gone from the configuration', async () => {
    const plan = planWith(
      [
        { name: 'gone', actions: ['delete'], before: role('gone', THERE) },
        { name: 'new', after: { name: 'gone' } },
      ],
      configured({ aws: {}, 'aws.prod': assume('var.prod') }, [resource('new', 'aws')]),
    );
    expect(accountsOf(plan, { target: target(HERE) })).toEqual({ 'aws_iam_role.new': HERE });
    const compared = compareTerraformPlans([plan], {});
    await expect(
      preflight(() => {
        throw new Error('nobody may be asked');
      }, compared),
    ).rejects.toMatchObject({ message: 'plan.json: the plan does not tell its account' });
    // The deletion is in its own account, and makes no room here.
    expect(preflightOffline(compareTerraformPlans([plan], { target: target(HERE) })).findings).toEqual([]);
    expect(preflightOffline(compareTerraformPlans([plan], { target: target(THERE) })).findings).toMatchObject([
      { verdict: 'recreate', movedFrom: 'aws_iam_role.gone' },
    ]);
  });

  test('are those of each module, where the same text has another value', () => {
    const inner = (name: string) => ({ module: { resources: [resource(name, `module.${name}:aws`)] } });
    const plan = planWith(
      ['a', 'b'].map((name) => ({
        module_address: `module.${name}`,
        address: `module.${name}.aws_iam_role.${name}`,
        name,
        after: { name: 'deploy' },
      })),
      configured({ 'module.a:aws': assume('var.role'), 'module.b:aws': assume('var.role') }, [], {
        a: inner('a'),
        b: inner('b'),
      }),
    );
    const known = [...compareTerraformPlans([plan], {}).accounts.values()].map((one) => [one, plan.changes] as const);
    expect(() => {
      assertAccountsKnown(known, {});
    }).toThrow('its provider configurations module.a:aws, module.b:aws');
    expect(preflightOffline(compareTerraformPlans([plan], {})).findings).toEqual([]);
  });

  test('are not known where a provider configuration has one for each instance', async () => {
    const plan = planWith(
      ['a', 'b'].map((index) => ({ index, address: `aws_iam_role.deploy["${index}"]`, after: { name: 'deploy' } })),
      configured({ aws: assume('each.value.role', 'each.value') }, [resource('deploy', 'aws')]),
    );
    const result = await preflight(
      () => {
        throw new Error('nobody may be asked');
      },
      compareTerraformPlans([plan], { target: target(HERE) }),
    );
    expect(result.findings.map(({ verdict, reason }) => [verdict, reason])).toEqual(
      ['a', 'b'].map(() => [
        'unknown',
        'its provider configuration has an account for each instance, which the plan does not tell',
      ]),
    );
  });

  test('are account IDs, and nothing that a terminal obeys', () => {
    const escape = '\u001b]0;x\u0007';
    const state = (account_id: string) => ({
      prior_state: {
        values: {
          root_module: {
            resources: [{ mode: 'data', type: 'aws_caller_identity', name: 'me', values: { account_id } }],
          },
        },
      },
    });
    const change = { after: { name: 'deploy' } };
    const allowed = configured({ aws: { allowed_account_ids: { constant_value: [escape] } } }, []);
    for (const rest of [state(escape), allowed]) {
      const plan = planWith([change], rest);
      expect(accountsOf(plan, {})).toEqual({ 'aws_iam_role.deploy': null });
      expect(renderPreflight(preflightOffline(compareTerraformPlans([plan], {})), [])).not.toContain(escape);
    }
    expect(accountsOf(planWith([change], state(HERE)), {})).toEqual({ 'aws_iam_role.deploy': HERE });
    expect(targetOfRole(`arn:aws:iam::${HERE}:role/${escape}`)?.account).toBe(HERE);
  });
});
