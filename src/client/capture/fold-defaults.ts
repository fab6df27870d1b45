import type { JsonObject } from '../../contract/entity.js';
import type { WrittenEntity } from './contents.js';

/** An entity as the manifest declares it beside the defaults. */
export interface FoldedEntity extends WrittenEntity {
  readonly tags: JsonObject;
}

/** Entities, and the values that most of them have. */
export interface Folded {
  readonly defaults: JsonObject;
  readonly entities: readonly FoldedEntity[];
}

/** The fewest entities that a default is written for. */
const MIN_USES = 3;

/**
 * Moves what most entities have to the defaults, where that changes the meaning for none: an entity with another path
 * declares it, and a tag becomes a default only where every entity that takes default tags has its key.
 */
export function foldDefaults(
  entities: readonly WrittenEntity[],
  tagsOf: (entity: WrittenEntity) => Readonly<Record<string, string>>,
  isWanted: boolean,
): Folded {
  const path = isWanted ? commonPath(entities) : undefined;
  const tags = isWanted ? commonTags(entities.filter(takesDefaultTags).map(tagsOf)) : {};
  return {
    defaults: {
      ...(path === undefined ? {} : { path }),
      ...(Object.keys(tags).length === 0 ? {} : { tags }),
    },
    entities: entities.map((entity) => {
      const own = Object.entries(tagsOf(entity));
      const declared = takesDefaultTags(entity) ? own.filter(([key, value]) => tags[key] !== value) : own;
      return { ...entity, spec: withoutPath(entity.spec, path ?? '/'), tags: Object.fromEntries(declared) };
    }),
  };
}

/** Shared entities do not get the default tags. */
function takesDefaultTags({ draft }: WrittenEntity): boolean {
  return draft.known.kind.ownable && draft.common['shared'] !== true;
}

/** Returns the path that most of the entities with a path have; undefined where it is `/`. */
function commonPath(entities: readonly WrittenEntity[]): string | undefined {
  const paths = entities.flatMap(({ spec }) => (typeof spec['path'] === 'string' ? [spec['path']] : []));
  const path = mostFrequent(paths);
  return path === '/' ? undefined : path;
}

function commonTags(all: readonly Readonly<Record<string, string>>[]): Readonly<Record<string, string>> {
  const [first = {}] = all;
  const keys = Object.keys(first).filter((key) => all.every((tags) => Object.hasOwn(tags, key)));
  return Object.fromEntries(
    keys.flatMap((key) => {
      const value = mostFrequent(all.map((tags) => tags[key] ?? ''));
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

/** Returns the value that more than half of the texts have; undefined where none has, or there are few texts. */
function mostFrequent(texts: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].find(([, count]) => count >= MIN_USES && count * 2 > texts.length)?.[0];
}

function withoutPath(spec: JsonObject, path: string): JsonObject {
  if (spec['path'] !== path) return spec;
  return Object.fromEntries(Object.entries(spec).filter(([property]): boolean => property !== 'path'));
}
