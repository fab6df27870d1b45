import type { JsonObject } from '../contract/entity.js';
import type { Observed } from './comparison.js';
import { objectOrEmpty } from './json.js';
import { isOwnershipTag } from './ownership.js';

/** Returns the form of a tag key that all its spellings share, where IAM compares keys without case. */
export function foldTagKey(key: string): string {
  return key.toLowerCase();
}

/** A kind, by what IAM does with the case of its tag keys. */
interface TagKeyRule {
  readonly ignoresTagKeyCase?: boolean;
}

/** Returns the form of a tag key that all its spellings share, by the rule of a kind. */
export function tagKeyForm(key: string, { ignoresTagKeyCase = false }: TagKeyRule): string {
  return ignoresTagKeyCase ? foldTagKey(key) : key;
}

/** Returns an entity with the tag keys that its manifest has for them; unchanged where IAM compares keys with case. */
export function withTagKeysOf(
  observed: Observed,
  spec: JsonObject,
  { ignoresTagKeyCase = false }: TagKeyRule,
): Observed {
  return ignoresTagKeyCase ? withDeclaredTagKeys(observed, Object.keys(objectOrEmpty(spec['tags']))) : observed;
}

/**
 * Returns an entity with the tag keys of the manifest in place of those that differ from them in case only. For kinds
 * whose tag keys IAM compares without case: there, both spellings are one tag, whose spelling is no difference, and which
 * the removal of either spelling removes.
 */
export function withDeclaredTagKeys(observed: Observed, declared: readonly string[]): Observed {
  const spellings = new Map(declared.map((key) => [foldTagKey(key), key]));
  const tags = Object.entries(observed.tags).map(([key, value]): [string, string] => {
    const folded = foldTagKey(key);
    return [spellings.get(folded) ?? (isOwnershipTag(folded) ? folded : key), value];
  });
  return { ...observed, tags: Object.fromEntries(tags) };
}
