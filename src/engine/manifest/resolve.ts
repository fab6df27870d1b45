import type { OrphanPolicy, Pipeline } from '../../contract/entity.js';
import type { BootstrapRequest } from '../../contract/request.js';
import type { Draft } from './drafts.js';
import { declareEntities } from './entities.js';
import { Expander, newBudget, type RenderedManifest, type Budget } from './expand.js';
import type { ManifestKind } from './manifest-kind.js';
import type { Environment } from './environments.js';
import { Findings, type RefusedManifest } from './findings.js';
import { headerConflicts, headersOf, NO_CONTEXT } from './header.js';
import type { Header, ManifestSource } from './header.js';
import {
  environmentScope,
  readFleetScope,
  scopeValues,
  warnOfUnused,
  type FleetScopeOptions,
  type Scope,
} from './scope.js';
import { overrideProblems } from './variables.js';
import { problemAt } from './tree.js';
import { nearest } from '../text.js';
import { optionProblem, sortProblems, type Problem, type SourcePosition } from './problem.js';

export type { ManifestKind } from './manifest-kind.js';
export type { RefusedManifest } from './findings.js';
export type { ManifestContext, ManifestSource } from './header.js';
export type { Problem } from './problem.js';

/** A request without its digest and its key. */
export type ManifestRequest = Omit<BootstrapRequest, 'digest' | 'key'>;

/** The result for valid manifests. */
export interface ResolvedManifest {
  readonly ok: true;
  readonly request: ManifestRequest;
  readonly positions: readonly SourcePosition[];
  readonly warnings: readonly Problem[];
}

/** The result of {@link resolveManifest}. */
export type ManifestResult = ResolvedManifest | RefusedManifest;

/** Valid manifests, with the entities as they are written: one for each entity of the request. */
export interface TracedManifest extends ResolvedManifest {
  readonly drafts: readonly Draft[];
}

/** The options for resolving manifests. */
export interface ManifestOptions {
  readonly kinds: readonly ManifestKind[];
  readonly environment?: string | undefined;
  /** The account of a fleet to resolve the manifests for. Default: the environment. */
  readonly fleet?: FleetScopeOptions | undefined;
  readonly variables: Readonly<Record<string, string>>;
  /**
   * Reads a file that a manifest refers to.
   *
   * @param path - as the manifest writes it
   * @param from - the manifest's file
   * @throws with a message for people
   */
  readonly readFile: (path: string, from: string) => string;
  /** Overrides for single entities from the command line: `foreign:Role/deploy`. */
  readonly adopt?: readonly string[] | undefined;
  /** Entities that may be deleted although others trust them: `Kind/name`. Default: none. */
  readonly deleteTrusted?: readonly string[] | undefined;
  /** The first adoption of an entity may remove what is unmanaged, too. Default: false. */
  readonly removeUnmanaged?: boolean | undefined;
  /** Takes precedence over the manifests. Default: what they say. */
  readonly orphans?: OrphanPolicy | undefined;
  readonly keepGoing?: boolean | undefined;
  readonly pipeline: Pipeline;
  readonly manifestName: string;
}

/**
 * Turns the manifests of one call into one request: parse, read the headers, expand templates and files, build drafts
 * with defaults, check them by their kind's schema, resolve references and dependencies. Never throws because of a
 * manifest's content, and reads files only through `readFile`.
 */
export function resolveManifest(sources: readonly ManifestSource[], options: ManifestOptions): ManifestResult {
  const traced = traceManifest(sources, options);
  if (!traced.ok) return traced;
  const { ok, request, positions, warnings } = traced;
  return { ok, request, positions, warnings };
}

/** Returns what {@link resolveManifest} does, with the source offset of every value. */
export function traceManifest(
  sources: readonly ManifestSource[],
  options: ManifestOptions,
): TracedManifest | RefusedManifest {
  const files = sources.map(({ file }) => file);
  const findings = new Findings(files);
  if (sources.length === 0) {
    findings.report(optionProblem('-f', 'no manifest was given', 'name a file with -f FILE'));
    return findings.refused();
  }
  for (const file of new Set(files.filter((name, index) => files.indexOf(name) !== index))) {
    findings.report(optionProblem(`-f ${file}`, 'the file is given more than once', 'name it once'));
  }

  const budget = newBudget();
  const { headers, scope } = readScope(sources, options, budget, findings);
  if (scope === undefined) return findings.refused();

  const { environment } = scope;
  const manifests = headers.map((header) => render(header, scope, options, budget, findings));
  warnOfUnused(scope, headers, manifests, findings);
  const { entities, positions, drafts } = declareEntities(manifests, {
    kinds: options.kinds,
    target: environment.target,
    adopt: options.adopt ?? [],
    deleteTrusted: options.deleteTrusted ?? [],
    removeUnmanaged: options.removeUnmanaged,
    report: findings.report,
    warn: findings.warn,
  });
  const namespace = headers.find((header) => header.namespace !== null)?.namespace ?? '';
  const orphans = options.orphans ?? headers[0]?.orphans;
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
      ...(orphans === undefined ? {} : { orphans }),
    },
    positions,
    drafts,
    warnings: sortProblems(findings.warnings, files),
  };
}

