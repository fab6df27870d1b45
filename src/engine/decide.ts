import type { DesiredEntity, JsonObject } from '../contract/entity.js';
import type { Decision, Drift } from '../contract/report.js';
import { compare } from './compare.js';
import type { AlsoRemoves, Changes, Comparison, Observed, PropertyRules } from './comparison.js';
import { decideMissing, decidePresent, removesUnmanaged, type Situation } from './decision-rules.js';
import {
  ownershipTagsForAdoption,
  ownershipTagsForCreate,
  ownershipTagsToRelease,
  ownershipTagChanges,
  otherSharers,
  nameNamespace,
  ownershipOf,
  replacedNamespace,
  OwnershipTag,
  type Claimant,
  type Ownership,
  type TagChanges,
} from './ownership.js';
import { protectionTagChanges, refuseIfProtected } from './protection.js';
import { claimAtCreate, claimTags, withdrawalOf, type ShareRules } from './sharing.js';
import { tagLimitProblem, withinRoom } from './tag-limit.js';
import { explainRename, formerMatcher, withRename } from './renames.js';
import { explainKept, unmanagedAtAdoption, unmanagedOf, UNMANAGED_TAG } from './unmanaged.js';

/** The properties of a kind that decisions depend on. */
export interface KindRules {
  readonly ownable: boolean;
  /** The properties that name an entity. The first is the name itself where entities can be renamed. Default: none. */
  readonly keyProperties?: readonly string[];
  /** See `ManifestKind`. */
  readonly renaming?: 'call' | 'anew';
  readonly tagsAfterCreate?: boolean;
  readonly usesReservedPath?: boolean;
  readonly properties: PropertyRules;
  readonly share?: ShareRules;
  readonly alsoRemoves?: AlsoRemoves;
}

/** The run that a decision is made for. */
export interface DecisionContext {
  readonly namespace: string;
  readonly partition: string;
  /** The run that would write. It becomes a tag on what the run adopts. */
  readonly intent: string;
  /** The installation that would write, for the same tag. */
  readonly installation?: string | undefined;
  /** This run created the entity: it is ours even if its Create could not carry tags. Default: false. */
  readonly made?: boolean;
  /** The namespace that claims the entity in the account's ledger, for kinds without tags. Default: null. */
  readonly claimedBy?: string | null;
}

/** A decision with everything that the kind needs to carry it out. */
export interface Assessment {
  readonly decision: Decision;
  readonly changes: Changes;
  /** All tags that the entity will have: the declared ones, and the ownership tags that the decision adds. */
  readonly tags: Readonly<Record<string, string>>;
  /** The tags make the entity this namespace's: they are written before anything else. Default: it is so already. */
  readonly takesOwnership?: boolean;
}

const NO_COMPARISON: Comparison = { drift: [], unmanaged: [], changes: {} };

/**
 * Decides what to do with one entity, from what is observed. Pure, and the only place that knows the table:
 *
 * |                  | ours   | unowned | foreign                   |
 * |------------------|--------|---------|---------------------------|
 * | `adopt: own`     | update | refuse  | refuse                    |
 * | `adopt: unowned` | update | adopt   | refuse                    |
 * | `adopt: foreign` | update | adopt   | adopt, old owner recorded |
 * | `observe: true`  | report | report  | report                    |
 *
 * `state: absent` follows the same table, with delete in place of update and adopt. `released` and `destroyed` change
 * only what is ours.
 *
 * Where other namespaces own or share an entity, a namespace only adds what it declares, and only takes its own part
 * along when it leaves. The owner of an entity may go on to declare it without `shared: true`; to any other namespace,
 * an entity that others share is foreign without it.
 *
 * The references of `spec` must be resolved. `observed` is undefined if the entity does not exist.
 */
