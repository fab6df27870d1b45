import { ExitCode } from '../../contract/failures.js';
import { UserFacingError } from '../../contract/user-facing-error.js';
import type { AccountsOfPlan, PlanAccounts } from './accounts.js';
import type { ResourceChange } from './plan.js';

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

const NAME_SHOWN = 'name the account of the plan, or plan with the credentials of the named one';

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
  for (const plan of plans) {
    for (const [key, { account: shown }] of plan.shown) {
      const named = plan.named(key)?.account ?? shown;
      if (named === shown) continue;
      throw new PlanAccountError(
        `${plan.file}: the provider configuration ${key} is for account ${shown}, and ${named} was named`,
        NAME_SHOWN,
        ExitCode.Refused,
      );
    }
  }
}

/**
 * Makes sure that the accounts of resources are known, and that the given account is one of theirs.
 *
 * @param plans - the accounts of each plan, and the resources to look up
 * @param given - the accounts that the caller names
 * @throws PlanAccountError
 */
export function assertAccountsKnown(
  plans: readonly (readonly [accounts: AccountsOfPlan, creates: readonly ResourceChange[]])[],
  given: PlanAccounts,
): void {
  const { target } = given;
  for (const [accounts, creates] of plans) {
    const lost = creates.find((change) => !accounts.hasProvider(change));
    if (lost === undefined) continue;
    throw new PlanAccountError(
      `${accounts.file}: the configuration in the plan does not have ${lost.address}, so nothing tells which provider configuration creates it`,
      'print the plan anew with `terraform show -json`, and leave its configuration in it',
    );
  }
  assertOneOpen(plans.map(([accounts]) => accounts));
  for (const [accounts, creates] of plans) {
    const { file, openProviders } = accounts;
    if (openProviders.length === 0) assertSame(accounts, creates, target?.account);
    else if (target === undefined) {
      throw new PlanAccountError(
        `${file}: the plan does not tell its account`,
        'name it with --account, or compare plans only with --offline',
      );
    }
  }
}

/** Makes sure that one account can be that of all provider configurations without one: those that differ are never guessed. */
function assertOneOpen(plans: readonly AccountsOfPlan[]): void {
  const open = plans.flatMap(({ file, openProviders }) => openProviders.map((one) => ({ file, ...one })));
  if (new Set(open.map(({ group }) => group)).size <= 1) return;
  const files = [...new Set(open.map(({ file }) => file))];
  const isOnePlan = plans.length === 1;
  // The first name of each group stands for all in its plan.
  const byGroup = new Map(
    open.map(({ file, key, group }) => [`${file} ${group}`, isOnePlan ? key : `${file}#${key}`]).reverse() as [
      string,
      string,
    ][],
  );
  const names = [...byGroup.values()].sort();
  throw new PlanAccountError(
    files.length === 1
      ? `${files.join()}: the plan does not tell which account is that of its provider configurations ${names.join(', ')}`
      : `the plans do not tell which account is that of their provider configurations ${names.join(', ')}`,
    `name the account of each, or a role in it: ${names.map((key) => `--provider ${key}=ACCOUNT`).join(' ')}`,
  );
}

/** Makes sure that an account is one of those that a plan shows, or the caller names for its provider configurations. */
function assertSame(accounts: AccountsOfPlan, creates: readonly ResourceChange[], account: string | undefined): void {
  const keys = accounts.keysOf(creates);
  if (account === undefined || keys.length === 0) return;
  const shown = new Set(keys.map((key) => (accounts.named(key) ?? accounts.shown.get(key))?.account ?? ''));
  if (shown.has(account)) return;
  throw new PlanAccountError(
    `${accounts.file}: the plan is for account ${[...shown].join(', ')}, and ${account} was named`,
    NAME_SHOWN,
    ExitCode.Refused,
  );
}
