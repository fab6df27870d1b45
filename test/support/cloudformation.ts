import { readFileSync } from 'node:fs';
import { parse, type ScalarTag } from 'yaml';

/** A template of AWS CloudFormation, with its short functions as objects: `!Ref Fleet` is `{ Ref: 'Fleet' }`. */
export interface Template {
  readonly Parameters: Readonly<Record<string, unknown>>;
  readonly Conditions: Readonly<Record<string, unknown>>;
  readonly Resources: Readonly<Record<string, Resource>>;
}

interface Resource {
  readonly Type: string;
  readonly Condition?: string;
  readonly Properties: Readonly<Record<string, unknown>>;
}

const FUNCTIONS: readonly ScalarTag[] = [
  { tag: '!Ref', resolve: (name: string) => ({ Ref: name }) },
  { tag: '!GetAtt', resolve: (name: string) => ({ 'Fn::GetAtt': name.split('.') }) },
];

/** Reads a template as CloudFormation does: without aliases, which it does not support. */
export function readTemplate(path: string): Template {
  const equals = { tag: '!Equals', collection: 'seq' as const };
  return parse(readFileSync(path, 'utf8'), { customTags: [...FUNCTIONS, equals], maxAliasCount: 0 }) as Template;
}

/** Returns the names that a part of a template refers to. */
export function referencesOf(part: unknown): readonly string[] {
  if (typeof part !== 'object' || part === null) return [];
  if ('Ref' in part) return [String(part.Ref)];
  if ('Fn::GetAtt' in part) return [String((part['Fn::GetAtt'] as readonly string[])[0])];
  return Object.values(part).flatMap(referencesOf);
}

/** Returns a part of a template with the values of its parameters. */
export function withParameters(part: unknown, parameters: Readonly<Record<string, unknown>>): unknown {
  if (typeof part !== 'object' || part === null) return part;
  if ('Ref' in part) return parameters[String(part.Ref)] ?? part;
  if (Array.isArray(part)) return part.map((one) => withParameters(one, parameters));
  return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, withParameters(value, parameters)]));
}
