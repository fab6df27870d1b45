import type { Target } from '../../contract/entity.js';
import { ExitCode } from '../../contract/failures.js';
import type { EntityToLookUp } from '../../contract/look-up.js';
import type { Finding, Preflight, Verdict } from '../../contract/preflight.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { ReadError } from '../read.js';
import type { RunOptions } from '../run/events.js';
import { type AccountsOfPlan, accountsOfPlans, type PlanAccounts } from './accounts.js';
import { assertAccountsKnown, assertProviders } from './assert-accounts.js';
import { comparePlans } from './compare-plans.js';
import { findingOf } from './findings.js';
import { type Item, itemsOf, type PlanItems } from './items.js';
import { Links } from './links.js';
import { type AccountLookUps, lookUpInAccount } from './look-up.js';
import { countOf, needsOf } from './parents.js';
import type { TerraformPlan } from './plan.js';
import { isOpen, predictAll, questionOf, uncheckable, withRemovals } from './predict-all.js';

/** The verdicts, the gravest first. */
export const VERDICTS: readonly Verdict[] = [
  'duplicate',
  'foreign',
  'collision',
  'import',
  'limit',
  'orphan',
  'recreate',
  'unread',
  'overwrite',
  'unknown',
  'present',
  'create',
];

/** Plans that were read and compared with each other. */
export interface ComparedPlans {
  readonly plans: readonly PlanItems[];
  readonly accounts: ReadonlyMap<TerraformPlan, AccountsOfPlan>;
  /** The accounts that the caller names. */
  readonly given: PlanAccounts;
  /** The findings that the plans show without AWS. */
  readonly findings: ReadonlyMap<Item, Finding>;
  readonly links: Links;
}

/**
 * Compares plans with each other. Asks nobody.
 *
 * @throws PlanAccountError where a named provider configuration is in no plan, or a plan shows another account for it
 */
export function compareTerraformPlans(plans: readonly TerraformPlan[], given: PlanAccounts): ComparedPlans {
  const accounts = accountsOfPlans(plans, given);
  assertProviders([...accounts.values()], given);
  const items = [...accounts].map(([plan, known]) => itemsOf(plan, known));
  return { plans: items, accounts, given, findings: comparePlans(items), links: new Links(items) };
}

/** Returns what the plans alone show, as the result of `preflight --offline`. */
export function preflightOffline(compared: ComparedPlans): Preflight {
  const findings = compared.plans.flatMap(({ creates }) =>
    creates.flatMap((item) => {
      const known = compared.findings.get(item) ?? (isOpen(item) ? undefined : uncheckable(item));
      return known ?? withRemovals(findingOf(item, { verdict: 'create', reason: '' }), item, compared.links) ?? [];
    }),
  );
  return resultOf(compared, findings, { offline: true, calls: {} });
}

/**
 * Predicts for each resource of IAM that plans create what its create meets in the account. Reads by a worker, which has the
 * credentials, and writes nothing.
 *
 * @param openTemporal - connects to the server that the worker polls; called only where AWS has to be asked
 * @param compared - the plans
 * @param options - how to wait for a worker
 * @throws PlanAccountError where an account is not known, ReadError where none can be read
 */
export async function preflight(
  openTemporal: () => Promise<TemporalConnection>,
  compared: ComparedPlans,
  options: RunOptions = {},
): Promise<Preflight> {
  const open = itemsToLookUp(compared);
  if (open.length > 0) assertKnown(compared);
  const answers = new Map<string, AccountLookUps>();
  const unread = new Map<string, ReadError>();
  const calls: Record<string, number> = {};
  for (const [account, { target, entities }] of byAccount(open)) {
    try {
      const found = await lookUpInAccount(await openTemporal(), target, entities, options);
      answers.set(account, found);
      for (const [operation, count] of Object.entries(found.calls)) calls[operation] = (calls[operation] ?? 0) + count;
    } catch (error) {
      if (!(error instanceof ReadError)) throw error;
      unread.set(account, error);
    }
  }
  const [failure] = unread.values();
  if (failure !== undefined && answers.size === 0) throw failure;
  const summaries = [...answers].flatMap(([account, { summary }]) =>
    summary === undefined ? [] : [[account, summary] as const],
  );
  const findings = predictAll(compared, (account, entity) => answers.get(account)?.find(entity), {
    unread,
    summaries: new Map(summaries),
  });
  return resultOf(compared, findings, { offline: false, calls });
}

