import type { Target } from '../../contract/entity.js';
import { environmentSchema } from './fields.js';
import { issuesToProblems } from './issues.js';
import { ENVIRONMENT_NAME, ENVIRONMENT_NAME_TEXT } from './names.js';
import { pathText, quoted, type Report } from './problem.js';
import { renderTemplate } from './template.js';
import type { MapEntry, SourceOffset, Tree } from './tree.js';
import { mapTree, positionOf, scalarTree, stringOf, toJson, problemAt } from './tree.js';
import type { Variable } from './variables.js';

/** An environment of a manifest. */
export interface Environment {
  readonly name: string;
  readonly target: Target;
  readonly at: SourceOffset;
}

/** The values that templates of environments can use. */
interface Values {
  readonly namespace: string;
  readonly variables: ReadonlyMap<string, Variable>;
}

/** Reads the environments of a manifest and renders their templates. */
export function readEnvironments(
  tree: Tree | undefined,
  values: Values,
  report: Report,
): ReadonlyMap<string, Environment> {
  const environments = new Map<string, Environment>();
  if (tree?.type !== 'map') return environments;
  if (tree.entries.size === 0) {
    const message = 'environments is empty';
    report(problemAt(tree.at, ['environments'], message, 'declare one, as in dev: { account: "111111111111" }'));
  }
  for (const [name, { at, value }] of tree.entries) {
    if (!ENVIRONMENT_NAME.test(name)) {
      const message = `environment name ${quoted(name)} is not allowed`;
      report(problemAt(at, ['environments', name], message, ENVIRONMENT_NAME_TEXT));
    }
    environments.set(name, { name, at, target: readTarget(name, value, values, report) });
  }
  return environments;
}

function readTarget(name: string, tree: Tree, values: Values, report: Report): Target {
  const written: ReadonlyMap<string, MapEntry> = tree.type === 'map' ? tree.entries : new Map();
  const rendered = renderFields(name, written, values, report);
  const checked = tree.type === 'map' ? mapTree(tree.at, rendered) : tree;
  const parsed = environmentSchema.safeParse(toJson(checked));
  // A field whose template failed is not missing: the failure has been reported.
  const issues = (parsed.error?.issues ?? []).filter(
    ({ path: [field] }) => rendered.has(String(field)) || !written.has(String(field)),
  );
  issuesToProblems(issues, {
    tree: checked,
    pathOf: (inner) => ['environments', name, ...inner],
    owner: `environment ${name}`,
    fields: Object.keys(environmentSchema.shape),
  }).forEach(report);
  const target: Target = {
    account: stringOf(rendered.get('account')?.value) ?? '',
    partition: stringOf(rendered.get('partition')?.value) ?? 'aws',
  };
  const assumeRole = parsed.data?.assumeRole;
  if (assumeRole === undefined) return target;
  const path = ['environments', name, 'assumeRole'];
  checkAssumeRole(assumeRole, target, path, rendered.get('assumeRole')?.value.at ?? tree.at, report);
  return { ...target, assumeRole };
}

/** Reports a role of another account, or of another partition. */
export function checkAssumeRole(
  assumeRole: string,
  target: Target,
  path: readonly string[],
  at: SourceOffset,
  report: Report,
): void {
  const [, partition, , , account] = assumeRole.split(':');
  if (partition === target.partition && account === target.account) return;
  const message = `assumeRole ${quoted(assumeRole)} is not a role of account ${target.account} in partition ${target.partition}`;
  const remedy = `name a role as arn:${target.partition}:iam::${target.account}:role/NAME`;
  report(problemAt(at, path, message, remedy));
}

/** Renders the fields of an environment; a field whose template fails is reported and left out. */
function renderFields(
  name: string,
  written: ReadonlyMap<string, MapEntry>,
  { namespace, variables }: Values,
  report: Report,
): Map<string, MapEntry> {
  const values = new Map([
    ['environment', name],
    ['namespace', namespace],
    ...[...variables].map(([variable, { value }]): [string, string] => [variable, value]),
  ]);
  const rendered = new Map(written);
  // In this order, so that the ARN of the role can use the account.
  for (const field of ['account', 'partition', 'assumeRole']) {
    const entry = rendered.get(field);
    const text = stringOf(entry?.value);
    if (entry === undefined || text === null) {
      if (field === 'partition') values.set(field, 'aws');
      continue;
    }
    const { text: result, used, problems } = renderTemplate(text, values);
    for (const variable of used) markUsed(variables.get(variable));
    for (const problem of problems) {
      report({ ...positionOf(entry.value.at), path: pathText(['environments', name, field]), ...problem });
    }
    if (problems.length > 0) {
      rendered.delete(field);
      continue;
    }
    rendered.set(field, { at: entry.at, value: scalarTree(entry.value.at, result) });
    values.set(field, result);
  }
  return rendered;
}

function markUsed(variable: Variable | undefined): void {
  if (variable !== undefined) variable.used = true;
}
