import { normalizeName } from '../../contract/entity.js';
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

/** Adds a text to a list, once by its value. The names of users differ where IAM tells them apart. */
export function append(
  { properties }: Entity,
  property: string,
  text: string,
  at: SourceOffset,
  scope: Pick<Scope, 'literal'>,
): void {
  const entry = properties.get(property) ?? { at, value: listTree(at, []) };
  const items = entry.value.type === 'list' ? entry.value.items : [];
  const form = (one: string): string => (property === 'users' ? normalizeName(scope.literal(one)) : scope.literal(one));
  if (items.some((item) => form(textOf(item) ?? '') === form(text))) return;
  properties.set(property, { at: entry.at, value: listTree(entry.value.at, [...items, scalarTree(at, text)]) });
}

/** The properties that name other entities, with their kinds. */
const NAMING: readonly (readonly [property: string, kind: string])[] = [
  ['users', 'User'],
  ['userName', 'User'],
  ['roles', 'Role'],
];

/** Writes the names of other entities as these are declared, where IAM takes both spellings for the same name. */
export function spellAsDeclared(
  entities: readonly Entity[],
  declaredName: (kind: string, name: string) => string | undefined,
  scope: Pick<Scope, 'literal'>,
): void {
  for (const entity of entities) {
    for (const [property, kind] of NAMING) {
      const entry = kind === entity.kind ? undefined : entity.properties.get(property);
      if (entry === undefined) continue;
      const spelled = (tree: Tree): Tree => {
        const text = textOf(tree);
        const name = text === undefined ? undefined : declaredName(kind, text);
        if (text === undefined || name === undefined || scope.literal(name) === scope.literal(text)) return tree;
        return scalarTree(tree.at, name);
      };
      const { value } = entry;
      setProperty(
        entity,
        property,
        value.type === 'list' ? listTree(value.at, value.items.map(spelled)) : spelled(value),
        entry.at,
      );
    }
  }
}
