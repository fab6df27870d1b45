import { listTree, scalarTree, type MapEntry, type SourceOffset, type Tree } from '../../engine/manifest/tree.js';
import type { Scope } from './calls.js';
import { textOf } from './parameters.js';
import type { Resource } from './template.js';

/** An entity of a template. Its texts hold tokens. */
export interface Entity {
  readonly logicalId: string;
  readonly kind: string;
  readonly name: string | undefined;
  readonly at: SourceOffset;
  readonly properties: Map<string, MapEntry>;
  readonly notes: string[];
}

/** Returns the path of a property of a resource. */
export function pathTo({ logicalId }: Pick<Resource, 'logicalId'>, property: string): readonly PropertyKey[] {
  return ['Resources', logicalId, 'Properties', property];
}

/** Sets a property of an entity. */
export function setProperty({ properties }: Entity, property: string, value: Tree, keyAt = value.at): void {
  properties.set(property, { at: keyAt, value });
}

/** Adds a text to a list, once by its value. */
export function append(
  { properties }: Entity,
  property: string,
  text: string,
  at: SourceOffset,
  scope: Pick<Scope, 'literal'>,
): void {
  const entry = properties.get(property) ?? { at, value: listTree(at, []) };
  const items = entry.value.type === 'list' ? entry.value.items : [];
  const value = scope.literal(text);
  if (items.some((item) => scope.literal(textOf(item) ?? '') === value)) return;
  properties.set(property, { at: entry.at, value: listTree(entry.value.at, [...items, scalarTree(at, text)]) });
}
