import type { PlanAccounts } from '../../../../src/client/terraform/accounts.js';
import { compareTerraformPlans } from '../../../../src/client/terraform/preflight.js';
import { planOf } from '../../../support/terraform-creates.js';

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
