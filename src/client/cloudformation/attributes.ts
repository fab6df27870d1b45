import { dependencyOrder } from '../../engine/graph.js';
import { quoted, type Report } from '../../engine/manifest/problem.js';
import { problemAt, stringOf, type Tree } from '../../engine/manifest/tree.js';
import { suggestion } from '../../engine/text.js';
import { isIam } from './resource-types.js';
import type { Resource, Template } from './template.js';

/** The fates of a resource of IAM that is deleted or replaced: CloudFormation takes snapshots of none. */
const POLICIES: Readonly<Record<string, readonly string[]>> = {
  DeletionPolicy: ['Delete', 'Retain', 'RetainExceptOnCreate'],
  UpdateReplacePolicy: ['Delete', 'Retain'],
};

/** Checks the attributes of a resource by their values. */
export function checkAttributes(resource: Resource, template: Template, report: Report): void {
  const { logicalId, tree } = resource;
  const path = ['Resources', logicalId];
  for (const [name, { value }] of tree.entries) {
    const allowed = POLICIES[name];
    if (allowed === undefined || allowed.includes(stringOf(value) ?? '')) continue;
    const given = stringOf(value);
    const what = given === null ? `a ${name} that is not a text` : `${name} ${quoted(given)}`;
    const message = `${logicalId} has ${what}, which IAM resources do not support`;
    report(problemAt(value.at, [...path, name], message, `write ${allowed.join(' or ')}`));
  }
  checkDependsOn(resource, template, report);
}

/** Reports whether a resource stays when its stack is deleted. Undefined where the template does not say. */
export function protectionOf({ tree }: Resource): boolean | undefined {
  const policy = stringOf(tree.entries.get('DeletionPolicy')?.value);
  return policy === null ? undefined : policy.startsWith('Retain');
}

/** Refuses resources of IAM that wait for each other by `DependsOn`. */
export function checkCycles({ resources }: Template, report: Report): void {
  const all = [...resources.values()].filter(({ type }) => isIam(type));
  const nodes = all.map((one) => ({
    id: one.logicalId,
    dependsOn: dependsOnOf(one).flatMap((tree) => stringOf(tree) ?? []),
  }));
  const order = dependencyOrder(nodes);
  for (const cycle of order.ok ? [] : order.cycles) {
    const [first, ...others] = cycle.flatMap((position) => all[position] ?? []);
    if (first === undefined) continue;
    const names = [first, ...others, first].map(({ logicalId }) => logicalId).join(', ');
    const path = ['Resources', first.logicalId, 'DependsOn'];
    report(problemAt(first.at, path, `circular DependsOn: ${names}`, 'remove one of these dependencies'));
  }
}

function dependsOnOf({ tree }: Resource): readonly Tree[] {
  const dependsOn = tree.entries.get('DependsOn')?.value;
  if (dependsOn === undefined) return [];
  return dependsOn.type === 'list' ? dependsOn.items : [dependsOn];
}

/** Checks what a resource depends on. */
function checkDependsOn(resource: Resource, { resources, refused }: Template, report: Report): void {
  const { logicalId } = resource;
  for (const one of dependsOnOf(resource)) {
    const name = stringOf(one);
    if (name !== null && (resources.has(name) || refused.has(name))) continue;
    const message =
      name === null
        ? 'DependsOn names a resource by its logical ID'
        : `DependsOn names ${quoted(name)}, which is missing`;
    const remedy = suggestion(name ?? '', [...resources.keys()], 'name a resource of the template');
    report(problemAt(one.at, ['Resources', logicalId, 'DependsOn'], message, remedy));
  }
}