export function assess(
  rules: KindRules,
  entity: DesiredEntity,
  spec: JsonObject,
  observed: Observed | undefined,
  context: DecisionContext,
): Assessment {
  const declared = declaredTags(spec);
  if (observed === undefined) {
    const decision = decideMissing(entity, rules.ownable ? null : otherClaimant(context));
    return { decision, changes: {}, tags: declared };
  }

  const { namespace, partition } = context;
  const { ownership, madeUntagged } = effectiveOwnership(rules, entity, observed, context);
  // A kind without tags cannot show whether it was adopted before. A retry of the first adoption is still the first.
  const isAdoptedNow = ownership.is === 'ours' && ownership.origin === 'adopted' && ownership.intent === context.intent;
  const known = (ownership.is === 'ours' && !isAdoptedNow) || entity.unmanagedAtAdoption === true;
  const others = rules.share === undefined ? [] : otherSharers(observed, namespace);
  const compared = compareWith(rules, entity, spec, observed, { context, others, known });
  const comparison = withRename(rules, entity, observed, compared);
  const isOwner = observed.tags[OwnershipTag.Namespace] === namespace;
  const situation = { rules, entity, spec, observed, ownership, isOwner, known, others, comparison };
  const decided = refuseIfProtected(decidePresent(situation), entity, observed, rules.ownable);
  const isApplied = decided.action === 'update' || decided.action === 'adopt';
  const removed = isApplied ? (rules.alsoRemoves?.(spec, observed, comparison.changes, partition) ?? []) : [];
  const unmanaged = unmanagedOf(decided, situation, isAdoptedNow);
  const kept = explainRename({ ...decided, drift: [...decided.drift, ...removed], unmanaged }, entity, observed);
  const decision = explainKept(kept, situation);
  if (decision.action === 'release') return assessRelease(rules, entity, decision, observed, namespace);
  const { intent, installation } = context;
  const claimant = { namespace, intent, installation, shared: entity.shared, protect: entity.protect };
  const tagChanges = ownershipTags(decision, situation, claimant, madeUntagged);
  const tags = { ...declared, ...tagChanges.put };
  const assessment = { ...withTagChanges(decision, comparison.changes, tags, tagChanges), tags };
  return withinTagLimit(
    decision.action === 'adopt' || madeUntagged ? { ...assessment, takesOwnership: true } : assessment,
    observed,
  );
}

/** Refuses an entity that has no room for its tags. Nothing of it may be written before its ownership is certain. */
function withinTagLimit(assessment: Assessment, observed: Observed): Assessment {
  const { decision, changes } = assessment;
  const change = changes['tags'];
  const isWritten = decision.action === 'adopt' || decision.action === 'update';
  const problem = isWritten && change !== undefined ? tagLimitProblem(observed, change) : undefined;
  return problem === undefined
    ? assessment
    : { ...assessment, decision: { ...decision, action: 'refuse', ...problem } };
}

function compareWith(
  { properties }: KindRules,
  entity: DesiredEntity,
  spec: JsonObject,
  observed: Observed,
  {
    context: { partition, intent },
    others,
    known,
  }: Pick<Situation, 'others' | 'known'> & { readonly context: DecisionContext },
): Comparison {
  if (entity.state !== 'present') return NO_COMPARISON;
  const owner = observed.tags[OwnershipTag.Namespace];
  const replaced = replacedNamespace(observed, intent);
  return compare(spec, observed, {
    rules: properties,
    partition,
    isFormer: formerMatcher(entity),
    removesUnmanaged: (property) => removesUnmanaged(entity, property) && known,
    // A previous owner that is replaced is no sharer of what follows.
    shared: entity.shared || others.some((other) => other !== owner && other !== replaced),
  });
}

/**
 * Returns the owner as far as this run is concerned. An entity that this run created without tags is ours; its tags are
 * written next. A sharer that no longer declares the entity as shared has no more right to it than any other namespace.
 */
function effectiveOwnership(
  rules: KindRules,
  { state, shared }: DesiredEntity,
  observed: Observed,
  context: DecisionContext,
): { readonly ownership: Ownership; readonly madeUntagged: boolean } {
  const { namespace, intent, made } = context;
  const claimant = rules.ownable ? null : otherClaimant(context);
  if (claimant !== null) return { ownership: { is: 'foreign', owner: claimant }, madeUntagged: false };
  const shown = ownershipOf(observed, namespace, rules.usesReservedPath);
  const untagged = rules.tagsAfterCreate === true || !rules.ownable;
  if (made === true && untagged && shown.is === 'unowned') {
    return { ownership: { is: 'ours', origin: 'created', intent }, madeUntagged: true };
  }
  const owner = observed.tags[OwnershipTag.Namespace];
  const isOwnedByOther = owner !== undefined && owner !== namespace;
  const ownership =
    shown.is === 'ours' && state === 'present' && !shared && isOwnedByOther
      ? ({ is: 'foreign', owner: nameNamespace(owner) } as const)
      : shown;
  return { ownership, madeUntagged: false };
}