/** Reads the headers, and chooses the environment or the account of a fleet. */
function readScope(
  sources: readonly ManifestSource[],
  options: ManifestOptions,
  budget: Budget,
  findings: Findings,
): ReturnType<typeof readFleetScope> {
  const { fleet, variables } = options;
  const found =
    fleet === undefined
      ? readEnvironmentScope(sources, options, findings)
      : readFleetScope(sources, fleet, { ...options, budget }, findings);
  for (const problem of headerConflicts(found.headers)) findings.report(problem);
  const declared = found.headers.flatMap((header) => [...header.variables.keys()]);
  const named = new Set([...declared, ...(found.scope?.variables.keys() ?? [])]);
  for (const problem of overrideProblems(variables, [...named])) findings.report(problem);
  return found;
}

/**
 * Reads the headers and chooses the environment. Manifests that are functions are called once to learn their
 * environments, and again when the account is known; only the second result counts.
 */
function readEnvironmentScope(
  sources: readonly ManifestSource[],
  { environment: wanted, variables }: ManifestOptions,
  findings: Findings,
): { readonly headers: readonly Header[]; readonly scope: Scope | undefined } {
  const probe = new Findings([]);
  const headers = headersOf(sources, { ...NO_CONTEXT, environment: wanted ?? '', variables }, probe);
  const environment = choose(headers, wanted, probe);
  if (environment === undefined || !sources.some((source) => 'produce' in source)) {
    probe.problems.forEach(findings.report);
    return { headers, scope: environment && environmentScope(environment) };
  }
  const { account, partition } = environment.target;
  const again = headersOf(sources, { environment: environment.name, account, partition, variables }, findings);
  const chosen = choose(again, environment.name, findings);
  return { headers: again, scope: chosen && environmentScope(chosen) };
}

function choose(headers: readonly Header[], wanted: string | undefined, findings: Findings): Environment | undefined {
  const found = new Map(headers.flatMap(({ environments }) => [...environments]));
  const names = [...found.keys()];
  const header = headers[0];
  if (header === undefined) return undefined;
  if (names.length === 0) {
    const fleets = headers.flatMap((one) => [...one.fleets.values()]);
    const [fleet] = fleets;
    // If no environment could be read, that has been reported.
    if (fleet === undefined) return undefined;
    const remedy = `choose a fleet with --fleet: ${fleets.map((one) => one.name).join(', ')}`;
    findings.report(problemAt(fleet.at, ['fleets'], 'there is no environment, only fleets', remedy));
    return undefined;
  }
  if (wanted === undefined) {
    if (names.length === 1) return found.get(names[0] ?? '');
    const message = `there are ${String(names.length)} environments: ${names.join(', ')}`;
    findings.report(problemAt(header.environmentsAt, ['environments'], message, 'choose one with --environment'));
    return undefined;
  }
  const environment = found.get(wanted);
  if (environment === undefined) {
    const meant = nearest(wanted, names);
    const message = `there is no environment ${JSON.stringify(wanted)}`;
    const remedy = meant === undefined ? `choose one of ${names.join(', ')}` : `did you mean ${meant}?`;
    findings.report(problemAt(header.environmentsAt, ['environments'], message, remedy));
  }
  return environment;
}

function render(
  header: Header,
  scope: Scope,
  options: ManifestOptions,
  budget: Budget,
  { report, warn }: Findings,
): RenderedManifest {
  const values = scopeValues(scope, header);
  const expander = new Expander({ origin: header.origin, values, readFile: options.readFile, report, warn, budget });
  const defaults = header.defaults === null ? null : expander.expand(header.defaults, ['defaults'], []);
  const entities = header.entities.map((entity, index) => expander.expand(entity, ['entities', index], ['kind']));
  for (const [variable, { at, used }] of header.variables) {
    if (used || expander.used.has(variable) || scope.used.has(variable)) continue;
    warn(problemAt(at, ['variables', variable], `variable ${variable} is not used`, 'remove it'));
  }
  return { defaults, entities, broken: expander.broken, used: expander.used };
}
