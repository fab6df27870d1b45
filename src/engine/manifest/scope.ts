import type { FleetAccount } from '../../contract/fleet.js';
import { nearest } from '../text.js';
import type { Environment } from './environments.js';
import { Expander, type ExpandOptions, type RenderedManifest } from './expand.js';
import type { Findings } from './findings.js';
import { accountValues, fleetTarget, fleetVariables } from './fleet-account.js';
import type { Fleet } from './fleets.js';
import { headersOf, NO_CONTEXT, type Header, type ManifestSource } from './header.js';
import { optionProblem } from './problem.js';
import { ACCOUNT_NAME, ACCOUNT_TAGS } from './template.js';
import { problemAt } from './tree.js';

/** The target of manifests, and the values that their templates know. */
export interface Scope {
  readonly environment: Environment;
  /** The values that are known of the account, by their names in templates. */
  readonly account: ReadonlyMap<string, string>;
  /** Values of variables, which take precedence over those of the manifests. */
  readonly variables: ReadonlyMap<string, string>;
  /** Names that were used before the manifests are rendered. */
  readonly used: ReadonlySet<string>;
  readonly fleet?: Fleet;
  /** The names and tags of accounts are not known: {@link PLACEHOLDER} stands for them. */
  readonly isOffline?: boolean | undefined;
}

/** The value of names and tags of accounts that only AWS knows. */
export const PLACEHOLDER = 'placeholder';

/** The values of templates, with a placeholder for all names and tags of accounts. */
class OfflineValues extends Map<string, string> {
  override get(name: string): string | undefined {
    const isOfAccount = name === ACCOUNT_NAME || name.startsWith(ACCOUNT_TAGS);
    return super.get(name) ?? (isOfAccount ? PLACEHOLDER : undefined);
  }
}

/** Returns the scope of an environment. */
export function environmentScope(environment: Environment): Scope {
  const account = accountValues({ id: environment.target.account, name: null, tags: {} });
  return { environment, account, variables: new Map(), used: new Set() };
}

/** Returns the values of all names that templates of a manifest know. */
export function scopeValues(
  { environment: { name, target }, account, variables, isOffline }: Scope,
  header: Pick<Header, 'namespace' | 'variables'>,
): Map<string, string> {
  const Values = isOffline === true ? OfflineValues : Map<string, string>;
  return new Values([
    ['environment', name],
    ['account', target.account],
    ['partition', target.partition],
    ['namespace', header.namespace ?? ''],
    ...account,
    ...[...header.variables].map(([variable, { value }]) => [variable, value] as const),
    ...variables,
  ]);
}

/** The account of a fleet that manifests are rendered for. */
export interface FleetScopeOptions {
  /** The name of the fleet. */
  readonly name: string;
  readonly account: FleetAccount;
  /** See {@link Scope.isOffline}. */
  readonly isOffline?: boolean;
}

/** The inputs for the values of an account of a fleet. */
interface FleetInputs extends Pick<ExpandOptions, 'readFile' | 'budget'> {
  /** Values given with `--var`. */
  readonly variables: Readonly<Record<string, string>>;
}

/** Returns a fleet, and the manifest that declares it. */
export function findFleet(
  headers: readonly Header[],
  name: string,
): { readonly header: Header; readonly fleet: Fleet } | undefined {
  for (const header of headers) {
    const fleet = header.fleets.get(name);
    if (fleet !== undefined) return { header, fleet };
  }
  return undefined;
}

/** Reads the headers of manifests and returns the scope of one account of a fleet that they declare. */
export function readFleetScope(
  sources: readonly ManifestSource[],
  { name, account, isOffline }: FleetScopeOptions,
  { variables: overrides, readFile, budget }: FleetInputs,
  findings: Findings,
): { readonly headers: readonly Header[]; readonly scope: Scope | undefined } {
  const headers = headersOf(withoutFunctions(sources, findings), { ...NO_CONTEXT, variables: overrides }, findings);
  const { header, fleet } = findFleet(headers, name) ?? {};
  if (header === undefined || fleet === undefined) {
    reportUnknownFleet(headers, name, findings);
    return { headers, scope: undefined };
  }
  const { report, warn } = findings;
  const expander = (values: ReadonlyMap<string, string>): Expander =>
    new Expander({ origin: header.origin, values, readFile, report, warn, budget });
  const known = accountValues(account);
  const target = { account: account.id, partition: fleet.partition };
  const bare: Scope = {
    environment: { name: fleet.environment, target, at: fleet.at },
    account: known,
    variables: new Map(),
    used: new Set(),
    fleet,
    isOffline,
  };
  const declared = headers.flatMap((one) => [...one.variables.keys()]);
  const variables = fleetVariables(fleet, {
    account: account.id,
    declared,
    overrides,
    expander: expander(scopeValues(bare, { ...header, variables: new Map() })),
    report,
  });
  const withVariables = { ...bare, variables };
  const ofTarget = expander(scopeValues(withVariables, header));
  const environment = { ...bare.environment, target: fleetTarget(fleet, account.id, ofTarget, report) };
  return { headers, scope: { ...withVariables, environment, used: ofTarget.used } };
}

/** Reports manifests that only a program can make, and leaves them out: workers render a fleet's manifests. */
function withoutFunctions(sources: readonly ManifestSource[], { report }: Findings): readonly ManifestSource[] {
  return sources.filter((source) => {
    if (!('produce' in source)) return true;
    report({
      file: source.file,
      line: 0,
      column: 0,
      path: '',
      message: 'the manifest is a function, and workers cannot call it for each account of a fleet',
      remedy: 'export the manifest itself, and write {{account}} or a variable for what differs between accounts',
    });
    return false;
  });
}

function reportUnknownFleet(headers: readonly Header[], name: string, { report, problems }: Findings): void {
  const [header] = headers;
  if (header === undefined && problems.length > 0) return;
  const names = [...new Set(headers.flatMap(({ fleets }) => [...fleets.keys()]))];
  const meant = nearest(name, names);
  const message = `there is no fleet ${JSON.stringify(name)}`;
  const choice = names.length === 0 ? 'declare it under fleets' : `choose one of ${names.join(', ')}`;
  const remedy = meant === undefined ? choice : `did you mean ${meant}?`;
  const at = headers.flatMap(({ fleets }) => [...fleets.values()])[0]?.at ?? header?.namespaceAt;
  report(at === undefined ? optionProblem('--fleet', message, remedy) : problemAt(at, ['fleets'], message, remedy));
}

/** Warns of variables of a fleet that no manifest uses and that none declares. */
export function warnOfUnused(
  { fleet, used }: Scope,
  headers: readonly Header[],
  manifests: readonly RenderedManifest[],
  { warn }: Findings,
): void {
  for (const [name, { at }] of fleet?.variables ?? []) {
    if (used.has(name) || manifests.some((manifest) => manifest.used.has(name))) continue;
    if (headers.some(({ variables }) => variables.has(name))) continue;
    warn(problemAt(at, ['fleets', fleet?.name ?? '', 'variables', name], `variable ${name} is not used`, 'remove it'));
  }
}
