import { createHash } from 'node:crypto';
import type { JsonObject } from '../contract/entity.js';
import type { Drift } from '../contract/report.js';
import type { Change, Changes, Observed } from './comparison.js';
import { strings } from './json.js';
import { otherSharers, OwnershipTag, sharedByTag, SharingTag } from './ownership.js';

/** The rules of a kind whose entities several namespaces can declare together. */
export interface ShareRules {
  /**
   * The set property whose members belong to the namespaces that declare them. The tag of a namespace lists the members
   * that are its part. Default: the tag alone is the part of a namespace.
   */
  readonly members?: string;
}

/** The maximum length of a tag's value. */
const MAX_CLAIM_LENGTH = 256;

/** Returns a member in the form for a claim: short, unique enough, and in characters that tags take. */
function digestOf(member: string): string {
  return createHash('sha256').update(member).digest('hex').slice(0, 8);
}

/** Returns members as the value of a tag: `-` for none, and an empty value where a tag has no room for them. */
function claimOf(digests: ReadonlySet<string>): string {
  if (digests.size === 0) return '-';
  const claim = [...digests].sort().join(' ');
  return claim.length <= MAX_CLAIM_LENGTH ? claim : '';
}

/** Returns the members that a tag lists. Undefined if there is no such tag, or if it does not list its members. */
function listedIn(claim: string | undefined): ReadonlySet<string> | undefined {
  if (claim === undefined || claim === '') return undefined;
  return new Set(claim === '-' ? [] : claim.split(' '));
}

/** Returns the tag that records a namespace's part at a Create. */
export function claimAtCreate({ members }: ShareRules, namespace: string, spec: JsonObject): Record<string, string> {
  const claim = members === undefined ? '' : claimOf(new Set(strings(spec[members]).map(digestOf)));
  return { [sharedByTag(namespace)]: claim };
}

/**
 * Returns the tags that record a namespace's part of an entity: what it declares, and what it declared before and is
 * still there. Content that was there before any namespace declared it is recorded as nobody's part, and stays for good.
 *
 * These tags must be written before the members are added: after an interruption, a member without a claim counts as
 * content that was there before.
 */
export function claimTags(
  rules: ShareRules,
  namespace: string,
  spec: JsonObject,
  observed: Observed,
  changes: Changes,
): Record<string, string> {
  const { members } = rules;
  const mine = sharedByTag(namespace);
  const { tags, state } = observed;
  if (members === undefined) return { [mine]: '' };
  const present = new Set(strings(state[members]).map(digestOf));
  const own = listedIn(tags[mine]);
  const declared = strings(spec[members]).map(digestOf);
  // What the same update removes is removed before the tags are written.
  const removed = new Set((changes[members]?.remove ?? []).map(digestOf));
  const staying = [...(own ?? [])].filter((digest) => present.has(digest) && !removed.has(digest));
  const claim = claimOf(new Set([...declared, ...staying]));
  const left = new Set([...present].filter((digest) => !removed.has(digest)));
  return { [mine]: claim, ...tagOfEarlierContent(namespace, left, declared, observed, removed) };
}

/**
 * Returns the tag that records what was there before: all of it at first, and later what nobody had claimed. What the same
 * update removes is no longer there before, and neither is what it adds again.
 */
function tagOfEarlierContent(
  namespace: string,
  present: ReadonlySet<string>,
  declared: readonly string[],
  observed: Observed,
  removed: ReadonlySet<string>,
): Record<string, string> {
  const { tags } = observed;
  const others = otherSharers(observed, namespace);
  const own = tags[sharedByTag(namespace)];
  const isOurs = own !== undefined || tags[OwnershipTag.Namespace] === namespace;
  if (others.length === 0 && !isOurs) {
    return present.size === 0 ? {} : { [SharingTag.SharedBefore]: claimOf(present) };
  }
  const before = tags[SharingTag.SharedBefore];
  // Without a tag, as after an interrupted takeover, a namespace has no part that it could prove.
  const claims = [namespace, ...others].map((sharer) => listedIn(tags[sharedByTag(sharer)] ?? '-'));
  const known = before === undefined ? new Set<string>() : listedIn(before);
  // A member that is not known to be unclaimed may be the part of another namespace.
  if (known === undefined || claims.includes(undefined)) return {};
  const found = declared.filter(
    (digest) => present.has(digest) && !known.has(digest) && !claims.some((claim) => claim?.has(digest) === true),
  );
  const added = new Set(declared.filter((digest) => !present.has(digest)));
  const staying = [...known].filter((digest) => !removed.has(digest) && !added.has(digest));
  if (found.length === 0 && staying.length === known.size) return {};
  return { [SharingTag.SharedBefore]: claimOf(new Set([...staying, ...found])) };
}

/**
 * Returns the members of an entity that are the part of other namespaces alone. Where a tag does not list its members,
 * those are all that this namespace's tag does not list.
 */
export function membersOfOthers(
  { members }: ShareRules,
  namespace: string,
  { tags, state }: Pick<Observed, 'tags' | 'state'>,
): readonly string[] {
  if (members === undefined) return [];
  const own = listedIn(tags[sharedByTag(namespace)]) ?? new Set<string>();
  const others = otherSharers({ tags }, namespace).map((other) => listedIn(tags[sharedByTag(other)]));
  return strings(state[members]).filter((member) => {
    const digest = digestOf(member);
    return !own.has(digest) && others.some((claim) => claim === undefined || claim.has(digest));
  });
}

/** The content that a namespace takes along when it leaves an entity. */
export interface Withdrawal {
  readonly changes: Readonly<Record<string, Change>>;
  readonly drift: readonly Drift[];
  /** The reason for which all content is kept: it cannot be told which of it is this namespace's. Null if it can. */
  readonly keptReason: string | null;
}

const NOTHING: Withdrawal = { changes: {}, drift: [], keptReason: null };

/** Returns a namespace's part of an entity: what it declared, and no other namespace, and what was not there before. */
export function withdrawalOf({ members }: ShareRules, namespace: string, observed: Observed): Withdrawal {
  const { tags, state } = observed;
  if (members === undefined) return NOTHING;
  const own = listedIn(tags[sharedByTag(namespace)]);
  if (own?.size === 0) return NOTHING;
  const others = otherSharers(observed, namespace).map((other) => [other, listedIn(tags[sharedByTag(other)])] as const);
  const unknown = [
    ...(own === undefined ? ['this namespace'] : []),
    ...others.filter(([, claim]) => claim === undefined).map(([other]) => `namespace "${other}"`),
    ...(tags[SharingTag.SharedBefore] === '' ? ['those before all namespaces'] : []),
  ];
  if (unknown.length > 0) {
    const keptReason = `${members} stays as it is: no tag shows which of it belongs to ${unknown.join(', ')}`;
    return { ...NOTHING, keptReason };
  }
  const before = listedIn(tags[SharingTag.SharedBefore]);
  const isKept = (digest: string): boolean =>
    before?.has(digest) === true || others.some(([, claim]) => claim?.has(digest) === true);
  const remove = strings(state[members]).filter((member) => {
    const digest = digestOf(member);
    return own?.has(digest) === true && !isKept(digest);
  });
  if (remove.length === 0) return NOTHING;
  return {
    changes: { [members]: { desired: [], put: [], remove } },
    drift: remove.map((member) => ({ path: members, observed: member, desired: null, summary: `- ${member}` })),
    keptReason: null,
  };
}
