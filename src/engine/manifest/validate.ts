import { entityId, entityKey, type DesiredEntity } from '../../contract/entity.js';
import { checkFleet, type CheckedFleet } from './check-fleet.js';
import { Findings } from './findings.js';
import { headersOf, NO_CONTEXT, type ManifestSource } from './header.js';
import { positionText, sortProblems, type Problem, type SourcePosition } from './problem.js';
import { resolveManifest } from './resolve.js';
import type { ManifestOptions, ManifestRequest, ResolvedManifest } from './resolve.js';

/** Returns the environments that the manifests declare, in order; manifests that cannot be read are left out. */
export function environmentsOf(
  sources: readonly ManifestSource[],
  variables: Readonly<Record<string, string>> = {},
): string[] {
  const headers = headersOf(sources, { ...NO_CONTEXT, variables }, new Findings([]));
  return [...new Set(headers.flatMap(({ environments }) => [...environments.keys()]))];
}

/** The result of {@link validateManifests}. */
export interface Validation {
  readonly ok: boolean;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  /** One for each valid namespace and environment. */
  readonly resolved: readonly ResolvedManifest[];
  readonly fleets: readonly ValidatedFleet[];
}

/** A fleet of valid manifests. */
export interface ValidatedFleet {
  readonly namespace: string;
  readonly fleet: string;
  /** The manifests, resolved for each account that is known without AWS Organizations. */
  readonly resolved: readonly ResolvedManifest[];
  /** Further accounts are known to AWS Organizations only, and were not checked. */
  readonly hasUnknown: boolean;
}

/**
 * Checks manifests for every environment that they declare, or for the requested one. Manifests of several namespaces
 * may be given: each namespace is resolved by itself, and names that collide in one account are reported.
 */
export function validateManifests(sources: readonly ManifestSource[], options: ManifestOptions): Validation {
  const groups = byNamespace(sources, options.variables);
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const resolved: ResolvedManifest[] = [];
  const fleets: ValidatedFleet[] = [];
  const declared = new Set(groups.flatMap((group) => group.variables));
  const wanted = [...new Set(groups.flatMap((group) => environmentsOf(group.sources, options.variables)))];

  for (const group of groups) {
    // A variable belongs to the namespaces that declare it; one that none declares is a problem of each.
    const variables = Object.fromEntries(
      Object.entries(options.variables).filter(([name]) => group.variables.includes(name) || !declared.has(name)),
    );
    const own = environmentsOf(group.sources, variables);
    const asked = options.environment;
    const elsewhere = asked !== undefined && !own.includes(asked) && wanted.includes(asked);
    if (elsewhere) continue;
    const names = asked === undefined ? fleetsOf(group.sources, variables) : [];
    for (const name of names) {
      const checked = checkFleet(group.sources, name, { ...options, variables: ofScope(variables, group, name) });
      problems.push(...checked.problems);
      warnings.push(...checked.warnings);
      if (checked.problems.length === 0) fleets.push(validated(name, checked));
    }
    const environments = asked !== undefined ? [asked] : own.length > 0 || names.length > 0 ? own : [undefined];
    for (const environment of environments) {
      const result = resolveManifest(group.sources, { ...options, variables: ofScope(variables, group), environment });
      warnings.push(...result.warnings);
      if (result.ok) resolved.push(result);
      else problems.push(...result.problems);
    }
  }
  problems.push(...collisionsAcross([...resolved, ...fleets.flatMap((fleet) => fleet.resolved)]));
  const files = sources.map(({ file }) => file);
  return {
    ok: problems.length === 0,
    problems: sortProblems(problems, files),
    warnings: sortProblems(warnings, files),
    resolved,
    fleets,
  };
}

function fleetsOf(sources: readonly ManifestSource[], variables: Readonly<Record<string, string>>): string[] {
  const headers = headersOf(sources, { ...NO_CONTEXT, variables }, new Findings([]));
  return [...new Set(headers.flatMap(({ fleets }) => [...fleets.keys()]))];
}

