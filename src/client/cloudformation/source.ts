import { basename } from 'node:path';
import { NAMESPACE } from '../../contract/request.js';
import type { ManifestSource } from '../../engine/manifest/header.js';
import { optionProblem, type Problem } from '../../engine/manifest/problem.js';
import type { Parsed } from '../../engine/manifest/source.js';
import { givenOptions, type TemplateOptions } from './template-options.js';
import { readStack, type ManifestStackOptions } from './stack.js';
import { stringOf, type MapTree } from '../../engine/manifest/tree.js';
import { parseTemplate } from './template.js';

/** Options with all that a template needs. */
type StackOfTemplate = TemplateOptions & Pick<ManifestStackOptions, 'account' | 'namespace' | 'environment'>;

/** A template that was read. */
export interface TemplateSource {
  readonly source: ManifestSource;
  readonly problems: readonly Problem[];
  /** Warnings about what the manifest does not have, and about the stack. */
  readonly warnings: readonly Problem[];
  /** Options that name nothing in it. */
  readonly unused: readonly Problem[];
}

/** The environment of a template, where none is given. */
export const TEMPLATE_ENVIRONMENT = 'default';

/** The first lines of a template that cannot be read to its end. */
const BEGINNING = /^(\s*\{)?\s*"?(Resources|AWSTemplateFormatVersion)"?\s*:/m;

/**
 * Reads a file as the manifest of a CloudFormation template. Undefined where it is none, by its content: resources of AWS,
 * `AWSTemplateFormatVersion`, or, with an option that only templates take, any `Resources`.
 *
 * @param file - its name in problems
 * @param text - its content
 * @param options - the stack. Undefined where no template is taken
 * @param environment - the environment that is chosen
 */
export function readTemplateSource(
  file: string,
  text: string,
  options: TemplateOptions | undefined,
  environment = TEMPLATE_ENVIRONMENT,
): TemplateSource | undefined {
  // Most manifests need not be read twice.
  if (!/Resources|AWSTemplateFormatVersion/.test(text)) return undefined;
  const parsed = parseTemplate(file, text);
  if (!isTemplate(parsed, text, options)) return undefined;
  const refused = (problem: Problem): TemplateSource => ({
    source: { file, tree: null },
    problems: [problem],
    warnings: [],
    unused: [],
  });
  const { account } = options ?? {};
  if (account === undefined) {
    const remedy =
      options === undefined
        ? 'write it as a manifest with `iam-bootstrap convert`, and give that'
        : 'give it with --account ID';
    return refused(fileProblem(file, 'this is a CloudFormation template, which does not name its account', remedy));
  }
  const namespace = templateNamespace(file, options);
  if (namespace === undefined) return refused(namespaceProblem(file, options?.namespace));
  return readManifest(file, parsed, { ...options, account, namespace, environment });
}

function readManifest(
  file: string,
  parsed: Parsed,
  { parameters = {}, names = {}, secrets = {}, ...options }: StackOfTemplate,
): TemplateSource {
  const problems: Problem[] = [];
  const stack = readStack(parsed, { ...options, parameters, names, secrets }, (problem) => problems.push(problem));
  const tree = problems.length === 0 ? (stack?.tree ?? null) : null;
  const warnings = stack === undefined || tree === null ? [] : [...stack.warnings, ...warningsOf(file, stack.ignored)];
  return { source: { file, tree }, problems, warnings, unused: stack?.unused ?? [] };
}

/** Returns what a run of a template does not see: its stack, and the resources of other services. */
function warningsOf(file: string, ignored: ReadonlyMap<string, number>): readonly Problem[] {
  const stack = {
    ...fileProblem(
      file,
      'a stack may still own these entities: CloudFormation tags few IAM entities, so a plan cannot detect it',
      'if one does, set DeletionPolicy: Retain on these resources in its template and deploy it; then delete the resources, not the stack, from its template and deploy it again',
    ),
    path: 'Resources',
  };
  if (ignored.size === 0) return [stack];
  const leftOut = `resources of other services are left out: ${countsText(ignored)}`;
  return [stack, { ...fileProblem(file, leftOut, 'make them with their own tool'), path: 'Resources' }];
}

/** Returns numbers by name as a text. */
export function countsText(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([name, count]) => `${String(count)} ${name}`).join(', ');
}

function fileProblem(file: string, message: string, remedy: string): Problem {
  return { file, line: 1, column: 1, path: '', message, remedy };
}

function isTemplate({ tree }: Parsed, text: string, options: TemplateOptions = {}): boolean {
  if (tree === null) return BEGINNING.test(text) && !/^\s*"?entities"?\s*:/m.test(text);
  if (tree.type !== 'map' || tree.entries.has('entities')) return false;
  if (tree.entries.has('AWSTemplateFormatVersion') || hasResources(tree)) return true;
  // The resources of another tool may be called the same; only a template takes these options.
  return tree.entries.has('Resources') && givenOptions(options).length > 0;
}

function hasResources({ entries }: MapTree): boolean {
  const resources = entries.get('Resources')?.value;
  if (resources?.type !== 'map') return false;
  return [...resources.entries.values()].some(({ value }) => {
    const type = value.type === 'map' ? stringOf(value.entries.get('Type')?.value) : null;
    return type?.startsWith('AWS::') === true;
  });
}

/** Returns the namespace that is given, or that the stack or the file has the name of. Undefined where that is none. */
export function templateNamespace(
  file: string,
  { namespace, stackName }: Pick<TemplateOptions, 'namespace' | 'stackName'> = {},
): string | undefined {
  // Standard input has no extension.
  const [, fileName = ''] = /^(.+?)(?:\.template)?\.[^.]+$/.exec(basename(file)) ?? [];
  const name = stackName ?? fileName;
  const found =
    namespace ??
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '')
      .slice(0, 63);
  return NAMESPACE.test(found) ? found : undefined;
}

/** Returns the problem of a template without a namespace. */
export function namespaceProblem(file: string, namespace: string | undefined): Problem {
  const remedy = 'give one with --namespace: 1 to 63 lower-case letters, digits and hyphens';
  return namespace === undefined
    ? fileProblem(file, 'its name gives no namespace', remedy)
    : optionProblem(`--namespace ${namespace}`, `namespace ${namespace} is not allowed`, remedy);
}

/** Returns the problems of values of `--var`, where all files are templates. */
export function variablesOfTemplates(variables: Readonly<Record<string, string>>): readonly Problem[] {
  return Object.keys(variables).map((name) =>
    optionProblem(
      `--var ${name}`,
      'a CloudFormation template has parameters, and no variables',
      `give a parameter with --parameter ${name}=VALUE`,
    ),
  );
}

/**
 * Returns the problems of options for templates that none of the files takes. One that only some of several templates take
 * is none.
 */
export function unusedTemplateOptions(
  templates: readonly TemplateSource[],
  options: TemplateOptions = {},
): readonly Problem[] {
  const [first, ...others] = templates;
  if (first !== undefined)
    return first.unused.filter(({ path }) => others.every(({ unused }) => unused.some((one) => one.path === path)));
  return givenOptions(options).map(([option, value]) => {
    const [name = ''] = value.split('=');
    const remedy =
      option === '--parameter'
        ? `set a variable of a manifest with --var ${name}=VALUE`
        : 'leave the option out, or name a template with -f';
    const message = 'only a CloudFormation template takes this option, and none is given';
    return optionProblem(`${option} ${name}`, message, remedy);
  });
}
