import type { Target } from '../../contract/entity.js';
import type { FleetAccount } from '../../contract/fleet.js';
import { suggestion } from '../text.js';
import { checkAssumeRole } from './environments.js';
import type { Expander } from './expand.js';
import { accountVariablesSchema } from './fleet-fields.js';
import type { Fleet } from './fleets.js';
import { issuesToProblems } from './issues.js';
import type { Report } from './problem.js';
import { ACCOUNT_NAME, ACCOUNT_TAGS } from './template.js';
import { problemAt, stringOf, toJson, type MapEntry } from './tree.js';

/** Returns the names that templates know of an account, with their values. */
export function accountValues({ id, name, tags }: FleetAccount): ReadonlyMap<string, string> {
  return new Map([
    ['account.id', id],
    ...(name === null ? [] : [[ACCOUNT_NAME, name] as const]),
    ...Object.entries(tags).map(([key, value]) => [`${ACCOUNT_TAGS}${key}`, value] as const),
  ]);
}

/** The inputs for the variables of one account. */
interface AccountVariables {
  readonly account: string;
  /** Variables that the manifests declare. */
  readonly declared: readonly string[];
  /** Values given with `--var`, which take precedence. */
  readonly overrides: Readonly<Record<string, string>>;
  /** Renders with what is known of the account, and without variables. */
  readonly expander: Expander;
  readonly report: Report;
}

/**
 * Returns the values of variables that a fleet sets in one account: those of the account before those of the fleet. Only
 * the value that counts is rendered, so that an account without a tag can have a value of its own.
 */
export function fleetVariables(
  fleet: Fleet,
  { account, declared, overrides, expander, report }: AccountVariables,
): ReadonlyMap<string, string> {
  const own = variablesOfAccount(fleet, account, expander, report);
  const known = [...new Set([...declared, ...fleet.variables.keys()])];
  for (const [name, { at }] of own) {
    if (known.includes(name)) continue;
    const message = `no manifest and no fleet declares a variable ${JSON.stringify(name)}`;
    const remedy = suggestion(name, known, `declare ${name} under variables, with a default`);
    report(problemAt(at, ['fleets', fleet.name, 'accountVariables', account, name], message, remedy));
  }
  const values = new Map<string, string>();
  for (const [name, { value }] of new Map([...fleet.variables, ...own])) {
    const override = Object.hasOwn(overrides, name) ? overrides[name] : undefined;
    const path = ['fleets', fleet.name, ...(own.has(name) ? ['accountVariables', account] : ['variables']), name];
    const given = override?.includes('{{') === true ? null : (override ?? textOf(expander, value, path));
    // A value that is refused is replaced by the name, so that its uses are not reported, too.
    values.set(name, given ?? name);
  }
  return values;
}

function textOf(expander: Expander, value: MapEntry['value'], path: readonly string[]): string | null {
  const rendered = expander.expand(value, path, []);
  return expander.broken.has(rendered) ? null : stringOf(rendered);
}

/** Returns the values that are set for one account. */
function variablesOfAccount(
  { name, accountVariables }: Fleet,
  account: string,
  expander: Expander,
  report: Report,
): ReadonlyMap<string, MapEntry> {
  const none = new Map<string, MapEntry>();
  if (accountVariables === undefined) return none;
  const path = ['fleets', name, 'accountVariables'];
  const tree = expander.include(accountVariables, path);
  if (expander.broken.has(tree)) return none;
  // What is written in the manifest itself was checked with the fleet.
  if (tree !== accountVariables) {
    issuesToProblems(accountVariablesSchema.safeParse(toJson(tree)).error?.issues ?? [], {
      tree,
      pathOf: (inner) => [...path, ...inner],
      owner: `accountVariables of fleet ${name}`,
      fields: [],
    }).forEach(report);
  }
  const own = tree.type === 'map' ? tree.entries.get(account)?.value : undefined;
  return own?.type === 'map' ? own.entries : none;
}

/** Returns the target of an account, with the role that its fleet names. */
export function fleetTarget(fleet: Fleet, account: string, expander: Expander, report: Report): Target {
  const target: Target = { account, partition: fleet.partition };
  if (fleet.assumeRole === undefined) return target;
  const { value } = fleet.assumeRole;
  const path = ['fleets', fleet.name, 'assumeRole'];
  const assumeRole = textOf(expander, value, path);
  if (assumeRole === null) return target;
  checkAssumeRole(assumeRole, target, path, value.at, report);
  return { ...target, assumeRole };
}
