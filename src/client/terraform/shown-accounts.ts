import type { Target } from '../../contract/entity.js';
import { isList } from '../../engine/json.js';
import type { ResourceChange, StateResource, TerraformPlan } from './plan.js';
import { ACCOUNT_ID, constantOf, type ProviderConfigs } from './provider-configs.js';

const ROLE_ARN = /^arn:([\w-]+):iam::(\d{12}):role\/./;
const IAM_ARN = /^arn:([\w-]+):iam::(\d{12}):/;

/** Returns the target that the ARN of a role names: its account, entered by it. Undefined for other text. */
export function targetOfRole(text: string): Target | undefined {
  const [, partition, account] = ROLE_ARN.exec(text) ?? [];
  return partition === undefined || account === undefined ? undefined : { account, partition, assumeRole: text };
}

/** Returns the accounts that a plan shows, by provider configuration: by its arguments, or by what the state has. */
export function shownAccounts(plan: TerraformPlan, configs: ProviderConfigs): ReadonlyMap<string, Target> {
  const found = new Map<string, Map<string, Target>>();
  for (const resource of [...plan.state, ...plan.changes.map(stateBefore)]) {
    const key = configs.keyOf(resource.moduleAddress, resource.mode, resource.type, resource.name);
    if (key === null || configs.isPerInstance(key)) continue;
    const target = targetShownBy(resource, configs.regionPartitionOf(key) ?? 'aws');
    if (target === undefined) continue;
    found.set(key, (found.get(key) ?? new Map<string, Target>()).set(target.account, target));
  }
  const shown = new Map<string, Target>();
  for (const [key, targets] of found) {
    const [only] = targets.values();
    if (targets.size === 1 && only !== undefined) shown.set(key, only);
  }
  for (const key of configs.keys) {
    const target = targetInConfiguration(key, configs);
    if (target !== undefined) shown.set(key, target);
  }
  return withSameCredentials(shown, configs);
}

/** Adds provider configurations that differ in their region only. */
function withSameCredentials(
  shown: ReadonlyMap<string, Target>,
  configs: ProviderConfigs,
): ReadonlyMap<string, Target> {
  const byGroup = new Map([...shown].map(([key, target]) => [configs.groupOf(key), target]));
  const others = configs.keys.flatMap((key) => {
    const target = shown.get(key) ?? byGroup.get(configs.groupOf(key));
    return target === undefined ? [] : [[key, target] as const];
  });
  return new Map([...shown, ...others]);
}

/** Returns the account that a resource is in before the plan; undefined where that does not show. */
export function targetBefore(change: ResourceChange): Target | undefined {
  return targetShownBy(stateBefore(change), 'aws');
}

function stateBefore({ moduleAddress, type, name, before: values }: ResourceChange): StateResource {
  return { moduleAddress, mode: 'managed', type, name, values };
}

/** Returns the account that an object of the state is in; undefined where it does not show. */
function targetShownBy({ type, mode, values }: StateResource, fallback: string): Target | undefined {
  const { arn, account_id: account } = values;
  if (type === 'aws_caller_identity' && mode === 'data' && typeof account === 'string' && ACCOUNT_ID.test(account)) {
    const [, partition = fallback] = /^arn:([\w-]+):/.exec(typeof arn === 'string' ? arn : '') ?? [];
    return { account, partition };
  }
  // A data source may read what is in another account, and a policy may be AWS's own.
  if (mode !== 'managed' || !type.startsWith('aws_iam_') || typeof arn !== 'string') return undefined;
  const [, partition, shown] = IAM_ARN.exec(arn) ?? [];
  return partition === undefined || shown === undefined ? undefined : { account: shown, partition };
}

/** Returns the account that a provider configuration names by a constant. A plan does not show what is made of a variable. */
function targetInConfiguration(key: string, configs: ProviderConfigs): Target | undefined {
  const { assume_role: block, allowed_account_ids: accounts } = configs.argumentsOf(key);
  const blocks = [block].flat() as readonly ({ readonly role_arn?: unknown } | undefined)[];
  const role = constantOf(blocks.at(-1)?.role_arn);
  const target = typeof role === 'string' ? targetOfRole(role) : undefined;
  // The worker enters by its own role.
  if (target !== undefined) return { account: target.account, partition: target.partition };
  const allowed = constantOf(accounts);
  const [account, ...others] = isList(allowed) ? allowed : [];
  return typeof account === 'string' && ACCOUNT_ID.test(account) && others.length === 0
    ? { account, partition: configs.regionPartitionOf(key) ?? 'aws' }
    : undefined;
}
