import type { BootstrapRequest } from '../../contract/request.js';
import type { DesiredEntity, Pipeline } from '../../contract/entity.js';
import { entityId, entityKey } from '../../contract/entity.js';
import { declareEntities } from './entities.js';
import type { RenderedManifest } from './drafts.js';
import type { ManifestKind } from './manifest-kind.js';
import { Expander, newBudget } from './expand.js';
import type { Budget } from './expand.js';
import { headerConflicts } from './compare-headers.js';
import type { Environment } from './environments.js';
import { parseSource, readHeader } from './header.js';
import type { Header, ManifestContext, ManifestSource } from './header.js';
import { overrideProblems } from './variables.js';
import { positionOf } from './tree.js';
import { nearest } from '../text.js';
import type { SourcePosition, Problem } from './problem.js';
import { optionProblem, pathText, positionText, sortProblems } from './problem.js';

export type { ManifestKind } from './manifest-kind.js';
export type { ManifestContext, ManifestSource } from './header.js';
export type { SourcePosition, Problem } from './problem.js';

/** What resolving needs beside the manifests. */
export interface ManifestOptions {
  readonly kinds: readonly ManifestKind[];
  /** The environment that was asked for. */
  readonly environment?: string | undefined;
  /** Values given with `--var`. */
  readonly variables: Readonly<Record<string, string>>;
  /**
   * Reads a file that a manifest refers to.
   *
   * @param path - as the manifest writes it
   * @param from - the manifest's file
   * @throws with a message for people
   */
  readonly readFile: (path: string, from: string) => string;
  /** `foreign:Role/deploy`: what the command line says of single entities. */
  readonly adopt?: readonly string[] | undefined;
  /** The first adoption of an entity may remove what is unmanaged, too. Default: false. */
  readonly removeUnmanaged?: boolean | undefined;
  readonly keepGoing?: boolean | undefined;
  readonly pipeline: Pipeline;
  /** The manifest files, for people. */
  readonly manifestName: string;
}

/** A request without what is derived from it. */
export type ManifestRequest = Omit<BootstrapRequest, 'digest' | 'key'>;

/** Manifests that are sound. */
export interface ResolvedManifest {
  readonly ok: true;
  readonly request: ManifestRequest;
  /** For each entity of the request, where it is declared. */
  readonly positions: readonly SourcePosition[];
  readonly warnings: readonly Problem[];
}

/** Manifests that are not, with all that is wrong with them, in the order of their places. */
export interface RefusedManifest {
  readonly ok: false;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}
export type ManifestResult = ResolvedManifest | RefusedManifest;

/** Collects problems, and so says at the end whether there were any. */
class Findings {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];
  readonly report = (problem: Problem): void => {
    this.problems.push(problem);
  };
  readonly warn = (warning: Problem): void => {
    this.warnings.push(warning);
  };

  constructor(private readonly files: readonly string[]) {}

  refused(): RefusedManifest {
    return {
      ok: false,
      problems: sortProblems(this.problems, this.files),
      warnings: sortProblems(this.warnings, this.files),
    };
  }
}

/**
 * Makes one request of the manifests of one call: parses them, renders their templates for one environment, checks
 * every entity by its kind's schema, and finds what refers to what. Never throws over what a manifest holds, and reads
 * nothing but what `readFile` gives.
 */
