import { quoted, type Problem, type Report } from '../../engine/manifest/problem.js';
import { parseText, type Finding, type Parsed } from '../../engine/manifest/source.js';
import {
  mapTree,
  problemAt,
  scalarTree,
  stringOf,
  type MapEntry,
  type MapTree,
  type ScalarTree,
  type SourceOffset,
  type Tree,
} from '../../engine/manifest/tree.js';
import { suggestion } from '../../engine/text.js';
import { hasReservedCharacter } from '../manifest/template-text.js';
import { mapScalars } from './trees.js';
import { isNumberOrNull } from './yaml-numbers.js';

/** A resource of a template. */
export interface Resource {
  readonly logicalId: string;
  readonly type: string;
  readonly at: SourceOffset;
  readonly tree: MapTree;
  readonly properties: MapTree;
  /** The name of its condition. */
  readonly condition: string | null;
}

/** A CloudFormation template. */
export interface Template {
  readonly at: SourceOffset;
  readonly parameters: ReadonlyMap<string, MapEntry & { readonly value: MapTree }>;
  readonly conditions: ReadonlyMap<string, MapEntry>;
  readonly mappings: ReadonlyMap<string, MapEntry>;
  readonly resources: ReadonlyMap<string, Resource>;
}

/** The remedy for what AWS runs before it makes a stack. */
export const PROCESSED =
  'convert the processed template: `aws cloudformation get-template --stack-name NAME --template-stage Processed`';

/** The call of a macro, which may add to what it is in. */
const MACRO = 'Fn::Transform';

const REMEDIES = {
  empty: 'name a CloudFormation template',
  large: 'name a CloudFormation template: AWS takes at most 1 MB',
  severalDocuments: 'keep one template in a file',
};

/** The words of a template that may hold a secret. No problem shows a line of such a template, because it can be one line. */
const SECRET = /NoEcho|LoginProfile|PrivateKey/i;

/** The words of YAML 1.1 for true and false, which CloudFormation takes, with what they are. */
const BOOLEAN = /^(?:([Tt]rue|TRUE|[Yy]es|YES|[Oo]n|ON)|[Ff]alse|FALSE|[Nn]o|NO|[Oo]ff|OFF)$/;

/** Parses a template, in JSON or in YAML with short tags. */
export function parseTemplate(file: string, text: string): Parsed {
  const holdsSecret = SECRET.test(text);
  const { tree, problems } = parseText(file, text, REMEDIES, { convertTag, keyFinding, holdsSecret });
  if (tree === null) return { tree, problems };
  const found = [...problems];
  const check = (written: string, at: SourceOffset): string => {
    if (hasReservedCharacter(written))
      found.push(problemAt(at, [], 'the text holds U+FDD0 or U+FDD1, which are no characters', 'remove it'));
    return written;
  };
  const scalar = (one: ScalarTree): Tree => {
    if (typeof one.value === 'string') check(one.value, one.at);
    return booleanOf(one) ?? one;
  };
  const checked = mapScalars(tree, scalar, check);
  return { tree: found.length > 0 ? null : checked, problems: found };
}

function convertTag(tag: string): ((value: Tree) => Tree) | undefined {
  const [, name] = /^!(\w+)$/.exec(tag) ?? [];
  if (name === undefined) return undefined;
  const key = name === 'Ref' || name === 'Condition' ? name : `Fn::${name}`;
  return (value) => mapTree(value.at, new Map([[key, { at: value.at, value }]]));
}

/** Returns the problem of a key without quotes that is not text: CloudFormation refuses it. */
function keyFinding(written: string): Finding | undefined {
  if (!BOOLEAN.test(written) && !isNumberOrNull(written)) return undefined;
  const message = `the key ${written} without quotes is no text in YAML 1.1, and CloudFormation refuses it`;
  return { message, remedy: `put it in quotes: '${written}'` };
}

/** Returns the boolean that a word without quotes is. */
function booleanOf({ at, raw, value }: ScalarTree): Tree | undefined {
  const [word, isTrue] = typeof value === 'string' ? (BOOLEAN.exec(raw ?? '') ?? []) : [];
  return word === undefined ? undefined : scalarTree(at, isTrue !== undefined);
}

/** Reads a template. Undefined where it has problems that prevent more. */
export function readTemplate({ tree, problems }: Parsed, report: Report): Template | undefined {
  problems.forEach(report);
  if (tree === null) return undefined;
  const root = tree.type === 'map' ? tree : mapTree(tree.at, new Map());
  const resources = root.entries.get('Resources')?.value;
  if (resources?.type !== 'map') {
    const message = 'this is no CloudFormation template: it has no Resources';
    report(problemAt(resources?.at ?? tree.at, [], message, 'name a template, as in cdk.out/NAME.template.json'));
    return undefined;
  }
  refuseTransforms(root, report);
  checkMembers(root, 'the template has no section', [], SECTIONS, report);
  const section = (name: string): ReadonlyMap<string, MapEntry> => {
    const entry = root.entries.get(name)?.value;
    if (entry === undefined) return new Map();
    if (entry.type === 'map') return withoutMacro(entry.entries, [name], report);
    report(problemAt(entry.at, [name], `${name} is not a map`, 'write names and values'));
    return new Map();
  };
  return {
    at: root.at,
    parameters: checkedParameters(section('Parameters'), report),
    conditions: section('Conditions'),
    mappings: section('Mappings'),
    resources: new Map(
      [...withoutMacro(resources.entries, ['Resources'], report)].flatMap(([logicalId, entry]) => {
        const resource = readResource(logicalId, entry, report);
        return resource === undefined ? [] : [[logicalId, resource] as const];
      }),
    ),
  };
}