function assertKnown({ plans, accounts, given }: ComparedPlans): void {
  const creates = plans.flatMap(({ plan, creates: items }) => {
    const known = accounts.get(plan);
    return known === undefined ? [] : [[known, items.filter(isOpen).map(({ change }) => change)] as const];
  });
  assertAccountsKnown(creates, given);
}

/** Returns the resources that AWS has to be asked about. */
export function itemsToLookUp({ plans, findings }: Pick<ComparedPlans, 'plans' | 'findings'>): readonly Item[] {
  return plans.flatMap(({ creates }) => creates.filter((item) => isOpen(item) && !findings.has(item)));
}

/** Returns the exit code for a result. */
export function preflightExitCode({ result }: Preflight): ExitCode {
  switch (result) {
    case 'foreign':
      return ExitCode.Refused;
    case 'conflicts':
      return ExitCode.Pending;
    case 'unread':
      return ExitCode.Failed;
    case 'unknown':
    case 'clear':
      return ExitCode.Converged;
  }
}

function byAccount(items: readonly Item[]) {
  const accounts = new Map<string, { readonly target: Target; readonly entities: EntityToLookUp[] }>();
  for (const item of items) {
    const question = questionOf(item);
    if (item.target === null || question === undefined) continue;
    const { account } = item.target;
    const one = accounts.get(account) ?? { target: item.target, entities: [] };
    accounts.set(account, one);
    one.entities.push(question, ...needsOf(item).map(({ entity }) => entity), ...[countOf(item) ?? []].flat());
  }
  return accounts;
}

function resultOf(
  { plans }: ComparedPlans,
  findings: readonly Finding[],
  { offline, calls }: { readonly offline: boolean; readonly calls: Readonly<Record<string, number>> },
): Preflight {
  const total = Object.values(calls).reduce((sum, count) => sum + count, 0);
  const deferred = plans.flatMap(({ plan }) =>
    plan.deferred.map((address) => `${plan.file}: ${address} is left to a later plan, and was not checked`),
  );
  return {
    version: 1,
    command: 'preflight',
    result: gravest(findings),
    offline,
    plans: plans.map(({ plan: { file, program, formatVersion }, creates }) => ({
      file,
      program,
      formatVersion,
      accounts: [...new Set(creates.flatMap(({ target }) => target?.account ?? []))].sort(),
      creates: creates.filter(({ isRename }) => !isRename).length,
      renames: creates.filter(({ isRename }) => isRename).length,
    })),
    summary: Object.fromEntries(
      VERDICTS.map((verdict) => [verdict, findings.filter((finding) => finding.verdict === verdict).length]),
    ) as Record<Verdict, number>,
    findings: [...findings].sort((a, b) => VERDICTS.indexOf(a.verdict) - VERDICTS.indexOf(b.verdict)),
    notes: [...deferred, ...(offline ? accountNotes(plans) : [])],
    apiCalls: { total, byOperation: calls },
  };
}

/** Returns what is assumed of the accounts that the plans do not tell. */
function accountNotes(plans: readonly PlanItems[]): readonly string[] {
  const open = plans.flatMap(({ creates }) => creates.filter((item) => isOpen(item) && item.target === null));
  if (open.length === 0) return [];
  return new Set(open.map(({ scope }) => scope)).size === 1
    ? ['plans that do not tell their account count as plans for the same one']
    : [
        'the plans do not tell whether all their provider configurations are for one account, so those that may differ were not compared: name the account of each with --provider',
      ];
}

function gravest(findings: readonly Finding[]): Preflight['result'] {
  const has = (verdict: Verdict): boolean => findings.some((finding) => finding.verdict === verdict);
  if (findings.some(({ owner }) => owner !== null)) return 'foreign';
  if (findings.some(({ error }) => error !== null)) return 'conflicts';
  if (has('unread')) return 'unread';
  return has('unknown') ? 'unknown' : 'clear';
}
