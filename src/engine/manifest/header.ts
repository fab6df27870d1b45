import type { Target } from '../../contract/entity.js';
import { commonSchema, defaultsSchema, environmentSchema, manifestSchema } from './fields.js';
import type { IssueContext } from './issues.js';
import { issuesToProblems } from './issues.js';
import { quoted } from './problem.js';
import type { Parsed } from './source.js';
import type { SourceOffset, MapTree, Origin, Tree } from './tree.js';
import { parseText } from './source.js';
import { readValue } from './value.js';
import { toJson, mapTree, positionOf, scalarTree } from './tree.js';
import { suggestion } from '../text.js';
import type { Problem } from './problem.js';
import { optionProblem, pathText, positionText, thrownField, thrownText } from './problem.js';
import { isVariableName, renderTemplate, TEMPLATE_NAMES } from './template.js';

/** What a manifest that is a function is called with. */
export interface ManifestContext {
  /** The environment that was asked for; empty where none was, and the manifest's only one is the default. */
  readonly environment: string;
  /** Empty in the first of the two calls, from which only the environments are taken. */
  readonly account: string;
  readonly partition: string;
  /** Values given with `--var`. */
  readonly variables: Readonly<Record<string, string>>;
}

/** A manifest as it was found: text, a value made by a program, or a function that makes one. */
export type ManifestSource =
  | { readonly file: string; readonly text: string }
  | { readonly file: string; readonly value: unknown }
  | { readonly file: string; readonly produce: (context: ManifestContext) => unknown };

/** An environment of a manifest. */
export interface Environment {
  readonly name: string;
  readonly target: Target;
  readonly at: SourceOffset;
}

/** A variable with the value that holds in this call. */
interface Variable {
  readonly value: string;
  readonly at: SourceOffset;
  /** An environment's fields have used it. */
  used: boolean;
}

/** A manifest whose outermost fields are known; what is wrong with them has been reported. */
export interface Header {
  readonly origin: Origin;
  readonly namespace: string | null;
  readonly namespaceAt: SourceOffset;
  readonly environments: ReadonlyMap<string, Environment>;
  readonly environmentsAt: SourceOffset;
  readonly variables: ReadonlyMap<string, Variable>;
  readonly defaults: MapTree | null;
  readonly entities: readonly Tree[];
}

/** Fields of an entity that the engine reads itself. */
export const COMMON_FIELDS: ReadonlySet<string> = new Set(['kind', ...Object.keys(commonSchema.shape)]);

/** Fields of `defaults`. */
export const DEFAULT_FIELDS: readonly string[] = Object.keys(defaultsSchema.shape);

const ENVIRONMENT_NAME = /^[A-Za-z0-9][\w.-]{0,62}$/;

/** Parses a source; a function is called. */
export function parseSource(source: ManifestSource, context: ManifestContext): Parsed {
  if ('text' in source) return parseText(source.file, source.text);
  if ('value' in source) return readValue(source.file, source.value);
  try {
    return readValue(source.file, source.produce(context));
  } catch (error) {
    return { tree: null, problems: [thrownProblem(source.file, error)] };
  }
}

/** What a program threw, at the line that the thrower knows. */
function thrownProblem(file: string, error: unknown): Problem {
  const [line, column] = [thrownField(error, 'line'), thrownField(error, 'column')];
  return {
    file,
    line: typeof line === 'number' ? line : 0,
    column: typeof column === 'number' ? column : 0,
    path: '',
    message: `the manifest threw: ${thrownText(error)}`,
    remedy: 'mend the program; where it depends on the environment, choose one with --environment',
  };
}

/**
 * Reads the outermost fields of a manifest.
 *
 * @param overrides - values given with `--var`
 */