export function resolveManifest(sources: readonly ManifestSource[], options: ManifestOptions): ManifestResult {
  const files = sources.map(({ file }) => file);
  const findings = new Findings(files);
  if (sources.length === 0) {
    findings.report(optionProblem('-f', 'there is no manifest', 'name a file with -f FILE'));
    return findings.refused();
  }
  for (const file of new Set(files.filter((name, index) => files.indexOf(name) !== index))) {
    findings.report(optionProblem(`-f ${file}`, `${file} is given more than once`, 'name it once'));
  }

  const { headers, environment } = readHeaders(sources, options, findings);
  for (const problem of headerConflicts(headers)) findings.report(problem);
  for (const problem of overrideProblems(options.variables, headers)) findings.report(problem);
  if (environment === undefined) return findings.refused();

  const budget = newBudget();
  const manifests = headers.map((header) => render(header, environment, options, budget, findings));
  const { entities, positions: places } = declareEntities(manifests, {
    kinds: options.kinds,
    target: environment.target,
    adopt: options.adopt ?? [],
    removeUnmanaged: options.removeUnmanaged,
    report: findings.report,
  });
  const namespace = headers.find((header) => header.namespace !== null)?.namespace ?? '';
  if (findings.problems.length > 0) return findings.refused();
  return {
    ok: true,
    request: {
      version: 1,
      target: environment.target,
      namespace,
      environment: environment.name,
      entities,
      pipeline: options.pipeline,
      keepGoing: options.keepGoing ?? false,
      manifest: options.manifestName,
    },
    positions: places,
    warnings: sortProblems(findings.warnings, files),
  };
}

const NO_CONTEXT: ManifestContext = { environment: '', account: '', partition: '', variables: {} };

function headersOf(sources: readonly ManifestSource[], context: ManifestContext, findings: Findings): Header[] {
  return sources.flatMap((source) => {
    const { tree, problems } = parseSource(source, context);
    for (const problem of problems) findings.report(problem);
    return tree === null ? [] : [readHeader(tree, context.variables, findings.report)];
  });
}

/**
 * Reads what comes before the entities, and chooses the environment. Manifests that are functions are called once to
 * learn their environments, and again when the account is known: only the second answer counts.
 */
function readHeaders(
  sources: readonly ManifestSource[],
  { environment: wanted, variables }: ManifestOptions,
  findings: Findings,
): { readonly headers: readonly Header[]; readonly environment: Environment | undefined } {
  const probe = new Findings([]);
  const headers = headersOf(sources, { ...NO_CONTEXT, environment: wanted ?? '', variables }, probe);
  const environment = choose(headers, wanted, probe);
  if (environment === undefined || !sources.some((source) => 'produce' in source)) {
    probe.problems.forEach(findings.report);
    return { headers, environment };
  }
  const { account, partition } = environment.target;
  const again = headersOf(sources, { environment: environment.name, account, partition, variables }, findings);
  return { headers: again, environment: choose(again, environment.name, findings) };
}

function choose(headers: readonly Header[], wanted: string | undefined, findings: Findings): Environment | undefined {
  const found = new Map(headers.flatMap(({ environments }) => [...environments]));
  const names = [...found.keys()];
  const header = headers[0];
  // Where no environment could be read, that has been reported.
  if (header === undefined || names.length === 0) return undefined;
  if (wanted === undefined) {
    if (names.length === 1) return found.get(names[0] ?? '');
    findings.report({
      ...positionOf(header.environmentsAt),
      path: 'environments',
      message: `there are ${String(names.length)} environments: ${names.join(', ')}`,
      remedy: 'choose one with --environment',
    });
    return undefined;
  }
  const environment = found.get(wanted);
  if (environment === undefined) {
    const meant = nearest(wanted, names);
    findings.report({
      ...positionOf(header.environmentsAt),
      path: 'environments',
      message: `there is no environment ${JSON.stringify(wanted)}`,
      remedy: meant === undefined ? `choose one of ${names.join(', ')}` : `did you mean ${meant}?`,
    });
  }
  return environment;
}

