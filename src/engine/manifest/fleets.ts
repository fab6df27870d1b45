import type { z } from 'zod';
import type { Json } from '../../contract/entity.js';
import type { FleetLimit, FleetSelection, Rollout } from '../../contract/fleet.js';
import { type accountsSchema, fleetSchema } from './fleet-fields.js';
import { issuesToProblems } from './issues.js';
import { ENVIRONMENT_NAME, ENVIRONMENT_NAME_TEXT } from './names.js';
import { pathText, quoted, type Report } from './problem.js';
import {
  mapTree,
  positionOf,
  problemAt,
  toJson,
  type MapEntry,
  type MapTree,
  type SourceOffset,
  type Tree,
} from './tree.js';
import { variableNameProblem } from './variables.js';

/** The accounts at a time where a fleet does not say. */
const DEFAULT_CONCURRENCY = 20;

/** A fleet of a manifest. Its templates are rendered for each account. */
export interface Fleet {
  readonly name: string;
  readonly at: SourceOffset;
  readonly environment: string;
  readonly partition: string;
  readonly selection: FleetSelection;
  readonly rollout: Omit<Rollout, 'approveWaves'>;
  /** The template of the role, with its offset. Undefined where the worker's own credentials are used. */
  readonly assumeRole: MapEntry | undefined;
  readonly variables: ReadonlyMap<string, MapEntry>;
  /** Values by account, or the file that has them. */
  readonly accountVariables: Tree | undefined;
  /** The fleet as the manifest writes it. */
  readonly written: Json;
}

/** Reads the fleets of a manifest. */
export function readFleets(tree: Tree | undefined, report: Report): ReadonlyMap<string, Fleet> {
  const fleets = new Map<string, Fleet>();
  if (tree?.type !== 'map') return fleets;
  if (tree.entries.size === 0) {
    const remedy = 'declare one, as in all: { accounts: { ids: ["111111111111"] } }';
    report(problemAt(tree.at, ['fleets'], 'fleets is empty', remedy));
  }
  for (const [name, { at, value }] of tree.entries) {
    if (!ENVIRONMENT_NAME.test(name)) {
      report(problemAt(at, ['fleets', name], `fleet name ${quoted(name)} is not allowed`, ENVIRONMENT_NAME_TEXT));
    }
    fleets.set(name, readFleet(name, at, value, report));
  }
  return fleets;
}

function readFleet(name: string, at: SourceOffset, tree: Tree, report: Report): Fleet {
  const written: ReadonlyMap<string, MapEntry> = tree.type === 'map' ? tree.entries : new Map();
  const values = written.get('accountVariables')?.value;
  const checked = tree.type === 'map' ? withoutFile(tree) : tree;
  const parsed = fleetSchema.safeParse(toJson(checked));
  issuesToProblems(parsed.error?.issues ?? [], {
    tree: checked,
    pathOf: (inner) => ['fleets', name, ...inner],
    owner: `fleet ${name}`,
    fields: Object.keys(fleetSchema.shape),
  }).forEach(report);
  const { accounts = {}, environment = name, partition = 'aws', ...order } = parsed.data ?? {};
  const variables = written.get('variables')?.value;
  const fleet: Fleet = {
    name,
    at,
    environment,
    partition,
    selection: selectionOf(accounts),
    rollout: rolloutOf(order),
    assumeRole: written.get('assumeRole'),
    variables: variables?.type === 'map' ? variables.entries : new Map<string, MapEntry>(),
    accountVariables: values,
    written: toJson(tree),
  };
  reportNames(fleet, report);
  return fleet;
}

function selectionOf({
  ids = [],
  organizationalUnits = [],
  tags = {},
  exclude = [],
  organizationRole,
}: z.infer<typeof accountsSchema>): FleetSelection {
  return {
    ids,
    organizationalUnits,
    tags,
    exclude,
    ...(organizationRole === undefined ? {} : { organizationRole }),
  };
}

/** Returns a fleet without values that are in a file, whose content is checked when it is read. */
function withoutFile(tree: MapTree): MapTree {
  const values = tree.entries.get('accountVariables')?.value;
  if (values?.type !== 'map' || !values.entries.has('$file')) return tree;
  return mapTree(tree.at, new Map([...tree.entries].filter(([field]) => field !== 'accountVariables')));
}

/** Reports names of variables that templates could not use. */
function reportNames({ name, variables }: Fleet, report: Report): void {
  for (const [variable, { at }] of variables) {
    const problem = variableNameProblem(variable);
    if (problem === undefined) continue;
    report({ ...positionOf(at), path: pathText(['fleets', name, 'variables', variable]), ...problem });
  }
}

function rolloutOf({
  waves = [],
  concurrency = DEFAULT_CONCURRENCY,
  maxFailures = 0,
}: Pick<z.infer<typeof fleetSchema>, 'waves' | 'concurrency' | 'maxFailures'>): Fleet['rollout'] {
  return { waves: reachingAll(waves), concurrency, maxFailures: limitOf(maxFailures) };
}

/** Returns the waves, with a last one that reaches all accounts. */
function reachingAll(waves: readonly FleetLimit[]): readonly FleetLimit[] {
  const last = waves.at(-1);
  const reachesAll = last !== undefined && 'percent' in last && last.percent === 100;
  return reachesAll ? waves : [...waves, { percent: 100 }];
}

function limitOf(maxFailures: number | string): FleetLimit {
  if (typeof maxFailures === 'number') return { accounts: maxFailures };
  return { percent: Number(maxFailures.slice(0, -1)) };
}