export function readHeader(
  tree: Tree,
  overrides: Readonly<Record<string, string>>,
  report: (problem: Problem) => void,
): Header {
  const root = tree.type === 'map' ? tree : mapTree(tree.at, new Map());
  if (tree.type !== 'map') {
    report({
      ...positionOf(tree.at),
      path: '',
      message: 'a manifest is a map',
      remedy: 'begin with version: 1, namespace, environments and entities',
    });
  } else {
    const fields = Object.keys(manifestSchema.shape);
    const parsed = manifestSchema.safeParse(toJson(root));
    const context: IssueContext = { tree: root, pathOf: (path) => path, owner: 'a manifest', fields };
    for (const problem of issuesToProblems(parsed.error?.issues ?? [], context)) report(problem);
  }

  const field = (name: string): Tree | undefined => root.entries.get(name)?.value;
  const namespace = stringOf(field('namespace'));
  const variables = readVariables(field('variables'), overrides, report);
  const environmentsTree = field('environments');
  const defaults = field('defaults');
  const entities = field('entities');
  return {
    origin: tree.at.origin,
    namespace: namespace !== null && manifestSchema.shape.namespace.safeParse(namespace).success ? namespace : null,
    namespaceAt: field('namespace')?.at ?? root.at,
    environments: readEnvironments(environmentsTree, namespace ?? '', variables, report),
    environmentsAt: root.entries.get('environments')?.at ?? root.at,
    variables,
    defaults: defaults?.type === 'map' ? defaults : null,
    entities: entities?.type === 'list' ? entities.items : [],
  };
}

function stringOf(tree: Tree | undefined): string | null {
  return tree?.type === 'scalar' && typeof tree.value === 'string' ? tree.value : null;
}

function readVariables(
  tree: Tree | undefined,
  overrides: Readonly<Record<string, string>>,
  report: (problem: Problem) => void,
): Header['variables'] {
  const variables = new Map<string, Variable>();
  if (tree?.type !== 'map') return variables;
  for (const [name, { at, value }] of tree.entries) {
    const path = pathText(['variables', name]);
    if ((TEMPLATE_NAMES as readonly string[]).includes(name) || name === 'arn') {
      report({
        ...positionOf(at),
        path,
        message: `variable ${name} has the name of a value that every template knows`,
        remedy: 'rename the variable',
      });
      continue;
    }
    if (!isVariableName(name)) {
      report({
        ...positionOf(at),
        path,
        message: `variable name ${quoted(name)} is not allowed`,
        remedy: 'use letters, digits, _ and -, beginning with a letter',
      });
      continue;
    }
    const text = stringOf(value);
    if (text === null) {
      const scalar = value.type === 'scalar' && value.value !== null;
      report({
        ...positionOf(value.at),
        path,
        message: scalar
          ? `variable ${name} must be text, found ${value.raw ?? String(value.value)}`
          : `variable ${name} must be text`,
        remedy: scalar ? `quote it: "${value.raw ?? String(value.value)}"` : 'give it a value in quotes',
      });
    } else if (text.includes('{{')) {
      report({
        ...positionOf(value.at),
        path,
        message: `the value of variable ${name} holds a template, and values are inserted as they stand`,
        remedy: 'write the template where the variable is used',
      });
    }
    // A value that was refused has a stand-in, so that no use of it is reported too.
    const override = Object.hasOwn(overrides, name) ? overrides[name] : undefined;
    const given = override ?? text ?? name;
    variables.set(name, { value: given.includes('{{') ? name : given, at, used: false });
  }
  return variables;
}

/** Checks the values given with `--var` against all that is declared. */
export function overrideProblems(overrides: Readonly<Record<string, string>>, headers: readonly Header[]): Problem[] {
  const declared = [...new Set(headers.flatMap(({ variables }) => [...variables.keys()]))];
  return Object.entries(overrides).flatMap(([name, value]) => {
    const option = `--var ${name}`;
    if (!declared.includes(name)) {
      const remedy = suggestion(name, declared, `declare ${name} under variables, with a default`);
      return [optionProblem(option, `no manifest declares a variable ${quoted(name)}`, remedy)];
    }
    return value.includes('{{')
      ? [optionProblem(option, `the value of variable ${name} holds {{`, 'take the braces out of the value')]
      : [];
  });
}

function readEnvironments(
  tree: Tree | undefined,
  namespace: string,
  variables: Header['variables'],
  report: (problem: Problem) => void,
): Header['environments'] {
  const environments = new Map<string, Environment>();
  if (tree?.type !== 'map') return environments;
  if (tree.entries.size === 0) {
    report({
      ...positionOf(tree.at),
      path: 'environments',
      message: 'environments is empty',
      remedy: 'declare one, as in dev: { account: "111111111111" }',
    });
  }
  for (const [name, { at, value }] of tree.entries) {
    const path: readonly PropertyKey[] = ['environments', name];
    if (!ENVIRONMENT_NAME.test(name)) {
      report({
        ...positionOf(at),
        path: pathText(path),
        message: `environment name ${quoted(name)} is not allowed`,
        remedy: 'use at most 63 letters, digits, _, . and -, beginning with a letter or digit',
      });
    }
    const target = readTarget(name, value, path, namespace, variables, report);
    environments.set(name, { name, at, target });
  }
  return environments;
}