function render(
  header: Header,
  { name, target }: Environment,
  options: ManifestOptions,
  budget: Budget,
  { report, warn }: Findings,
): RenderedManifest {
  const values = new Map([
    ['environment', name],
    ['account', target.account],
    ['partition', target.partition],
    ['namespace', header.namespace ?? ''],
  ]);
  for (const [variable, { value }] of header.variables) values.set(variable, value);
  const expander = new Expander({
    origin: header.origin,
    values,
    readFile: options.readFile,
    report,
    warn,
    budget,
  });
  const defaults = header.defaults === null ? null : expander.expand(header.defaults, ['defaults'], []);
  const entities = header.entities.map((entity, index) => expander.expand(entity, ['entities', index], ['kind']));
  for (const [variable, { at, used }] of header.variables) {
    if (used || expander.used.has(variable)) continue;
    warn({
      ...positionOf(at),
      path: pathText(['variables', variable]),
      message: `variable ${variable} is not used`,
      remedy: 'remove it',
    });
  }
  return { defaults, entities, broken: expander.broken };
}

/** The environments that manifests declare, in their order; those of manifests that cannot be read are left out. */
export function environmentsOf(
  sources: readonly ManifestSource[],
  variables: Readonly<Record<string, string>> = {},
): string[] {
  const headers = headersOf(sources, { ...NO_CONTEXT, variables }, new Findings([]));
  return [...new Set(headers.flatMap(({ environments }) => [...environments.keys()]))];
}

/** What {@link validateManifests} gives. */
export interface Validation {
  readonly ok: boolean;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  /** One for each namespace and environment that is sound. */
  readonly resolved: readonly ResolvedManifest[];
}

/**
 * Checks manifests for every environment that they declare, or for the one that is asked for. Manifests of several
 * namespaces may be given: each namespace is resolved by itself, and names that meet in one account are found.
 */
export function validateManifests(sources: readonly ManifestSource[], options: ManifestOptions): Validation {
  const groups = byNamespace(sources, options.variables);
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const resolved: ResolvedManifest[] = [];
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
    const environments = asked !== undefined ? [asked] : own.length > 0 ? own : [undefined];
    for (const environment of environments) {
      const result = resolveManifest(group.sources, { ...options, variables, environment });
      warnings.push(...result.warnings);
      if (result.ok) resolved.push(result);
      else problems.push(...result.problems);
    }
  }
  problems.push(...collisionsAcross(resolved));
  const files = sources.map(({ file }) => file);
  return {
    ok: problems.length === 0,
    problems: sortProblems(problems, files),
    warnings: sortProblems(warnings, files),
    resolved,
  };
}

interface Group {
  readonly sources: ManifestSource[];
  readonly variables: string[];
}

function byNamespace(sources: readonly ManifestSource[], variables: Readonly<Record<string, string>>): Group[] {
  const groups = new Map<string, Group>();
  for (const source of sources) {
    const [header] = headersOf([source], { ...NO_CONTEXT, variables }, new Findings([]));
    const namespace = header?.namespace ?? '';
    const group = groups.get(namespace) ?? { sources: [], variables: [] };
    groups.set(namespace, group);
    group.sources.push(source);
    group.variables.push(...(header?.variables.keys() ?? []));
  }
  return groups.size === 0 ? [{ sources: [], variables: [] }] : [...groups.values()];
}

/**
 * Names that several environments or namespaces map to one entity of one account: each would write over the other. Not
 * so where the entity is shared, where at most one of them writes, or where both only want it gone.
 */
export function collisionsAcross(resolved: readonly Pick<ResolvedManifest, 'request' | 'positions'>[]): Problem[] {
  const problems: Problem[] = [];
  const owners = new Map<
    string,
    { readonly request: ManifestRequest; readonly entity: DesiredEntity; readonly place: SourcePosition | undefined }
  >();
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
  const where = first.place === undefined ? '' : ` at ${positionText(first.place)}`;
  return {
    file: second.place?.file ?? second.request.manifest,
    line: second.place?.line ?? 0,
    column: second.place?.column ?? 0,
    path: entityId(second.entity),
    message: `${entityId(second.entity)} of ${whose(second)} is ${entityId(first.entity)} of ${whose(first)}${where} too: both map to account ${second.request.target.account}`,
    remedy: sameNamespace
      ? 'put {{environment}} in the name'
      : 'declare it in one namespace only, rename one, or set shared: true on both where the kind allows it',
  };
}
