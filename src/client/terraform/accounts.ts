import type { Target } from '../../contract/entity.js';
import { ExitCode } from '../../contract/failures.js';
import { UserFacingError } from '../../contract/user-facing-error.js';
import { isList } from '../../engine/json.js';
import type { ResourceChange, StateResource, TerraformPlan } from './plan.js';
import { ACCOUNT_ID, constantOf, ProviderConfigs } from './provider-configs.js';

/** Reports a plan whose accounts are not known, or are others than the given ones. */
export class PlanAccountError extends UserFacingError {
  override readonly name = 'PlanAccountError';

  constructor(
    message: string,
    remedy: string,
    readonly exitCode: ExitCode = ExitCode.Usage,
  ) {
    super(message, remedy);
  }
}

/** The account of a provider configuration. */
export interface ProviderAccount {
  /** The plan that it is meant for. Default: every plan. */
  readonly file?: string | undefined;
  /** `aws`, `aws.prod`, `module.ci:aws.prod`. */
  readonly provider: string;
  readonly target: Target;
}

/** The accounts of plans, as the caller knows them. */
export interface PlanAccounts {
  /** The account of provider configurations that are not named. */
  readonly target?: Target | undefined;
  readonly providers?: readonly ProviderAccount[] | undefined;
}

/** The account of a resource. */
export interface ResourceAccount {
  /** Null where neither the plan nor the caller tells it. */
  readonly target: Target | null;
  /** Equal for two resources that are in one account as far as is known. */
  readonly scope: string;
}

/** The scope of resources whose account nothing tells, not even by comparison with others. */
const NOWHERE = 'not known';

const ROLE_ARN = /^arn:([\w-]+):iam::(\d{12}):role\/./;
const IAM_ARN = /^arn:([\w-]+):iam::(\d{12}):/;

/** Returns the target that the ARN of a role names: its account, entered by it. Undefined for other text. */
export function targetOfRole(text: string): Target | undefined {
  const [, partition, account] = ROLE_ARN.exec(text) ?? [];
  return partition === undefined || account === undefined ? undefined : { account, partition, assumeRole: text };
}

/**
 * Makes sure that each named provider configuration is one of a plan, and that no plan shows another account for it.
 *
 * @throws PlanAccountError
 */
export function assertProviders(plans: readonly AccountsOfPlan[], { providers = [] }: PlanAccounts): void {
  for (const { file, provider } of providers) {
    const meant = plans.filter((plan) => file === undefined || plan.file === file);
    if (meant.some(({ providers: keys }) => keys.includes(provider))) continue;
    const named = file === undefined ? provider : `${file}#${provider}`;
    const keys = plans.flatMap((plan) => plan.providers.map((key) => (plans.length > 1 ? `${plan.file}#${key}` : key)));
    throw new PlanAccountError(
      `--provider ${named}: no plan has this provider configuration`,
      `name one of ${keys.join(', ')}`,
    );
  }
  for (const plan of plans) plan.assertShown();
}

/** Finds the account of each resource that a plan creates. */
export class AccountsOfPlan {
  readonly #plan: TerraformPlan;
  readonly #given: PlanAccounts;
  readonly #configs: ProviderConfigs;
  /** The accounts that the plan itself shows, by provider configuration. */
  readonly #shown: ReadonlyMap<string, Target>;

  /** The account of provider configurations whose account the plan does not show. */
  readonly #fallback: Target | undefined;
  /** The account that unknown ones count as. */
  #assumed: string | undefined;

  constructor(plan: TerraformPlan, given: PlanAccounts) {
    this.#plan = plan;
    this.#given = given;
    this.#configs = new ProviderConfigs(plan);
    this.#shown = this.#readShown();
    this.#fallback = this.#readFallback();
  }

  get file(): string {
    return this.#plan.file;
  }