function readTarget(
  name: string,
  tree: Tree,
  path: readonly PropertyKey[],
  namespace: string,
  variables: Header['variables'],
  report: (problem: Problem) => void,
): Target {
  const values = new Map([
    ['environment', name],
    ['namespace', namespace],
  ]);
  for (const variable of variables) values.set(variable[0], variable[1].value);
  const rendered = new Map(tree.type === 'map' ? tree.entries : []);
  // In this order, so that the ARN of the role can name the account.
  for (const field of ['account', 'partition', 'assumeRole']) {
    const entry = rendered.get(field);
    const text = stringOf(entry?.value);
    if (entry !== undefined && text !== null) {
      const { text: result, used, problems } = renderTemplate(text, values);
      for (const name of used) {
        const variable = variables.get(name);
        if (variable !== undefined) variable.used = true;
      }
      for (const problem of problems) {
        report({ ...positionOf(entry.value.at), path: pathText([...path, field]), ...problem });
      }
      if (problems.length > 0) rendered.delete(field);
      else {
        rendered.set(field, { at: entry.at, value: scalarTree(entry.value.at, result) });
        values.set(field, result);
      }
    } else if (field === 'partition') values.set(field, 'aws');
  }
  const checked = tree.type === 'map' ? mapTree(tree.at, rendered) : tree;
  const parsed = environmentSchema.safeParse(toJson(checked));
  const written = tree.type === 'map' ? tree.entries : new Map<string, unknown>();
  // A field whose template failed has been reported, and is not missing.
  const issues = (parsed.error?.issues ?? []).filter(({ path: [field] }) => {
    return rendered.has(String(field)) || !written.has(String(field));
  });
  const problems = issuesToProblems(issues, {
    tree: checked,
    pathOf: (inner) => [...path, ...inner],
    owner: `environment ${name}`,
    fields: Object.keys(environmentSchema.shape),
  });
  for (const problem of problems) report(problem);
  const target: Target = {
    account: stringOf(rendered.get('account')?.value) ?? '',
    partition: stringOf(rendered.get('partition')?.value) ?? 'aws',
  };
  const assumeRole = parsed.data?.assumeRole;
  if (assumeRole === undefined) return target;
  const [, partition, , , account] = assumeRole.split(':');
  if (partition !== target.partition || account !== target.account) {
    report({
      ...positionOf(rendered.get('assumeRole')?.value.at ?? tree.at),
      path: pathText([...path, 'assumeRole']),
      message: `assumeRole ${quoted(assumeRole)} is not a role of account ${target.account} in partition ${target.partition}`,
      remedy: `name a role as arn:${target.partition}:iam::${target.account}:role/NAME`,
    });
  }
  return { ...target, assumeRole };
}

/** What keeps several manifests from being applied in one call. */
export function disagreements(headers: readonly Header[]): Problem[] {
  const [first, ...others] = headers;
  if (first === undefined) return [];
  return others.flatMap((header) => {
    const problems: Problem[] = [];
    const problem = (at: SourceOffset, path: string, message: string, remedy: string): void => {
      problems.push({ ...positionOf(at), path, message, remedy });
    };
    if (header.namespace !== null && first.namespace !== null && header.namespace !== first.namespace) {
      problem(
        header.namespaceAt,
        'namespace',
        `namespace ${header.namespace} differs from ${first.namespace} in ${first.origin.name}`,
        'apply one namespace per call',
      );
    }
    for (const [name, environment] of header.environments) {
      const same = first.environments.get(name);
      if (same === undefined) {
        problem(
          environment.at,
          pathText(['environments', name]),
          `environment ${name} is not declared in ${first.origin.name}`,
          'declare the same environments in every manifest that is applied together',
        );
      } else if (JSON.stringify(same.target) !== JSON.stringify(environment.target)) {
        problem(
          environment.at,
          pathText(['environments', name]),
          `environment ${name} differs from the one at ${positionText(positionOf(same.at))}`,
          'declare the same account, partition and assumeRole in both',
        );
      }
    }
    for (const name of first.environments.keys()) {
      if (header.environments.has(name)) continue;
      problem(
        header.environmentsAt,
        'environments',
        `environment ${name} of ${first.origin.name} is not declared here`,
        'declare the same environments in every manifest that is applied together',
      );
    }
    return problems;
  });
}
