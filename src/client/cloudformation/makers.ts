import type { Problem } from '../../engine/manifest/problem.js';
import { problemAt } from '../../engine/manifest/tree.js';
import { counted } from '../../report/text.js';
import { PROCESSED } from './members.js';
import type { Resource, Template } from './template.js';

/** Types of resources that can make IAM entities which the template does not show, and what to do about it. */
const MAKERS: readonly (readonly [type: RegExp, remedy: (ids: string) => string])[] = [
  [/^AWS::CloudFormation::Stack(Set)?$/, (ids) => `give the template of ${ids} with -f, too`],
  [/^AWS::ServiceCatalog::CloudFormationProvisionedProduct$/, (ids) => `give the template of ${ids} with -f, too`],
  [/::MODULE$|^AWS::Serverless::/, () => PROCESSED],
  [/^AWS::CloudFormation::CustomResource$|^Custom::/, (ids) => `declare in a manifest what ${ids} makes of IAM`],
  // Its roles are those of AWS in each account.
  [/^AWS::SSO::/, () => 'leave these roles to IAM Identity Center'],
  // A type of the registry, which its owner runs.
  [/^(?!AWS::|Alexa::)/, (ids) => `declare in a manifest what ${ids} makes of IAM`],
];

/** Returns warnings about resources whose IAM entities are not looked at, one for each type. */
export function makerWarnings({ resources }: Template): readonly Problem[] {
  const byType = new Map<string, Resource[]>();
  for (const resource of resources.values()) {
    const same = byType.get(resource.type) ?? [];
    byType.set(resource.type, [...same, resource]);
  }
  return [...byType].flatMap(([type, [first, ...others]]) => {
    const [, remedy] = MAKERS.find(([pattern]) => pattern.test(type)) ?? [];
    if (first === undefined || remedy === undefined) return [];
    const ids = namesOf([first, ...others]);
    const message = `${ids} (${type}) can make IAM entities, which nothing here looks at`;
    return [problemAt(first.at, ['Resources', first.logicalId], message, remedy(ids))];
  });
}

/** The number of resources that a warning names. */
const MAX_NAMED = 5;

function namesOf(resources: readonly Resource[]): string {
  const names = resources.slice(0, MAX_NAMED).map(({ logicalId }) => logicalId);
  const left = resources.length - names.length;
  return [...names, ...(left === 0 ? [] : [counted(left, 'more', 'more')])].join(', ');
}
