import type { CaptureFilter } from '../../contract/capture.js';
import { matchesWildcard } from '../../engine/wildcard.js';
import { stringProperty } from '../../kinds/shared/spec.js';
import type { JsonObject } from '../../contract/entity.js';

/** The owner of an entity, as far as its tags, its path and the account's ledger show it. */
export type Owner = { readonly is: 'ours' | 'unowned' } | { readonly is: 'foreign'; readonly owner: string };

/** The parts of an entity that a filter looks at once it was read. */
export interface Filtered {
  readonly spec: JsonObject;
  readonly tags: Readonly<Record<string, string>>;
  readonly owner: Owner['is'];
}

/** Returns the test of a filter for names. */
export function nameTest({ names }: Pick<CaptureFilter, 'names'>): (name: string) => boolean {
  if (names.length === 0) return () => true;
  const patterns = names.map((name) => name.toLowerCase());
  return (name) => patterns.some((pattern) => matchesWildcard(pattern, name.toLowerCase()));
}

/** Reports whether an entity passes the parts of a filter that are about what AWS shows of it. */
export function matches({ path, tags: wanted, owner }: CaptureFilter, entity: Filtered): boolean {
  if (path !== null && stringProperty(entity.spec, 'path')?.startsWith(path) !== true) return false;
  const isTagged = Object.entries(wanted).every(
    ([key, value]) => Object.hasOwn(entity.tags, key) && (value === null || entity.tags[key] === value),
  );
  return isTagged && (owner === null || owner === entity.owner);
}