function validated(fleet: string, { namespace, resolved, fleet: found }: CheckedFleet): ValidatedFleet {
  const { organizationalUnits = [], tags = {} } = found?.selection ?? {};
  const hasUnknown = organizationalUnits.length > 0 || Object.keys(tags).length > 0;
  return { namespace, fleet, resolved, hasUnknown };
}

/** Returns the values of variables without those that only other fleets declare. */
function ofScope(
  variables: Readonly<Record<string, string>>,
  { ofFleets, ofManifests }: Group,
  fleet?: string,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(variables).filter(([name]) => {
      const fleets = ofFleets.get(name);
      return fleets === undefined || ofManifests.has(name) || (fleet !== undefined && fleets.includes(fleet));
    }),
  );
}

interface Group {
  readonly sources: ManifestSource[];
  readonly ofManifests: Set<string>;
  /** The fleets that set a variable. */
  readonly ofFleets: Map<string, string[]>;
  readonly variables: string[];
}
function byNamespace(sources: readonly ManifestSource[], variables: Readonly<Record<string, string>>): Group[] {
  const groups = new Map<string, Group>();
  for (const source of sources) {
    const [header] = headersOf([source], { ...NO_CONTEXT, variables }, new Findings([]));
    const namespace = header?.namespace ?? '';
    const group: Group = groups.get(namespace) ?? {
      sources: [],
      variables: [],
      ofManifests: new Set(),
      ofFleets: new Map(),
    };
    groups.set(namespace, group);
    group.sources.push(source);
    for (const variable of header?.variables.keys() ?? []) {
      group.variables.push(variable);
      group.ofManifests.add(variable);
    }
    for (const { name, variables: own } of header?.fleets.values() ?? []) {
      for (const variable of own.keys()) {
        group.variables.push(variable);
        group.ofFleets.set(variable, [...(group.ofFleets.get(variable) ?? []), name]);
      }
    }
  }
  return groups.size === 0
    ? [{ sources: [], variables: [], ofManifests: new Set(), ofFleets: new Map() }]
    : [...groups.values()];
}

/**
 * Finds entities that several environments or namespaces map to the same name in one account: each would overwrite the
 * other. It is no collision if the entity is shared, if at most one of them writes, or if both only remove it.
 */
export function collisionsAcross(resolved: readonly Pick<ResolvedManifest, 'request' | 'positions'>[]): Problem[] {
  const problems: Problem[] = [];
  const owners = new Map<string, Claim>();
  for (const { request, positions } of resolved) {
    request.entities.forEach((entity, index) => {
      if (entity.observe) return;
      const key = `${request.target.partition}:${request.target.account}:${entityKey(entity)}`;
      const place = positions[index];
      const first = owners.get(key);
      if (first === undefined) {
        owners.set(key, { request, entity, place });
        return;
      }
      if (first.entity.shared && entity.shared) return;
      if (first.entity.state !== 'present' && entity.state !== 'present') return;
      problems.push(collision(first, { request, entity, place }));
    });
  }
  return problems;
}
interface Claim {
  readonly request: ManifestRequest;
  readonly entity: DesiredEntity;
  readonly place: SourcePosition | undefined;
}
function collision(first: Claim, second: Claim): Problem {
  const sameNamespace = first.request.namespace === second.request.namespace;
  const whose = ({ request }: Claim): string =>
    sameNamespace ? `environment ${request.environment}` : `namespace ${request.namespace} (${request.environment})`;
  const position = first.place === undefined ? '' : ` at ${positionText(first.place)}`;
  return {
    file: second.place?.file ?? second.request.manifest,
    line: second.place?.line ?? 0,
    column: second.place?.column ?? 0,
    path: entityId(second.entity),
    message: `${entityId(second.entity)} of ${whose(second)} is ${entityId(first.entity)} of ${whose(first)}${position}, too: both map to account ${second.request.target.account}`,
    remedy: sameNamespace
      ? 'put {{environment}} in the name'
      : 'declare it in one namespace only, rename one, or set shared: true on both where the kind allows it',
  };
}