  /** The names of the provider configurations. */
  get providers(): readonly string[] {
    const used = this.#keysOf(this.#plan.changes);
    return [...new Set([...this.#configs.keys, ...used])].sort();
  }

  /**
   * Makes sure that no provider configuration was named with another account than the plan shows for it.
   *
   * @throws PlanAccountError
   */
  assertShown(): void {
    for (const [key, { account: shown }] of this.#shown) {
      const named = this.#mapped(key)?.account ?? shown;
      if (named === shown) continue;
      throw new PlanAccountError(
        `${this.file}: the provider configuration ${key} is for account ${shown}, and ${named} was named`,
        'name the account of the plan, or plan with the credentials of the named one',
        ExitCode.Refused,
      );
    }
  }

  /** The accounts that the plan itself shows. */
  get shown(): readonly string[] {
    return [...this.#shown.values()].map(({ account }) => account);
  }

  /** Compares resources whose account is not known as if it was this one. */
  assume(account: string | undefined): void {
    this.#assumed = account;
  }

  /** Returns the account that a resource is created in. */
  of(change: ResourceChange): ResourceAccount {
    const key = this.#configs.keyOf(change.moduleAddress, 'managed', change.type, change.name);
    if (key === null || this.#configs.isPerInstance(key))
      return { target: null, scope: `${NOWHERE}: ${change.address}` };
    const { target: given } = this.#given;
    const shown = this.#shown.get(key);
    // The caller may know the role to enter by.
    const fallback = shown ?? this.#fallback;
    const target = this.#mapped(key) ?? (fallback?.account === given?.account ? given : fallback) ?? null;
    return { target, scope: target?.account ?? this.#assumed ?? `unknown ${this.#configs.groupOf(key)}` };
  }

  /** Returns the account that a resource is in before the plan. */
  ofPresent(change: ResourceChange): ResourceAccount {
    const own = targetShownBy(stateBefore(change));
    return own === undefined ? this.of(change) : { target: own, scope: own.account };
  }

  /**
   * Makes sure that the accounts of resources are known, and that the given account is one of theirs.
   *
   * @throws PlanAccountError
   */
  assertKnown(creates: readonly ResourceChange[]): void {
    const { file } = this.#plan;
    const lost = creates.find(
      ({ moduleAddress, type, name }) => this.#configs.keyOf(moduleAddress, 'managed', type, name) === null,
    );
    if (lost !== undefined) {
      throw new PlanAccountError(
        `${file}: the configuration in the plan does not have ${lost.address}, so nothing tells which provider configuration creates it`,
        'print the plan anew with `terraform show -json`, and leave its configuration in it',
      );
    }
    const keys = this.#keysOf(creates);
    const open = this.#openKeys(creates);
    const groups = new Map(open.map((key) => [this.#configs.groupOf(key), key]).reverse() as [string, string][]);
    if (groups.size > 1) {
      const names = [...groups.values()].sort();
      throw new PlanAccountError(
        `${file}: the plan does not tell which account is that of its provider configurations ${names.join(', ')}`,
        `name the account of each, or a role in it: ${names.map((key) => `--provider ${key}=ACCOUNT`).join(' ')}`,
      );
    }
    const { target } = this.#given;
    if (open.length > 0 && target === undefined) {
      throw new PlanAccountError(
        `${file}: the plan does not tell its account`,
        'name it with --account, or compare plans only with --offline',
      );
    }
    this.#assertSame(keys, open);
  }

  /** Returns the account of provider configurations that the plan does not tell. Undefined where they are several. */
  #readFallback(): Target | undefined {
    const creates = this.#plan.changes.filter(({ actions }) => actions.includes('create'));
    const groups = new Set(this.#openKeys(creates).map((key) => this.#configs.groupOf(key)));
    return groups.size > 1 ? undefined : this.#given.target;
  }

  #openKeys(creates: readonly ResourceChange[]): readonly string[] {
    return this.#keysOf(creates).filter((key) => this.#mapped(key) === undefined && !this.#shown.has(key));
  }

  #keysOf(creates: readonly ResourceChange[]): readonly string[] {
    const keys = creates.map(({ moduleAddress, type, name }) =>
      this.#configs.keyOf(moduleAddress, 'managed', type, name),
    );
    return [...new Set(keys)].filter((key) => key !== null && !this.#configs.isPerInstance(key)) as string[];
  }

  #assertSame(keys: readonly string[], open: readonly string[]): void {
    const { target } = this.#given;
    if (target === undefined || open.length > 0 || keys.length === 0) return;
    const shown = [...new Set(keys.map((key) => (this.#mapped(key) ?? this.#shown.get(key))?.account ?? ''))];
    if (shown.includes(target.account)) return;
    throw new PlanAccountError(
      `${this.#plan.file}: the plan is for account ${shown.join(', ')}, and ${target.account} was named`,
      'name the account of the plan, or plan with the credentials of the named one',
      ExitCode.Refused,
    );
  }

  #mapped(key: string): Target | undefined {
    const given = (this.#given.providers ?? []).filter(({ file }) => file === undefined || file === this.#plan.file);
    // One that is meant for this plan comes first, and one that differs in its region only counts as well.
    const named = [...given].sort((a, b) => Number(a.file === undefined) - Number(b.file === undefined));
    const own = named.find(({ provider }) => provider === key);
    const group = this.#configs.groupOf(key);
    return (
      own ??
      named.find(({ provider }) => this.#configs.isConfigured(provider) && this.#configs.groupOf(provider) === group)
    )?.target;
  }

  #readShown(): ReadonlyMap<string, Target> {
    const shown = new Map<string, Target>();
    const found = new Map<string, Map<string, Target>>();
    for (const resource of [...this.#plan.state, ...this.#plan.changes.map(stateBefore)]) {
      const target = targetShownBy(resource);
      if (target === undefined) continue;
      const key = this.#configs.keyOf(resource.moduleAddress, resource.mode, resource.type, resource.name);
      if (key === null || this.#configs.isPerInstance(key)) continue;
      found.set(key, (found.get(key) ?? new Map<string, Target>()).set(target.account, target));
    }
    for (const [key, targets] of found) {
      const [only] = targets.values();
      if (targets.size === 1 && only !== undefined) shown.set(key, only);
    }
    for (const [key, { expressions = {} }] of Object.entries(this.#plan.providers)) {
      const target = targetInConfiguration(expressions);
      if (target !== undefined) shown.set(key, target);
    }
    return this.#withSameCredentials(shown);
  }

  /** Adds provider configurations that differ in their region only. */
  #withSameCredentials(shown: ReadonlyMap<string, Target>): ReadonlyMap<string, Target> {
    const byGroup = new Map([...shown].map(([key, target]) => [this.#configs.groupOf(key), target]));
    const others = Object.keys(this.#plan.providers).flatMap((key) => {
      const target = shown.get(key) ?? byGroup.get(this.#configs.groupOf(key));
      return target === undefined ? [] : [[key, target] as const];
    });
    return new Map([...shown, ...others]);
  }
}

function stateBefore({ moduleAddress, type, name, before: values }: ResourceChange): StateResource {
  return { moduleAddress, mode: 'managed', type, name, values };
}

/** Returns the account that an object of the state is in; undefined where it does not show. */
function targetShownBy({ type, mode, values }: StateResource): Target | undefined {
  const { arn, account_id: account } = values;
  if (type === 'aws_caller_identity' && mode === 'data' && typeof account === 'string' && ACCOUNT_ID.test(account)) {
    const [, partition = 'aws'] = /^arn:([\w-]+):/.exec(typeof arn === 'string' ? arn : '') ?? [];
    return { account, partition };
  }
  // A data source may read what is in another account, and a policy may be AWS's own.
  if (mode !== 'managed' || !type.startsWith('aws_iam_') || typeof arn !== 'string') return undefined;
  const [, partition, shown] = IAM_ARN.exec(arn) ?? [];
  return partition === undefined || shown === undefined ? undefined : { account: shown, partition };
}

/** Returns the account that a provider configuration names by a constant. */
function targetInConfiguration(expressions: Readonly<Record<string, unknown>>): Target | undefined {
  const blocks = [expressions['assume_role']].flat() as readonly ({ readonly role_arn?: unknown } | undefined)[];
  const role = constantOf(blocks.at(-1)?.role_arn);
  const target = typeof role === 'string' ? targetOfRole(role) : undefined;
  // The worker enters by its own role.
  if (target !== undefined) return { account: target.account, partition: target.partition };
  const allowed = constantOf(expressions['allowed_account_ids']);
  const [account, ...others] = isList(allowed) ? allowed : [];
  return typeof account === 'string' && ACCOUNT_ID.test(account) && others.length === 0
    ? { account, partition: 'aws' }
    : undefined;
}
