import { entityKey, entityKeyOfId, type Json, type JsonObject } from '../../contract/entity.js';
import { groupByCycles } from '../../engine/graph.js';
import { findKind } from '../../kinds/index.js';
import { arnsIn, manifestText, mapTexts } from './template-text.js';

/** An entity whose texts hold tokens. */
export interface TokenEntity {
  /** Its ID in the tokens of ARNs: letters, digits and underscores. */
  readonly id: string;
  readonly kind: string;
  /** Its name in references. Undefined where it is not known. */
  readonly name: string | undefined;
  /** Its properties in the manifest. */
  readonly spec: JsonObject;
}

/** Writes the properties of entities as a manifest has them: references take the place of ARNs, without a cycle. */
export class ReferenceWriter {
  private readonly entities: ReadonlyMap<string, TokenEntity>;
  /** The groups of entities that would wait for each other, over all references and over those that IAM looks up. */
  private readonly groups: ReadonlyMap<string, number>;
  private readonly checkedGroups: ReadonlyMap<string, number>;

  /**
   * Finds the references of all entities.
   *
   * @param entities - the entities of the manifest
   * @param arnText - returns the ARN of an entity by its ID, with tokens of the account and the partition only
   */
  constructor(
    entities: readonly TokenEntity[],
    private readonly arnText: (id: string) => string,
  ) {
    this.entities = new Map(entities.map((entity) => [entity.id, entity]));
    const byKey = new Map(
      entities.flatMap(({ id, kind, name }) => (name === undefined ? [] : [[entityKey({ kind, name }), id] as const])),
    );
    const nodesWith = (isIncluded: (isUnchecked: boolean) => boolean) =>
      entities.map((entity) => ({ id: entity.id, dependsOn: needsOf(entity, byKey, isIncluded) }));
    this.groups = groupByCycles(nodesWith(() => true));
    this.checkedGroups = groupByCycles(nodesWith((isUnchecked) => !isUnchecked));
  }

  /** Returns a value of an entity with templates in place of tokens. */
  write(from: TokenEntity, value: Json): Json {
    return mapTexts(value, (text) => this.writeText(from, text));
  }

  /** Returns a text of an entity with templates in place of tokens. */
  writeText(from: Pick<TokenEntity, 'id'>, text: string): string {
    return manifestText(text, (id, isUnchecked) => this.reference(from.id, id, isUnchecked));
  }

  /**
   * Returns what stands for an ARN. A reference makes an entity wait for the other. IAM does not look up what a policy
   * names, so two entities that name each other in their policies wait for nobody.
   */
  private reference(
    from: string,
    id: string,
    isUnchecked: boolean,
  ): { readonly template: string } | { readonly text: string } {
    const groups = isUnchecked ? this.groups : this.checkedGroups;
    const isCycle = groups.get(from) === groups.get(id);
    const isOwn = from === id;
    const { kind, name } = this.entities.get(id) ?? {};
    if (isOwn ? isUnchecked : isCycle || kind === undefined) return { text: this.arnText(id) };
    const written = manifestText(name ?? '', () => ({ text: '' }));
    return { template: `{{arn ${kind ?? ''}/${written}}}` };
  }
}

/** Returns the IDs of the entities that an entity names, by their ARNs or by their names. */
function needsOf(
  { id, kind, spec }: TokenEntity,
  byKey: ReadonlyMap<string, string>,
  isIncluded: (isUnchecked: boolean) => boolean,
): readonly string[] {
  const named = findKind(kind)?.references?.(spec) ?? [];
  const found = new Set(named.flatMap((other) => byKey.get(entityKeyOfId(other)) ?? []));
  for (const reference of arnsIn(spec)) if (isIncluded(reference.isUnchecked)) found.add(reference.id);
  found.delete(id);
  return [...found];
}
