import { optionProblem, quoted, type Problem, type Report } from '../../engine/manifest/problem.js';
import {
  listTree,
  problemAt,
  scalarTree,
  stringOf,
  type MapTree,
  type SourceOffset,
  type Tree,
} from '../../engine/manifest/tree.js';
import type { Finding } from '../../engine/manifest/source.js';
import { suggestion } from '../../engine/text.js';
import { NO_VALUE, splitOnce, type Value } from './calls.js';
import { isComputed } from './resource-types.js';
import type { Template } from './template.js';
import { hasText } from './trees.js';
import { misreadFinding } from './yaml-numbers.js';

/** The values that `--parameter` gives, and which of them were used. */
export class GivenValues {
  private readonly used = new Set<string>();

  constructor(private readonly values: Readonly<Record<string, string>>) {}

  take(name: string): string | undefined {
    if (!Object.hasOwn(this.values, name)) return undefined;
    this.used.add(name);
    return this.values[name];
  }

  /** Returns the problems of values that nothing has asked for. Those of parameters may be unused, as in CloudFormation. */
  unused(template: Template, asked: ReadonlySet<string>): readonly Problem[] {
    const { parameters, resources, refused } = template;
    const unused = Object.keys(this.values).filter((name) => !this.used.has(name) && !parameters.has(name));
    return unused.flatMap((name) => {
      const [logicalId = '', attribute = null] = splitOnce(name);
      const resource = resources.get(logicalId);
      const refuse = (message: string, remedy: string) => [optionProblem(`--parameter ${name}`, message, remedy)];
      // An export, or a dynamic reference, that a condition leaves out.
      if (resource === undefined && (refused.has(logicalId) || isMentioned(name, template))) return [];
      if (resource === undefined) {
        const remedy = suggestion(name, [...parameters.keys(), ...asked], 'name a parameter of the template');
        return refuse(`the template has no parameter ${quoted(name)}`, remedy);
      }
      if (!isComputed(resource.type, attribute)) return [];
      return refuse(`${name} follows from what the template declares`, 'leave the option out');
    });
  }
}

/** Reports whether a template imports a value, or refers to it. */
function isMentioned(name: string, { resources, conditions }: Template): boolean {
  const trees = [...resources.values(), ...[...conditions.values()].map(({ value }) => ({ tree: value }))];
  return trees.some(({ tree }) => hasText(tree, (text) => text === name || text.includes(`{{${name}}}`)));
}

/** Returns the value of a parameter. Reports a value that it does not allow, and returns undefined. */
export function parameterValue(
  name: string,
  { parameters }: Template,
  given: GivenValues,
  report: Report,
): Tree | undefined {
  const entry = parameters.get(name);
  if (entry === undefined) return undefined;
  const { entries } = entry.value;
  const type = stringOf(entries.get('Type')?.value) ?? '';
  const path = ['Parameters', name];
  const option = given.take(name);
  const refuse = (message: string, remedy: string): undefined => {
    if (option === undefined) report(problemAt(entry.at, path, message, remedy));
    else report(optionProblem(`--parameter ${name}`, message, remedy));
  };
  if (isSecret(entry.value)) {
    const message = `parameter ${name} is NoEcho, and a manifest would hold its value in plain text`;
    refuse(message, 'declare the secret by its location with --secret, or take NoEcho away');
    return;
  }
  const preset = textOf(entries.get('Default')?.value);
  if (isStored(type) && (option === undefined || option === preset)) {
    const remedy = `give its value, not its name, with --parameter ${name}=VALUE`;
    refuse(`parameter ${name} has its value in AWS Systems Manager`, remedy);
    return;
  }
  const value = option ?? preset;
  if (value === undefined) {
    refuse(`parameter ${name} has no value`, giveIt(name));
    return;
  }
  const finding = valueFinding(name, type, value, option === undefined, entry.value);
  if (finding !== undefined) {
    refuse(finding.message, finding.remedy);
    return;
  }
  return isList(type) ? listOf(value, entry.at) : scalarTree(entry.at, value);
}

function giveIt(name: string): string {
  return `give it with --parameter ${name}=VALUE`;
}