/** Returns the writes with which a namespace leaves an entity that stays: its part of it, and its ownership tags. */
function assessRelease(
  { share }: KindRules,
  { state }: DesiredEntity,
  decision: Decision,
  observed: Observed,
  namespace: string,
): Assessment {
  const keepsPart = share === undefined || state === 'released';
  const part = keepsPart ? undefined : withdrawalOf(share, namespace, observed);
  const remove = ownershipTagsToRelease(namespace, observed);
  const tagDrift = remove.map((tag): Drift => ({
    path: `tags.${tag}`,
    observed: observed.tags[tag] ?? '',
    desired: null,
  }));
  const reasons = [decision.reason, part?.keptReason].filter((reason) => typeof reason === 'string');
  return {
    decision: { ...decision, drift: [...(part?.drift ?? []), ...tagDrift], reason: reasons.join('; ') },
    changes: { ...part?.changes, tags: { desired: {}, put: [], remove } },
    tags: {},
  };
}

/** Returns the other namespace, in words, that claims an entity without tags. */
function otherClaimant({ namespace, claimedBy = null }: DecisionContext): string | null {
  if (claimedBy === null || claimedBy === namespace) return null;
  return `iam-bootstrap namespace "${claimedBy}", as the ledger of the account shows`;
}

const NO_TAG_CHANGES: TagChanges = { put: {}, remove: [] };

/** Returns the ownership tags that a decision adds and removes. */
function ownershipTags(
  { action }: Decision,
  { rules, entity, spec, observed, ownership, comparison }: Situation & { readonly rules: KindRules },
  claimant: Omit<Claimant, 'claim'>,
  madeUntagged: boolean,
): TagChanges {
  if (!rules.ownable) return NO_TAG_CHANGES;
  const claim = rules.share && claimTags(rules.share, claimant.namespace, spec, observed, comparison.changes);
  switch (action) {
    case 'adopt': {
      const taken = ownershipTagsForAdoption({ ...claimant, claim }, observed, ownership);
      const { put, remove } = withProtection(taken, entity, observed);
      const baseline = { rules: rules.properties, spec, observed, comparison };
      const held = claimant.shared ? {} : { [UNMANAGED_TAG]: unmanagedAtAdoption(baseline) };
      const declared = comparison.changes['tags'];
      const change = { put: declared?.put ?? [], remove: [...(declared?.remove ?? []), ...remove] };
      return { put: withinRoom({ ...put, ...held }, Object.keys(observed.tags), change), remove };
    }
    case 'update':
    case 'no-op':
      if (ownership.is !== 'ours' || entity.state !== 'present' || entity.observe) return NO_TAG_CHANGES;
      return madeUntagged
        ? { put: createTags(rules, claimant, spec), remove: [] }
        : withProtection(ownershipTagChanges({ ...claimant, claim }, observed), entity, observed);
    default:
      return NO_TAG_CHANGES;
  }
}

/** Adds the change of the protection tag to those of the ownership tags. */
function withProtection({ put, remove }: TagChanges, { protect }: DesiredEntity, { tags }: Observed): TagChanges {
  const change = protectionTagChanges(protect, tags);
  return { put: { ...put, ...change.put }, remove: [...remove, ...change.remove] };
}

/** Returns the ownership tags of a Create. */
export function createTags(
  { share }: Pick<KindRules, 'share'>,
  claimant: Omit<Claimant, 'claim'>,
  spec: JsonObject,
): Record<string, string> {
  const claim = share && claimAtCreate(share, claimant.namespace, spec);
  const put = Object.keys(declaredTags(spec));
  return withinRoom(ownershipTagsForCreate({ ...claimant, claim }), [], { put, remove: [] });
}

/** Adds the writes of ownership tags to the changes; if there are no other writes, the decision becomes an update. */
function withTagChanges(
  decision: Decision,
  changes: Changes,
  tags: Readonly<Record<string, string>>,
  { put, remove }: TagChanges,
): Pick<Assessment, 'decision' | 'changes'> {
  if (Object.keys(put).length === 0 && remove.length === 0) return { decision, changes };
  const isProtected = Object.hasOwn(put, OwnershipTag.Protected);
  const drift =
    isProtected || remove.includes(OwnershipTag.Protected)
      ? [...decision.drift, { path: 'protect', observed: !isProtected, desired: isProtected }]
      : decision.drift;
  const change = changes['tags'];
  const merged = {
    desired: tags,
    put: [...(change?.put ?? []), ...Object.keys(put)],
    remove: [...(change?.remove ?? []), ...remove],
  };
  const reason = 'its ownership tags change to what the manifest declares';
  const written = decision.action === 'no-op' ? { ...decision, action: 'update' as const, reason } : decision;
  return { decision: { ...written, drift }, changes: { ...changes, tags: merged } };
}

/** Returns the tags that the manifest declares. */
export function declaredTags(spec: JsonObject): Record<string, string> {
  return { ...((spec['tags'] ?? {}) as Record<string, string>) };
}
