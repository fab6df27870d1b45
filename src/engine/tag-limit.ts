import type { Change, Observed } from './comparison.js';
import { OwnershipTag } from './ownership.js';

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

/** Leaves out the tag of the installation where an entity has no room for it: no decision depends on it. */
export function withoutInstallation(
  ownershipTags: Readonly<Record<string, string>>,
  observed: Iterable<string>,
  { put, remove }: TagChange,
): Record<string, string> {
  const isWithin = countTags(observed, { put: [...put, ...Object.keys(ownershipTags)], remove }) <= MAX_TAGS;
  const tags = Object.entries(ownershipTags);
  return Object.fromEntries(isWithin ? tags : tags.filter(([tag]) => tag !== OwnershipTag.Installation));
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
