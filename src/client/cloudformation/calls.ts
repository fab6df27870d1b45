import type { MapEntry, MapTree, SourceOffset, Tree } from '../../engine/manifest/tree.js';

type Path = readonly PropertyKey[];

/** The property that a value removes: `AWS::NoValue`. */
export const NO_VALUE = Symbol('AWS::NoValue');

/** The value of an expression. Undefined if it has a problem, which has been reported. */
export type Value = Tree | typeof NO_VALUE | undefined;

/** The names that expressions refer to. Each reports what it does not find. */
export interface Scope {
  readonly refuse: (at: SourceOffset, path: Path, message: string, remedy: string) => undefined;
  readonly ref: (name: string, at: SourceOffset, path: Path) => Value;
  readonly attribute: (logicalId: string, attribute: string, at: SourceOffset, path: Path) => Value;
  /** Undefined if it has a problem. */
  readonly condition: (name: string, at: SourceOffset, path: Path) => boolean | undefined;
  readonly mappings: ReadonlyMap<string, MapEntry>;
  readonly imported: (name: string, at: SourceOffset, path: Path) => Value;
  /** Returns the value of a dynamic reference: `resolve:ssm:NAME`. */
  readonly dynamic: (reference: string, at: SourceOffset, path: Path) => string | undefined;
  /** Writes account, partition and ARNs out, for what looks into a text. */
  readonly literal: (text: string) => string;
}

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
