import type { DesiredEntity, JsonObject } from '../contract/entity.js';
import type { Decision, Drift } from '../contract/report.js';
import { compare } from './compare.js';
import type { Changes, Comparison, Observed, PropertyRules } from './comparison.js';
import { decideMissing, decidePresent, removesUnmanaged, type Situation } from './decision-rules.js';
import {
  ownershipTagsForAdoption,
  ownershipTagsForCreate,
  ownershipTagsToRelease,
  ownershipTagChanges,
  otherSharers,
  ownershipOf,
  type Ownership,
  type TagChanges,
} from './ownership.js';

/** The properties of a kind that decisions depend on. */
export interface KindRules {
  readonly ownable: boolean;
  readonly tagsAfterCreate?: boolean;
  readonly usesReservedPath?: boolean;
  readonly properties: PropertyRules;
  readonly share?: { readonly claim?: (spec: JsonObject) => string };
}

/** The run that a decision is made for. */
export interface DecisionContext {
  readonly namespace: string;
  readonly partition: string;
  /** The run that would write. It becomes a tag on what the run adopts. */
  readonly intent: string;
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
  readonly others: readonly string[];
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
 * `state: absent` follows the same table, with delete in place of update and adopt. An entity that other namespaces
 * share is foreign to a declaration without `shared: true`. `released` and `destroyed` change only what is ours.
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
    return { decision, changes: {}, tags: declared, others: [] };
  }

  const { namespace, partition } = context;
  const { ownership, madeUntagged } = effectiveOwnership(rules, observed, context);
  // A kind without tags cannot show whether it was adopted before. A retry of the first adoption is still the first.
  const isAdoptedNow = ownership.is === 'ours' && ownership.origin === 'adopted' && ownership.intent === context.intent;
  const known = (ownership.is === 'ours' && !isAdoptedNow) || entity.unmanagedAtAdoption === true;
  const comparison =
    entity.state === 'present'
      ? compare(spec, observed, {
          rules: rules.properties,
          partition,
          removesUnmanaged: (property) => removesUnmanaged(entity, property) && known,
          shared: entity.shared,
        })
      : NO_COMPARISON;
  const others = otherSharers(observed, namespace);
  const situation = { rules, entity, spec, observed, ownership, known, others, comparison };
  const decided = decidePresent(situation);
  const decision = explainKept(decided, entity, known, rules.ownable);
  const tagChanges = ownershipTags(decision, situation, context, madeUntagged);
  const tags = { ...declared, ...tagChanges.put };
  return { ...withTagChanges(decision, comparison.changes, tags, tagChanges, observed), tags, others };
}

/** An entity that this run created without tags is ours; its tags are written next. */
function effectiveOwnership(
  rules: KindRules,
  observed: Observed,
  context: DecisionContext,
): { readonly ownership: Ownership; readonly madeUntagged: boolean } {
  const { namespace, intent, made } = context;
  const owner = rules.ownable ? null : otherClaimant(context);
  if (owner !== null) return { ownership: { is: 'foreign', owner }, madeUntagged: false };
  const shown = ownershipOf(observed, namespace, rules.usesReservedPath);
  const untagged = rules.tagsAfterCreate === true || !rules.ownable;
  const madeUntagged = made === true && untagged && shown.is === 'unowned';
  return { ownership: madeUntagged ? { is: 'ours', origin: 'created', intent } : shown, madeUntagged };
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
  { rules, entity, spec, observed, ownership }: Situation & { readonly rules: KindRules },
  { namespace, intent }: DecisionContext,
  madeUntagged: boolean,
): TagChanges {
  if (!rules.ownable) return NO_TAG_CHANGES;
  const claim = entity.shared ? (rules.share?.claim?.(spec) ?? '') : '';
  switch (action) {
    case 'release':
      return { put: {}, remove: ownershipTagsToRelease(namespace, observed) };
    case 'adopt':
      return {
        put: ownershipTagsForAdoption(namespace, intent, entity.shared, observed, ownership, claim),
        remove: [],
      };
    case 'update':
    case 'no-op':
      if (ownership.is !== 'ours' || entity.state !== 'present' || entity.observe) return NO_TAG_CHANGES;
      if (madeUntagged) return { put: ownershipTagsForCreate(namespace, intent, entity.shared, claim), remove: [] };
      return ownershipTagChanges(namespace, entity.shared, observed, claim);
    default:
      return NO_TAG_CHANGES;
  }
}

/** Adds the writes of ownership tags to the changes; if there are no other writes, the decision becomes an update. */
function withTagChanges(
  decision: Decision,
  changes: Changes,
  tags: Readonly<Record<string, string>>,
  { put, remove }: TagChanges,
  observed: Observed,
): Pick<Assessment, 'decision' | 'changes'> {
  if (Object.keys(put).length === 0 && remove.length === 0) return { decision, changes };
  const change = changes['tags'];
  const merged = {
    desired: tags,
    put: [...(change?.put ?? []), ...Object.keys(put)],
    remove: [...(change?.remove ?? []), ...remove],
  };
  return { decision: explainTagChanges(decision, remove, observed), changes: { ...changes, tags: merged } };
}

function explainTagChanges(decision: Decision, remove: readonly string[], { tags }: Observed): Decision {
  switch (decision.action) {
    case 'no-op':
      return { ...decision, action: 'update', reason: 'its ownership tags change to what the manifest declares' };
    case 'release':
      return {
        ...decision,
        drift: remove.map((tag): Drift => ({ path: `tags.${tag}`, observed: tags[tag] ?? '', desired: null })),
      };
    default:
      return decision;
  }
}

/** Says why unmanaged content is kept although the manifest says remove: a first adoption removes nothing. */
function explainKept(decision: Decision, entity: DesiredEntity, known: boolean, ownable: boolean): Decision {
  const kept = decision.unmanaged.some((line) => removesUnmanaged(entity, line.slice(0, line.indexOf(':'))));
  if (known || !kept || decision.action === 'refuse' || entity.observe) return decision;
  const why = ownable
    ? 'a first adoption keeps what is unmanaged, unless --remove-unmanaged is given'
    : 'unmanaged: remove applies only with --remove-unmanaged, because nothing shows whether this is the first adoption';
  return { ...decision, reason: decision.reason === null ? why : `${decision.reason}; ${why}` };
}

/** Returns the tags that the manifest declares. */
export function declaredTags(spec: JsonObject): Record<string, string> {
  return { ...((spec['tags'] ?? {}) as Record<string, string>) };
}
