import { quoted, type Report } from '../../engine/manifest/problem.js';
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
import { nearest } from '../../engine/text.js';
import { hasReservedCharacter } from '../manifest/template-text.js';
import { checkMembers, MACRO, PROCESSED, transformProblem, withMeantNames, withoutMacro } from './members.js';
import { isIam, KNOWN_TYPES, propertiesOf } from './resource-types.js';
import { mapScalars } from './trees.js';
import { isNumberOrNull } from './yaml-numbers.js';

/** A resource of a template. */
export interface Resource {
  readonly logicalId: string;
  /** The type that is meant, where the written one is a misspelling. */
  readonly type: string;
  readonly at: SourceOffset;
  /** The attributes, by the names that are meant. */
  readonly tree: MapTree;
  /** The properties, by the names that are meant. */
  readonly properties: MapTree;
  /** The type and the properties as the template writes them. */
  readonly written: { readonly type: string; readonly properties: MapTree };
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
  /** The parameters and resources that have a problem of their form. */
  readonly refused: ReadonlySet<string>;
}

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
  const written = tree.type === 'map' ? tree : mapTree(tree.at, new Map());
  const root = withMeantNames(written, SECTIONS);
  const resources = root.entries.get('Resources')?.value;
  if (resources?.type !== 'map') {
    const message = 'this is no CloudFormation template: it has no Resources';
    report(problemAt(resources?.at ?? tree.at, [], message, 'name a template, as in cdk.out/NAME.template.json'));
    return undefined;
  }
  refuseTransforms(root, report);
  checkMembers(written, 'the template has no section', [], SECTIONS, report);
  const section = (name: string): ReadonlyMap<string, MapEntry> => {
    const entry = root.entries.get(name)?.value;
    if (entry === undefined) return new Map();
    if (entry.type === 'map') return withoutMacro(entry.entries, [name], report);
    report(problemAt(entry.at, [name], `${name} is not a map`, 'write names and values'));
    return new Map();
  };
  const [parameters, declared] = [section('Parameters'), withoutMacro(resources.entries, ['Resources'], report)];
  const checked = checkedParameters(parameters, report);
  const read = new Map(
    [...declared].flatMap(([logicalId, entry]) => {
      const resource = readResource(logicalId, entry, report);
      return resource === undefined ? [] : [[logicalId, resource] as const];
    }),
  );
  return {
    at: root.at,
    parameters: checked,
    conditions: section('Conditions'),
    mappings: section('Mappings'),
    resources: read,
    refused: new Set(
      [...parameters.keys(), ...declared.keys()].filter((name) => !checked.has(name) && !read.has(name)),
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

/** The types of parameters that have one name. */
const SIMPLE_TYPES: readonly string[] = ['String', 'Number', 'CommaDelimitedList', 'List<Number>', 'List<String>'];

/** The types of parameters. */
const TYPE = /^(String|Number|CommaDelimitedList|AWS(::\w+)+(<[\w:]+(<[\w:]+>)?>)?|List<(String|Number|AWS(::\w+)+)>)$/;

/** Returns the parameters that can have a value. Reports the others. */
function checkedParameters(
  parameters: ReadonlyMap<string, MapEntry>,
  report: Report,
): ReadonlyMap<string, MapEntry & { readonly value: MapTree }> {
  const checked = new Map<string, MapEntry & { readonly value: MapTree }>();
  for (const [name, { at, value }] of parameters) {
    if (value.type === 'map') {
      const parameter = withMeantNames(value, PARAMETER_ATTRIBUTES);
      checked.set(name, { at, value: parameter });
      checkMembers(value, 'a parameter has no attribute', ['Parameters', name], PARAMETER_ATTRIBUTES, report);
      const type = stringOf(parameter.entries.get('Type')?.value) ?? '';
      if (!TYPE.test(type)) {
        const meant = nearest(type, SIMPLE_TYPES);
        const remedy = meant === undefined ? 'write one, as in Type: String' : `did you mean ${meant}?`;
        report(problemAt(at, ['Parameters', name], `parameter ${name} has an unknown Type`, remedy));
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

/** The attributes that a resource can have. */
const ATTRIBUTES: readonly string[] = [
  'Type',
  'Properties',
  'Condition',
  'DependsOn',
  'DeletionPolicy',
  'UpdateReplacePolicy',
  'Metadata',
  'Description',
  'CreationPolicy',
  'UpdatePolicy',
  'Version',
];

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
  const tree = withMeantNames(value, ATTRIBUTES);
  const type = stringOf(tree.entries.get('Type')?.value);
  if (type === null) {
    const macro = value.entries.get(MACRO);
    if (macro !== undefined) report(transformProblem(macro.value, macro.at, [...path, MACRO]));
    else refuse(value.at, `resource ${logicalId} has no Type`, 'write its type, as in Type: AWS::IAM::Role');
    return;
  }
  // The attributes of other services have no effect here.
  if (isIam(type) || !value.entries.has('Type'))
    checkMembers(value, 'a resource has no attribute', path, ATTRIBUTES, report);
  return withProperties({ logicalId, at, tree }, type, refuse);
}

function withProperties(
  resource: Pick<Resource, 'logicalId' | 'at' | 'tree'>,
  type: string,
  refuse: (at: SourceOffset, message: string, remedy: string) => undefined,
): Resource | undefined {
  const { logicalId, tree } = resource;
  const condition = stringOf(tree.entries.get('Condition')?.value);
  if (condition === null && tree.entries.has('Condition')) {
    refuse(tree.at, `the Condition of ${logicalId} is not a name`, 'write the name of a condition');
    return;
  }
  const properties = tree.entries.get('Properties')?.value ?? mapTree(tree.at, new Map());
  if (properties.type !== 'map') {
    refuse(properties.at, `the Properties of ${logicalId} are not a map`, 'write names and values');
    return;
  }
  const meant = isIam(type) ? (nearest(type, KNOWN_TYPES) ?? type) : type;
  const named = withMeantNames(properties, propertiesOf(meant) ?? [...properties.entries.keys()]);
  return { ...resource, type: meant, properties: named, written: { type, properties }, condition };
}