/** The sections of a template. */
const SECTIONS: readonly string[] = [
  'AWSTemplateFormatVersion',
  'Description',
  'Metadata',
  'Parameters',
  'Rules',
  'Mappings',
  'Conditions',
  'Transform',
  'Resources',
  'Outputs',
  'Hooks',
  'Globals',
];

/** The attributes that a parameter can have. */
const PARAMETER_ATTRIBUTES: readonly string[] = [
  'Type',
  'Default',
  'NoEcho',
  'AllowedValues',
  'AllowedPattern',
  'ConstraintDescription',
  'MinLength',
  'MaxLength',
  'MinValue',
  'MaxValue',
  'Description',
];

/** The types of parameters. */
const TYPE = /^(String|Number|CommaDelimitedList|AWS(::\w+)+(<[\w:]+(<[\w:]+>)?>)?|List<(String|Number|AWS(::\w+)+)>)$/;

/** Reports members that CloudFormation would refuse: another spelling of a known one would have no effect. */
export function checkMembers(
  { entries }: MapTree,
  what: string,
  path: readonly PropertyKey[],
  known: readonly string[],
  report: Report,
): void {
  for (const [name, { at }] of withoutMacro(entries, path, report)) {
    if (known.includes(name)) continue;
    report(problemAt(at, [...path, name], `${what} ${quoted(name)}`, suggestion(name, known, 'remove it')));
  }
}

/** Reports properties that a type of resource does not have. */
export function checkProperties(
  { logicalId, type, properties }: Resource,
  known: readonly string[],
  report: Report,
): void {
  const path = ['Resources', logicalId, 'Properties'];
  checkMembers(properties, `${type} has no property`, path, known, report);
}

/** Returns the parameters that can have a value. Reports the others. */
function checkedParameters(
  parameters: ReadonlyMap<string, MapEntry>,
  report: Report,
): ReadonlyMap<string, MapEntry & { readonly value: MapTree }> {
  const checked = new Map<string, MapEntry & { readonly value: MapTree }>();
  for (const [name, { at, value }] of parameters) {
    if (value.type === 'map') {
      checked.set(name, { at, value });
      checkMembers(value, 'a parameter has no attribute', ['Parameters', name], PARAMETER_ATTRIBUTES, report);
      if (!TYPE.test(stringOf(value.entries.get('Type')?.value) ?? '')) {
        const message = `parameter ${name} has an unknown Type`;
        report(problemAt(at, ['Parameters', name], message, 'write one, as in Type: String'));
      }
    } else
      report(
        problemAt(at, ['Parameters', name], `parameter ${name} is not a map`, 'write Type, and Default if it has one'),
      );
  }
  return checked;
}

/** Refuses macros by their names: only AWS can run them. */
function refuseTransforms(root: MapTree, report: Report): void {
  const transform = root.entries.get('Transform')?.value;
  if (transform === undefined) return;
  for (const one of transform.type === 'list' ? transform.items : [transform]) {
    report(transformProblem(one, one.at, ['Transform']));
  }
}

/** Returns the problem of a macro, which only AWS can run. */
function transformProblem(tree: Tree, at: SourceOffset, path: readonly PropertyKey[]): Problem {
  const name = stringOf(tree) ?? (tree.type === 'map' ? stringOf(tree.entries.get('Name')?.value) : null);
  const message = `the transform ${name ?? ''} cannot be applied: AWS runs it when a stack is made`;
  return problemAt(at, path, message, PROCESSED);
}

/** Returns what a section has without a macro. Reports the macro. */
function withoutMacro(
  entries: ReadonlyMap<string, MapEntry>,
  path: readonly PropertyKey[],
  report: Report,
): ReadonlyMap<string, MapEntry> {
  const macro = entries.get(MACRO);
  if (macro === undefined) return entries;
  report(transformProblem(macro.value, macro.at, [...path, MACRO]));
  return new Map([...entries].filter(([name]) => name !== MACRO));
}

function readResource(logicalId: string, { at, value }: MapEntry, report: Report): Resource | undefined {
  const path = ['Resources', logicalId];
  const refuse = (where: SourceOffset, message: string, remedy: string): undefined => {
    report(problemAt(where, path, message, remedy));
  };
  if (logicalId.startsWith('Fn::')) {
    refuse(at, `${logicalId} needs the transform AWS::LanguageExtensions, which AWS runs`, PROCESSED);
    return;
  }
  if (!/^[A-Za-z0-9]+$/.test(logicalId)) {
    refuse(at, `logical ID ${quoted(logicalId)} is not allowed`, 'use letters and digits only');
    return;
  }
  if (value.type !== 'map') {
    refuse(value.at, `resource ${logicalId} is not a map`, 'write Type and Properties');
    return;
  }
  const [type, condition] = ['Type', 'Condition'].map((field) => stringOf(value.entries.get(field)?.value));
  const macro = value.entries.get(MACRO);
  if (type == null && macro !== undefined) {
    report(transformProblem(macro.value, macro.at, [...path, MACRO]));
    return;
  }
  if (type === null || type === undefined) {
    refuse(value.at, `resource ${logicalId} has no Type`, 'write its type, as in Type: AWS::IAM::Role');
    return;
  }
  if (condition === null && value.entries.has('Condition')) {
    refuse(value.at, `the Condition of ${logicalId} is not a name`, 'write the name of a condition');
    return;
  }
  const properties = value.entries.get('Properties')?.value ?? mapTree(value.at, new Map());
  if (properties.type !== 'map') {
    refuse(properties.at, `the Properties of ${logicalId} are not a map`, 'write names and values');
    return;
  }
  return { logicalId, type, at, tree: value, properties, condition: condition ?? null };
}
