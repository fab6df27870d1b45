import type { Target } from '../../contract/entity.js';
import type { ResourceChange, TerraformPlan } from './plan.js';
import { ProviderConfigs } from './provider-configs.js';
import { makesName } from './resource-types.js';
import { shownAccounts, targetBefore } from './shown-accounts.js';

/** An account as the caller names it, and the role to enter it by. */
export interface NamedAccount {
  readonly account: string;
  /** Default: the partition of the region and of the ARNs in the plan. */
  readonly partition?: string | undefined;
  readonly assumeRole?: string;
}

/** The account of a provider configuration. */
export interface ProviderAccount {
  /** The plan that it is meant for. Default: every plan. */
  readonly file?: string | undefined;
  /** `aws`, `aws.prod`, `module.ci:aws.prod`. */
  readonly provider: string;
  readonly target: NamedAccount;
}

/** The accounts of plans, as the caller knows them. */
export interface PlanAccounts {
  /** The account of provider configurations that are not named. */
  readonly target?: NamedAccount | undefined;
  readonly providers?: readonly ProviderAccount[] | undefined;
}

/** The account of a resource. */
export interface ResourceAccount {
  /** Null where neither the plan nor the caller tells it. */
  readonly target: Target | null;
  /** Equal for two resources that are in one account as far as is known. */
  readonly scope: string;
}

/** The facts about the accounts of several plans that none of them shows alone. */
interface Neighbors {
  /** The accounts that plans show, by group of provider configurations. */
  readonly accounts: ReadonlyMap<string, string>;
  /** The provider configurations without an account differ, so that no single account is that of all. */
  readonly areOpenSeveral: boolean;
}

/** The scope of resources whose account nothing tells, not even by comparison with others. */
const NOWHERE = 'not known';

/** Returns the accounts of plans, which are compared with each other. */
export function accountsOfPlans(
  plans: readonly TerraformPlan[],
  given: PlanAccounts,
): ReadonlyMap<TerraformPlan, AccountsOfPlan> {
  const accounts = new Map(plans.map((plan) => [plan, new AccountsOfPlan(plan, given)]));
  const all = [...accounts.values()];
  const open = all.flatMap((one) => one.openProviders.map(({ group }) => group));
  const shown = new Map<string, Set<string>>();
  for (const [group, account] of all.flatMap((one) => one.shownGroups)) {
    shown.set(group, (shown.get(group) ?? new Set()).add(account));
  }
  const neighbors = {
    accounts: new Map(
      [...shown].flatMap(([group, [account, ...more]]) =>
        account === undefined || more.length > 0 ? [] : [[group, account] as const],
      ),
    ),
    areOpenSeveral: new Set(open).size > 1,
  };
  for (const one of all) one.compareWith(neighbors);
  return accounts;
}

/** Finds the account of each resource that a plan creates. */
export class AccountsOfPlan {
  readonly #plan: TerraformPlan;
  readonly #given: PlanAccounts;
  readonly #configs: ProviderConfigs;
  readonly #shown: ReadonlyMap<string, Target>;
  #neighbors: Neighbors = { accounts: new Map(), areOpenSeveral: false };

  constructor(plan: TerraformPlan, given: PlanAccounts) {
    this.#plan = plan;
    this.#given = given;
    this.#configs = new ProviderConfigs(plan);
    this.#shown = shownAccounts(plan, this.#configs);
  }

  /** Takes other plans into account. */
  compareWith(neighbors: Neighbors): void {
    this.#neighbors = neighbors;
  }

  get file(): string {
    return this.#plan.file;
  }

  /** The names of the provider configurations. */
  get providers(): readonly string[] {
    return [...new Set([...this.#configs.keys, ...this.keysOf(this.#plan.changes)])].sort();
  }

  /** The accounts that the plan itself shows, by provider configuration. */
  get shown(): ReadonlyMap<string, Target> {
    return this.#shown;
  }

  /** The accounts that the plan itself shows, by group. */
  get shownGroups(): readonly (readonly [group: string, account: string])[] {
    return [...this.#shown].map(([key, { account }]) => [this.#configs.groupOf(key), account]);
  }

  /** The provider configurations that create something, and whose account neither the plan nor a name tells. */
  get openProviders(): readonly { readonly key: string; readonly group: string }[] {
    return this.keysOf(this.#plan.changes.filter(makesName))
      .filter((key) => this.named(key) === undefined && !this.#shown.has(key))
      .map((key) => ({ key, group: this.#configs.groupOf(key) }));
  }

  /** Returns the account that a resource is created in. */
  of(change: ResourceChange): ResourceAccount {
    const key = this.#keyOf(change);
    if (key === null || this.#configs.isPerInstance(key)) {
      return { target: null, scope: `${NOWHERE}: ${this.file}: ${change.address}` };
    }
    const shown = this.#shown.get(key);
    const named = this.named(key) ?? this.#fallback(shown);
    const target =
      named === undefined ? (shown ?? null) : { ...named, partition: named.partition ?? this.#partitionOf(key) };
    const group = this.#configs.groupOf(key);
    return { target, scope: target?.account ?? this.#neighbors.accounts.get(group) ?? `unknown ${group}` };
  }

  /** Returns the account that a resource is in before the plan. */
  ofPresent(change: ResourceChange): ResourceAccount {
    const own = targetBefore(change);
    return own === undefined ? this.of(change) : { target: own, scope: own.account };
  }

  /** Returns the account that the caller names for a provider configuration, or for one with the same credentials. */
  named(key: string): NamedAccount | undefined {
    const given = (this.#given.providers ?? []).filter(({ file }) => file === undefined || file === this.file);
    // One that is meant for this plan comes first, and one that differs in its region only counts as well.
    const named = [...given].sort((a, b) => Number(a.file === undefined) - Number(b.file === undefined));
    const own = named.find(({ provider }) => provider === key);
    const group = this.#configs.groupOf(key);
    return (
      own ??
      named.find(({ provider }) => this.#configs.isConfigured(provider) && this.#configs.groupOf(provider) === group)
    )?.target;
  }

  /** Reports whether the configuration tells which provider configuration makes a resource. */
  hasProvider(change: ResourceChange): boolean {
    return this.#keyOf(change) !== null;
  }

  /** Returns the provider configurations of resources. */
  keysOf(changes: readonly ResourceChange[]): readonly string[] {
    const keys = new Set(changes.map((change) => this.#keyOf(change)));
    return [...keys].filter((key) => key !== null && !this.#configs.isPerInstance(key)) as string[];
  }

  /** Returns the account for provider configurations that are not named, where it is no other than the plan shows. */
  #fallback(shown: Target | undefined): NamedAccount | undefined {
    const { target: given } = this.#given;
    // The caller may know the role to enter by.
    if (shown !== undefined) return shown.account === given?.account ? given : undefined;
    return this.#neighbors.areOpenSeveral ? undefined : given;
  }

  #keyOf({ moduleAddress, type, name }: ResourceChange): string | null {
    return this.#configs.keyOf(moduleAddress, 'managed', type, name);
  }

  #partitionOf(key: string): string {
    const [shown] = this.#shown.values();
    return this.#shown.get(key)?.partition ?? this.#configs.regionPartitionOf(key) ?? shown?.partition ?? 'aws';
  }
}
