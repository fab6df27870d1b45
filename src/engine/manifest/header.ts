import type { OrphanPolicy } from '../../contract/entity.js';
import { commonSchema, defaultsSchema, manifestSchema } from './fields.js';
import { readEnvironments, type Environment } from './environments.js';
import type { Findings } from './findings.js';
import { readFleets, type Fleet } from './fleets.js';
import { issuesToProblems } from './issues.js';
import { positionText, thrownField, thrownText, type Problem, type Report } from './problem.js';
import { parseText, type Parsed } from './source.js';
import type { MapTree, Origin, SourceOffset, Tree } from './tree.js';
import { mapTree, mayBeSecret, positionOf, stringOf, toJson, problemAt } from './tree.js';
import { readValue } from './value.js';
import { readVariables, type Variable } from './variables.js';

/** The argument of a manifest that is a function. */
export interface ManifestContext {
  /** The requested environment. Empty if none was requested; the manifest's only one is then the default. */
  readonly environment: string;
  /** Empty in the first of the two calls, which only reads the environments. */
  readonly account: string;
  readonly partition: string;
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * A manifest as it was loaded: text, a tree with positions in another sort of file, a value made by a program, or a function
 * that makes one. The tree is null where a problem has been reported.
 */
export type ManifestSource =
  | { readonly file: string; readonly text: string }
  | { readonly file: string; readonly tree: Tree | null }
  | { readonly file: string; readonly value: unknown }
  | { readonly file: string; readonly produce: (context: ManifestContext) => unknown };

/** The outermost fields of a manifest. Their problems have been reported. */
export interface Header {
  readonly origin: Origin;
  readonly namespace: string | null;
  readonly namespaceAt: SourceOffset;
  readonly environments: ReadonlyMap<string, Environment>;
  readonly environmentsAt: SourceOffset;
  readonly fleets: ReadonlyMap<string, Fleet>;
  readonly variables: ReadonlyMap<string, Variable>;
  readonly defaults: MapTree | null;
  /** Undefined where the manifest does not say. */
  readonly orphans: OrphanPolicy | undefined;
  readonly entities: readonly Tree[];
}

/** Fields of an entity that the engine reads itself. */
export const COMMON_FIELDS: ReadonlySet<string> = new Set(['kind', ...Object.keys(commonSchema.shape)]);

/** Fields of `defaults`. */
export const DEFAULT_FIELDS: readonly string[] = Object.keys(defaultsSchema.shape);

/** Parses a source; a function is called. */
export function parseSource(source: ManifestSource, context: ManifestContext): Parsed {
  if ('text' in source) return parseText(source.file, source.text);
  if ('tree' in source) return { tree: source.tree, problems: [] };
  if ('value' in source) return readValue(source.file, source.value);
  try {
    return readValue(source.file, source.produce(context));
  } catch (error) {
    return { tree: null, problems: [thrownProblem(source.file, error)] };
  }
}

/** Reports an error that a program threw, at the position that it carries. */
function thrownProblem(file: string, error: unknown): Problem {
  const [line, column, sourceLine] = ['line', 'column', 'sourceLine'].map((field) => thrownField(error, field));
  return {
    file,
    line: typeof line === 'number' ? line : 0,
    column: typeof column === 'number' ? column : 0,
    path: '',
    message: `the manifest threw: ${thrownText(error)}`,
    remedy: 'fix the program; if it depends on the environment, choose one with --environment',
    ...(typeof sourceLine === 'string' && !mayBeSecret(sourceLine, sourceLine) ? { sourceLine } : {}),
  };
}

/** The context of a manifest whose environment is not chosen yet. */
export const NO_CONTEXT: ManifestContext = { environment: '', account: '', partition: '', variables: {} };

/** Reads the headers of manifests; one that cannot be read is reported and left out. */
export function headersOf(sources: readonly ManifestSource[], context: ManifestContext, findings: Findings): Header[] {
  return sources.flatMap((source) => {
    const { tree, problems } = parseSource(source, context);
    for (const problem of problems) findings.report(problem);
    return tree === null ? [] : [readHeader(tree, context.variables, findings.report)];
  });
}

/** Reads the outermost fields of a manifest. `overrides` are values given with `--var`. */
export function readHeader(tree: Tree, overrides: Readonly<Record<string, string>>, report: Report): Header {
  const root = checkRoot(tree, report);
  const field = (name: string): Tree | undefined => root.entries.get(name)?.value;
  const [defaults, entities] = [field('defaults'), field('entities')];
  const namespace = stringOf(field('namespace'));
  const variables = readVariables(field('variables'), overrides, report);
  return {
    origin: tree.at.origin,
    namespace: manifestSchema.shape.namespace.safeParse(namespace).success ? namespace : null,
    namespaceAt: field('namespace')?.at ?? root.at,
    environments: readEnvironments(field('environments'), { namespace: namespace ?? '', variables }, report),
    environmentsAt: root.entries.get('environments')?.at ?? root.at,
    fleets: readFleets(field('fleets'), report),
    variables,
    defaults: defaults?.type === 'map' ? defaults : null,
    orphans: manifestSchema.shape.orphans.safeParse(stringOf(field('orphans')) ?? undefined).data,
    entities: entities?.type === 'list' ? entities.items : [],
  };
}

function checkRoot(tree: Tree, report: Report): MapTree {
  if (tree.type !== 'map') {
    report(
      problemAt(tree.at, [], 'a manifest is a map', 'begin with version: 1, namespace, environments and entities'),
    );
    return mapTree(tree.at, new Map());
  }
  if (tree.entries.has('Resources') && !tree.entries.has('entities')) {
    const remedy = 'convert it with `iam-bootstrap convert TEMPLATE --account ID --output FILE`';
    report(problemAt(tree.at, [], 'this is a CloudFormation template, not a manifest', remedy));
    return mapTree(tree.at, new Map());
  }
  const isOptional = tree.entries.has('fleets') && !tree.entries.has('environments');
  const issues = (manifestSchema.safeParse(toJson(tree)).error?.issues ?? []).filter(
    ({ path: [field] }) => !(isOptional && field === 'environments'),
  );
  const fields = Object.keys(manifestSchema.shape);
  issuesToProblems(issues, { tree, pathOf: (path) => path, owner: 'a manifest', fields }).forEach(report);
  return tree;
}

/** Returns the contradictions that prevent applying several manifests in one call. */
export function headerConflicts(headers: readonly Header[]): Problem[] {
  const [first, ...others] = headers;
  if (first === undefined) return [];
  const declareAll = 'declare the same environments in every manifest that is applied together';
  return others.flatMap((header) => {
    const problems: Problem[] = [];
    const problem = (at: SourceOffset, path: readonly string[], message: string, remedy: string): void => {
      problems.push(problemAt(at, path, message, remedy));
    };
    if (header.namespace !== null && first.namespace !== null && header.namespace !== first.namespace) {
      problem(
        header.namespaceAt,
        ['namespace'],
        `namespace ${header.namespace} differs from ${first.namespace} in ${first.origin.name}`,
        'apply one namespace per call',
      );
    }
    if (header.orphans !== first.orphans) {
      const message = `orphans: ${header.orphans ?? 'report'} differs from ${first.orphans ?? 'report'} in ${first.origin.name}`;
      problem(header.namespaceAt, ['orphans'], message, 'set the same in both manifests, or give --orphans');
    }
    for (const [name, environment] of header.environments) {
      const same = first.environments.get(name);
      const path = ['environments', name];
      if (same === undefined) {
        problem(environment.at, path, `environment ${name} is not declared in ${first.origin.name}`, declareAll);
      } else if (JSON.stringify(same.target) !== JSON.stringify(environment.target)) {
        problem(
          environment.at,
          path,
          `environment ${name} differs from the one at ${positionText(positionOf(same.at))}`,
          'declare the same account, partition and assumeRole in both',
        );
      }
    }
    for (const [name, { at, written }] of header.fleets) {
      const same = first.fleets.get(name);
      if (same === undefined || JSON.stringify(same.written) === JSON.stringify(written)) continue;
      const message = `fleet ${name} differs from the one at ${positionText(positionOf(same.at))}`;
      problem(at, ['fleets', name], message, 'declare the same fleet in both, or in one of them only');
    }
    for (const name of first.environments.keys()) {
      if (header.environments.has(name)) continue;
      const message = `environment ${name} of ${first.origin.name} is not declared here`;
      problem(header.environmentsAt, ['environments'], message, declareAll);
    }
    return problems;
  });
}