/** Reports whether a parameter names where its value is stored. */
function isStored(type: string): boolean {
  return type.startsWith('AWS::SSM::Parameter::Value');
}

/** Returns why a value cannot be taken. The constraints of what is stored are those of its name. */
function valueFinding(
  name: string,
  type: string,
  value: string,
  isPreset: boolean,
  tree: MapTree,
): Finding | undefined {
  const misread = isPreset ? misreadFinding(tree.entries.get('Default')?.value) : undefined;
  if (misread !== undefined) return misread;
  const message = isStored(type) ? undefined : constraintFinding(name, value, type, tree);
  return message === undefined ? undefined : { message, remedy: isPreset ? giveIt(name) : 'give another value' };
}

/** Reports whether a parameter is a secret: unless it says that it is none. */
function isSecret({ entries }: MapTree): boolean {
  const noEcho = entries.get('NoEcho');
  return noEcho !== undefined && textOf(noEcho.value)?.toLowerCase() !== 'false';
}

function isList(type: string): boolean {
  return /^(CommaDelimitedList|List<|AWS::SSM::Parameter::Value<(List<|CommaDelimitedList))/.test(type);
}

function listOf(value: string, at: SourceOffset): Tree {
  return listTree(
    at,
    value.split(',').map((item) => scalarTree(at, item.trim())),
  );
}

/** Returns the text of a single value: a number as it is written; undefined for null, a list or a map. */
export function textOf(tree: Tree | undefined): string | undefined {
  if (tree?.type !== 'scalar' || tree.value === null) return undefined;
  return typeof tree.value === 'number' ? (tree.raw ?? String(tree.value)) : String(tree.value);
}

function constraintFinding(name: string, value: string, type: string, { entries }: MapTree): string | undefined {
  const field = (key: string): string | undefined => textOf(entries.get(key)?.value);
  const allowed = entries.get('AllowedValues')?.value;
  const values = allowed?.type === 'list' ? allowed.items.map((item) => textOf(item)) : undefined;
  const items = isList(type) ? value.split(',').map((item) => item.trim()) : [value];
  if (values !== undefined && items.some((item) => !values.includes(item))) {
    return `parameter ${name} is ${quoted(value)}, and the template allows ${values
      .slice(0, 20)
      .map((one = '') => quoted(one))
      .join(', ')}`;
  }
  const pattern = field('AllowedPattern');
  if (pattern !== undefined && items.some((item) => !matches(item, pattern))) {
    return `parameter ${name} is ${quoted(value)}: ${field('ConstraintDescription') ?? `it has to match ${pattern}`}`;
  }
  if (/^(List<)?Number/.test(type) && items.some((item) => item.trim() === '' || !Number.isFinite(Number(item)))) {
    return `parameter ${name} is ${quoted(value)}, which is not a number`;
  }
  return sizeFinding(name, value, type === 'Number', field);
}

function sizeFinding(
  name: string,
  value: string,
  isNumber: boolean,
  field: (key: string) => string | undefined,
): string | undefined {
  const size = isNumber ? Number(value) : value.length;
  const [min, max] = (isNumber ? ['MinValue', 'MaxValue'] : ['MinLength', 'MaxLength']).map(field);
  if (min !== undefined && size < Number(min)) return `parameter ${name} is ${quoted(value)}, less than ${min}`;
  if (max !== undefined && size > Number(max)) return `parameter ${name} is ${quoted(value)}, more than ${max}`;
  return undefined;
}

/** Reports whether a value matches a pattern of Java as a whole. One that JavaScript does not know allows everything. */
function matches(value: string, pattern: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`, 'u').test(value);
  } catch {
    try {
      return new RegExp(`^(?:${pattern})$`).test(value);
    } catch {
      return true;
    }
  }
}

/** Returns a value of a parameter where it is used: what IAM would not take is reported there. */
export function movedTo(at: SourceOffset, value: Value): Value {
  if (value === undefined || value === NO_VALUE || value.type === 'map') return value;
  if (value.type === 'scalar') return { ...value, at };
  return listTree(
    at,
    value.items.map((item) => ({ ...item, at })),
  );
}
