import type { FleetAccount } from '../../contract/fleet.js';
import { Expander, newBudget } from './expand.js';
import { Findings } from './findings.js';
import type { Fleet } from './fleets.js';
import { headersOf, NO_CONTEXT, type ManifestSource } from './header.js';
import type { Problem } from './problem.js';
import { resolveManifest, type ManifestOptions, type ResolvedManifest } from './resolve.js';
import { findFleet } from './scope.js';

/** The result of {@link checkFleet}. */
export interface CheckedFleet {
  /** Undefined where the manifests do not declare it, which is a problem. */
  readonly fleet: Fleet | undefined;
  readonly namespace: string;
  /** The accounts of it that are known without AWS Organizations. */
  readonly accounts: readonly string[];
  /** The manifests, resolved for each of these accounts. */
  readonly resolved: readonly ResolvedManifest[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** The account that manifests are checked with where none is known. */
const SAMPLE_ACCOUNT = '000000000000';

/** Problems after which no other account is checked: most are those of the first again. */
const MAX_PROBLEMS = 50;

/**
 * Checks the manifests of a fleet for each account that is known offline, and for a sample account where none is. Names
 * and tags of accounts are known to AWS only, so that a placeholder stands for them.
 *
 * @param sources - the manifests
 * @param name - the name of the fleet
 * @param options - those of resolving them
 * @param maxAccounts - the number of accounts to check. Default: all
 */
export function checkFleet(
  sources: readonly ManifestSource[],
  name: string,
  options: Omit<ManifestOptions, 'fleet'>,
  maxAccounts = Infinity,
): CheckedFleet {
  const findings = new Findings([]);
  const headers = headersOf(
    sources.filter((source) => !('produce' in source)),
    { ...NO_CONTEXT, variables: options.variables },
    findings,
  );
  const { header, fleet } = findFleet(headers, name) ?? {};
  const accounts =
    header === undefined || fleet === undefined
      ? []
      : knownAccounts(fleet, new Expander({ ...NOTHING, origin: header.origin, readFile: options.readFile }));
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const resolved: ResolvedManifest[] = [];
  for (const id of accounts.length === 0 ? [SAMPLE_ACCOUNT] : accounts.slice(0, maxAccounts)) {
    const account: FleetAccount = { id, name: null, tags: {} };
    const result = resolveManifest(sources, { ...options, fleet: { name, account, isOffline: true } });
    warnings.push(...result.warnings);
    if (result.ok) resolved.push(result);
    else problems.push(...result.problems);
    if (problems.length >= MAX_PROBLEMS) break;
  }
  const namespace = headers.find((one) => one.namespace !== null)?.namespace ?? '';
  return { fleet, namespace, accounts, resolved: accounts.length === 0 ? [] : resolved, problems, warnings };
}

/** The inputs of an expander that renders nothing. */
const NOTHING = {
  values: new Map<string, string>(),
  report: () => undefined,
  warn: () => undefined,
  get budget() {
    return newBudget();
  },
};

/** Returns the accounts that a fleet lists, and those that it has values for. */
function knownAccounts({ name, selection, accountVariables }: Fleet, expander: Expander): readonly string[] {
  const { ids, organizationalUnits, tags, exclude } = selection;
  const isListed = organizationalUnits.length === 0 && Object.keys(tags).length === 0;
  const values =
    isListed || accountVariables === undefined
      ? undefined
      : expander.include(accountVariables, ['fleets', name, 'accountVariables']);
  const named = values?.type === 'map' ? [...values.entries.keys()].filter((id) => /^\d{12}$/.test(id)) : [];
  return [...new Set([...ids, ...named])].filter((id) => !exclude.includes(id)).sort();
}
