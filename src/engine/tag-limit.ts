import type { Change, Observed } from './comparison.js';
import { OwnershipTag } from './ownership.js';
import { UNMANAGED_TAG } from './unmanaged.js';

/** The maximum number of tags of an entity. AWS does not raise it. */
export const MAX_TAGS = 50;

type TagChange = Pick<Change, 'put' | 'remove'>;

/** Returns the number of tags after a change. Those of AWS do not count. */
function countTags(observed: Iterable<string>, { put, remove }: TagChange): number {
  const removed = new Set(remove);
  const kept = [...observed].filter((tag) => !tag.startsWith('aws:') && !removed.has(tag));
  return new Set([...kept, ...put]).size;
}

/**
 * Divides the writes that take ownership of an entity into those that set its tags and all others. Where it has no room
 * for them beside the tags that it has, the removal of tags comes first.
 */
export function ownershipFirst<W extends { readonly tagging?: 'put' | 'remove' }>(
  writes: readonly W[],
  { tags }: Pick<Observed, 'tags'>,
  put: readonly string[],
): { readonly first: readonly W[]; readonly rest: readonly W[] } {
  const hasRoom = countTags(Object.keys(tags), { put, remove: [] }) <= MAX_TAGS;
  const isFirst = ({ tagging }: W): boolean => tagging === 'put' || (tagging === 'remove' && !hasRoom);
  return { first: writes.filter(isFirst), rest: writes.filter((write) => !isFirst(write)) };
}

/** Tags that an entity without room for them does not get: no decision depends on them. */
const OPTIONAL_TAGS: readonly string[] = [UNMANAGED_TAG, OwnershipTag.Installation];

/** Leaves out the optional ownership tags, one by one, where an entity has no room for them. */
export function withinRoom(
  ownershipTags: Readonly<Record<string, string>>,
  observed: Iterable<string>,
  { put, remove }: TagChange,
): Record<string, string> {
  const before = [...observed];
  const tags = { ...ownershipTags };
  for (const tag of OPTIONAL_TAGS) {
    if (countTags(before, { put: [...put, ...Object.keys(tags)], remove }) <= MAX_TAGS) break;
    Reflect.deleteProperty(tags, tag);
  }
  return tags;
}

/** Tells why an entity has no room for the tags of a change, and what to do. Undefined where it has. */
export function tagLimitProblem(
  { tags }: Pick<Observed, 'tags'>,
  change: TagChange,
): { readonly reason: string; readonly remedy: string } | undefined {
  const before = Object.keys(tags);
  const count = countTags(before, change);
  if (count <= MAX_TAGS || change.put.every((tag) => Object.hasOwn(tags, tag))) return undefined;
  const has = String(countTags(before, { put: [], remove: [] }));
  const excess = count - MAX_TAGS;
  return {
    reason: `has ${has} tags and would have ${String(count)}, ownership tags included: AWS allows ${String(MAX_TAGS)}`,
    remedy: `remove at least ${String(excess)} of its tags; AWS does not raise this limit`,
  };
}
