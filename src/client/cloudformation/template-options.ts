import { unknownRegion, partitionOf } from '../../engine/partitions.js';
import { optionProblem, type Problem } from '../../engine/manifest/problem.js';
import { hasReservedCharacter } from '../manifest/template-text.js';

/** The stack that templates among the manifests are read for. They are those of `convert`. */
export interface TemplateOptions {
  /** The account of the stack: 12 digits. A template needs one. */
  readonly account?: string | undefined;
  /** The role in the account that workers assume. Default: none. */
  readonly assumeRole?: string | undefined;
  /** Default: that of the stack, or of the template's file. */
  readonly namespace?: string | undefined;
  readonly region?: string | undefined;
  readonly stackName?: string | undefined;
  /** Parameters, exports by their names, and what resources outside of IAM return: `LogicalId` or `LogicalId.Attribute`. */
  readonly parameters?: Readonly<Record<string, string>> | undefined;
  /** Names by logical ID, for resources that CloudFormation would name. */
  readonly names?: Readonly<Record<string, string>> | undefined;
  /** Locations of secrets by logical ID: `file:PATH` or `secretsManager:NAME`. */
  readonly secrets?: Readonly<Record<string, string>> | undefined;
}

/** Returns the options as the command line writes them. */
export function givenOptions(options: TemplateOptions): readonly (readonly [option: string, value: string])[] {
  const { account, assumeRole, namespace, region, stackName, parameters, names, secrets } = options;
  const single = Object.entries({
    '--account': account,
    '--assume-role': assumeRole,
    '--namespace': namespace,
    '--region': region,
    '--stack-name': stackName,
  }).flatMap(([option, value]) => (value === undefined ? [] : [[option, value] as const]));
  const assigned = Object.entries({ '--parameter': parameters, '--resource-name': names, '--secret': secrets });
  return [
    ...single,
    ...assigned.flatMap(([option, values = {}]) =>
      Object.entries(values).map(([name, value]) => [option, `${name}=${value}`] as const),
    ),
  ];
}

/** Returns the problems that options have with any template. */
export function optionProblems(options: TemplateOptions): readonly Problem[] {
  const reserved = givenOptions(options).filter(([, value]) => hasReservedCharacter(value));
  const problems = reserved.map(([option]) =>
    optionProblem(option, 'the value holds U+FDD0 or U+FDD1, which are no characters', 'remove them'),
  );
  const { region } = options;
  if (region === undefined || partitionOf(region) !== undefined) return problems;
  return [...problems, optionProblem(`--region ${region}`, unknownRegion(region), 'name a region, as in us-east-1')];
}
