import type { MapTree, Tree } from '../../engine/manifest/tree.js';

type Path = readonly PropertyKey[];

/** One call of a function. */
export interface Call {
  readonly argument: Tree;
  readonly path: Path;
  readonly name: string;
}

/** Functions whose value only AWS can tell, with the reason. */
export const REFUSED: Readonly<Record<string, string>> = {
  'Fn::Base64': 'no property of IAM takes it',
  'Fn::Cidr': 'no property of IAM takes it',
  'Fn::GetAZs': 'AWS knows the zones of a region',
  'Fn::GetStackOutput': 'AWS knows the outputs of stacks',
  'Fn::Transform': 'AWS runs macros when a stack is made',
  'Fn::Length': 'it needs the transform AWS::LanguageExtensions, which AWS runs',
  'Fn::ToJsonString': 'it needs the transform AWS::LanguageExtensions, which AWS runs',
};

/** Returns the call that a map is. */
export function callOf({ entries }: MapTree, path: Path): Call | undefined {
  const [first] = entries;
  if (entries.size !== 1 || first === undefined) return undefined;
  const [name, { value }] = first;
  return name === 'Ref' || name.startsWith('Fn::') ? { name, argument: value, path: [...path, name] } : undefined;
}

/** Splits `LogicalId.Attribute`. */
export function splitOnce(text: string | null): readonly string[] {
  if (text === null) return [];
  const dot = text.indexOf('.');
  return dot === -1 ? [text] : [text.slice(0, dot), text.slice(dot + 1)];
}
