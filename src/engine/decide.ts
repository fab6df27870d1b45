import { entityId } from '../contract/entity.js';
import type { DesiredEntity, JsonObject } from '../contract/entity.js';
import type { Decision, Drift } from '../contract/report.js';
import { compare, unmanagedContent } from './compare.js';
import type { Changes, Comparison, PropertyRules } from './compare.js';
import type { Observed } from './observed.js';
import {
  ownershipTagsForAdoption,
  ownershipTagsForCreate,
  ownershipTagsToRelease,
  ownershipTagChanges,
  otherSharers,
  ownershipOf,
} from './ownership.js';
import type { Ownership } from './ownership.js';

/** What the rules need to know of a kind. */
export interface KindRules {
  readonly ownable: boolean;
  readonly tagsAfterCreate?: boolean;
  readonly usesReservedPath?: boolean;
  readonly properties: PropertyRules;
  readonly share?: { readonly claim?: (spec: JsonObject) => string };
}

/** Who asks, and for whom. */
export interface DecisionContext {
  readonly namespace: string;
  readonly partition: string;
  /** Run that would write: becomes a mark on what it adopts. */
  readonly intent: string;
  /** This run has made the entity: where the Create could carry no marks, it is ours all the same. Default: false. */
  readonly made?: boolean;
}

/** A decision with what the kind needs to carry it out. */
export interface Assessment {
  readonly decision: Decision;
  readonly changes: Changes;
  /** All tags that the entity is to have: the declared ones, and the marks that the decision adds. */
  readonly tags: Readonly<Record<string, string>>;
  /** Other namespaces that declare the same shared entity. */
  readonly others: readonly string[];
}

const NOTHING: Comparison = { drift: [], unmanaged: [], changes: {} };

/**
 * Decides for one entity, from what is there. Pure, and the only place that knows the table:
 *
 * |                  | ours   | unowned | foreign                 |
 * |------------------|--------|---------|-------------------------|
 * | `adopt: own`     | update | refuse  | refuse                  |
 * | `adopt: unowned` | update | adopt   | refuse                  |
 * | `adopt: foreign` | update | adopt   | adopt, old owner marked |
 * | `observe: true`  | report | report  | report                  |
 *
 * `state: absent` goes by the same table, with delete in place of update and adopt. What other namespaces share is
 * foreign to a declaration that does not share it. `released` and `destroyed` concern what is ours and leave the rest.
 *
 * @param spec - the entity's spec with its references resolved
 * @param observed - undefined where it does not exist
 */
export function assess(
  rules: KindRules,
  entity: DesiredEntity,
  spec: JsonObject,
  observed: Observed | undefined,
  context: DecisionContext,
): Assessment {
  const declared = declaredTags(spec);
  if (observed === undefined) return { decision: decideAbsent(entity), changes: {}, tags: declared, others: [] };

  const { namespace, intent, partition } = context;
  const claim = entity.shared ? (rules.share?.claim?.(spec) ?? '') : '';
  const shown = ownershipOf(observed, namespace, rules.usesReservedPath);
  const unmarked = rules.tagsAfterCreate === true || !rules.ownable;
  const madeUnmarked = context.made === true && unmarked && shown.is === 'unowned';
  const ownership: Ownership = madeUnmarked ? { is: 'ours', origin: 'created', intent } : shown;
  // What cannot show an owner cannot show that it was adopted before, either.
  const known = ownership.is === 'ours' || entity.unmanagedAtAdoption === true;
  const comparison =
    entity.state === 'present'
      ? compare(spec, observed, {
          rules: rules.properties,
          partition,
          removesUnmanaged: (property) => removesUnmanaged(entity, property) && known,
          shared: entity.shared,
        })
      : NOTHING;
  const others = otherSharers(observed, namespace);
  const decision = explainKept(
    decidePresent({ rules, entity, spec, observed, ownership, known, others, comparison }),
    entity,
    known,
    rules.ownable,
  );
  const answer = (tags: Readonly<Record<string, string>>, marks: Marks): Assessment => {
    const tagged = withMarks(decision, comparison.changes, { ...declared, ...tags }, marks);
    return { ...tagged, tags: { ...declared, ...tags }, others };
  };
  if (!rules.ownable) return answer({}, NO_MARKS);
  switch (decision.action) {
    case 'release': {
      const remove = ownershipTagsToRelease(namespace, observed);
      const given = remove.map((tag): Drift => ({
        path: `tags.${tag}`,
        observed: observed.tags[tag] ?? '',
        desired: null,
      }));
      const assessment = answer({}, { put: {}, remove });
      return { ...assessment, decision: { ...decision, drift: given } };
    }
    case 'adopt': {
      const marks = ownershipTagsForAdoption(namespace, intent, entity.shared, observed, ownership, claim);
      return answer(marks, { put: marks, remove: [] });
    }
    case 'update':
    case 'no-op': {
      if (ownership.is !== 'ours' || entity.state !== 'present' || entity.observe) return answer({}, NO_MARKS);
      if (madeUnmarked) {
        const marks = ownershipTagsForCreate(namespace, intent, entity.shared, claim);
        return answer(marks, { put: marks, remove: [] });
      }
      const marks = ownershipTagChanges(namespace, entity.shared, observed, claim);
      return answer(marks.put, marks);
    }
    default:
      return answer({}, NO_MARKS);
  }
}

interface Marks {
  readonly put: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}
const NO_MARKS: Marks = { put: {}, remove: [] };

/** Adds the writes of marks to the changes; where they are all that there is to write, that is an update too. */
function withMarks(
  decision: Decision,
  changes: Changes,
  tags: Readonly<Record<string, string>>,
  { put, remove }: Marks,
): Pick<Assessment, 'decision' | 'changes'> {
  if (Object.keys(put).length === 0 && remove.length === 0) return { decision, changes };
  const change = changes['tags'];
  const merged = {
    desired: tags,
    put: [...(change?.put ?? []), ...Object.keys(put)],
    remove: [...(change?.remove ?? []), ...remove],
  };
  const mended: Decision =
    decision.action === 'no-op'
      ? { ...decision, action: 'update', reason: 'its marks of ownership are to say what is declared' }
      : decision;
  return { decision: mended, changes: { ...changes, tags: merged } };
}

/** Says why what is unmanaged stays where the manifest says remove: a first adoption takes nothing away. */
function explainKept(decision: Decision, entity: DesiredEntity, known: boolean, ownable: boolean): Decision {
  const kept = decision.unmanaged.some((line) => removesUnmanaged(entity, line.slice(0, line.indexOf(':'))));
  if (known || !kept || decision.action === 'refuse' || entity.observe) return decision;
  const why = ownable
    ? 'a first adoption removes nothing that is unmanaged, unless --remove-unmanaged is given'
    : 'unmanaged: remove holds only with --remove-unmanaged, for nothing shows whether this is the first adoption';
  return { ...decision, reason: decision.reason === null ? why : `${decision.reason}; ${why}` };
}

function removesUnmanaged({ unmanaged }: DesiredEntity, property: string): boolean {
  return (typeof unmanaged === 'string' ? unmanaged : (unmanaged[property] ?? unmanaged['*'])) === 'remove';
}

/** Tags that the manifest declares. */
export function declaredTags(spec: JsonObject): Record<string, string> {
  return { ...((spec['tags'] ?? {}) as Record<string, string>) };
}

function decideAbsent(entity: DesiredEntity): Decision {
  if (entity.state !== 'present') return decision('no-op');
  const missing: Drift = { path: '', observed: 'absent', desired: 'present', summary: 'does not exist' };
  if (entity.observe) return decision('no-op', { drift: [missing], reason: 'is only observed, and does not exist' });
  return decision('create');
}

interface Situation {
  readonly rules: KindRules;
  readonly entity: DesiredEntity;
  readonly spec: JsonObject;
  readonly observed: Observed;
  readonly ownership: Ownership;
  /** It was ours before this run, or what is unmanaged may go all the same. */
  readonly known: boolean;
  readonly others: readonly string[];
  readonly comparison: Comparison;
}

/** How the reason of a refusal begins where a name is taken in another case. */
export const OTHER_CASE = 'the name is taken in another case';

function decidePresent(situation: Situation): Decision {
  const { rules, entity, observed, ownership, others, comparison } = situation;
  const { drift, unmanaged } = comparison;
  const id = entityId(entity);
  const found = { drift, unmanaged };

  if (entity.observe) {
    const excess: Drift = { path: '', observed: 'present', desired: 'absent', summary: 'exists' };
    return decision('no-op', {
      drift: entity.state === 'present' ? drift : [excess],
      unmanaged,
      reason: 'is only observed: drift is reported, nothing is written',
    });
  }
  if (entity.state === 'released' || entity.state === 'destroyed') return decideLeaving(situation);
  if (observed.name !== entity.name) {
    return decision('refuse', {
      ...found,
      reason: `${OTHER_CASE}: ${entity.kind}/${observed.name} (${observed.arn}); case does not tell two names apart in IAM`,
      remedy: `write the name as ${observed.name}, or choose another`,
    });
  }
  if (ownership.is === 'foreign' && entity.adopt !== 'foreign') {
    return decision('refuse', {
      ...found,
      reason: `belongs to ${ownership.owner}`,
      remedy: `choose another name, have its owner release it, or take it over with --adopt foreign:${id}`,
    });
  }
  if (others.length > 0 && !entity.shared && entity.adopt !== 'foreign') {
    return decision('refuse', {
      ...found,
      reason: `is shared with ${others.map((sharer) => `namespace "${sharer}"`).join(', ')}, and is declared here as if it were not`,
      remedy: `set shared: true on ${id}, or take it over with --adopt foreign:${id}`,
    });
  }
  if (ownership.is === 'unowned' && entity.adopt === 'own') {
    return decision('refuse', {
      ...found,
      reason: rules.ownable
        ? 'exists and shows no owner, and adopt: own takes only what this namespace made'
        : `exists, and ${withArticle(entity.kind)} carries no tags that could show that this namespace made it`,
      remedy: `choose another name, or set adopt: unowned on ${id}`,
    });
  }
  if (entity.state === 'absent') {
    if (entity.shared && ownership.is !== 'ours') {
      return decision('no-op', { reason: 'is not declared by this namespace any more; others keep it' });
    }
    if (entity.shared && ownership.is === 'ours' && ownership.origin === 'adopted') {
      return decision('release', { reason: 'was adopted and not made here: it is given up, and stays' });
    }
    if (entity.shared && others.length > 0) return decision('delete', { reason: withdrawn(others) });
    const provable = rules.ownable ? null : unprovable(entity.kind);
    return decision('delete', { reason: provable });
  }
  const fixed = drift.filter(({ immutable }) => immutable === true);
  if (fixed.length > 0) return decideFixed(situation, fixed);
  if (ownership.is === 'ours') return decision(drift.length > 0 ? 'update' : 'no-op', found);
  if (!rules.ownable) {
    return decision(drift.length > 0 ? 'update' : 'no-op', { ...found, reason: unprovable(entity.kind) });
  }
  return decision('adopt', {
    ...found,
    reason: ownership.is === 'foreign' ? `is taken over from ${ownership.owner}` : 'exists and shows no owner',
  });
}

/** What AWS cannot change: refused with both sides and the ways out, or replaced where that is asked for. */
function decideFixed(situation: Situation, fixed: readonly Drift[]): Decision {
  const { rules, entity, spec, observed, ownership, known, comparison } = situation;
  const found = { drift: comparison.drift, unmanaged: comparison.unmanaged };
  const sides = fixed
    .map(
      ({ path, observed: seen, desired, summary }) =>
        summary ?? `${path} is ${JSON.stringify(seen)} and is declared as ${JSON.stringify(desired)}`,
    )
    .join('; ');
  if (entity.replace !== true) {
    const removable = !known && fixed.some(({ path }) => removesUnmanaged(entity, path));
    const way = removable ? 'give --remove-unmanaged to have what is unmanaged removed, ' : '';
    return decision('refuse', {
      ...found,
      reason: `${sides}; an existing ${entity.kind} cannot be changed so`,
      remedy: `${way}declare what is there, choose another name, delete ${observed.arn} first, or set replace: true to have it deleted and created again`,
    });
  }
  if (ownership.is !== 'ours' && rules.ownable) {
    return decision('refuse', {
      ...found,
      reason: `${sides}; replace deletes only what this namespace owns, and this ${ownership.is === 'foreign' ? `belongs to ${ownership.owner}` : 'shows no owner'}`,
      remedy: 'declare what is there and apply, which adopts it; then declare the change again',
    });
  }
  // What stands in the way of the change itself is what is asked to be replaced.
  const asked = new Set(fixed.map(({ path }) => path));
  const lost = unmanagedContent(rules.properties, spec, observed).filter(
    ({ property }) => !asked.has(property) && !removesUnmanaged(entity, property),
  );
  if (lost.length > 0) {
    return decision('refuse', {
      ...found,
      reason: `${sides}; to replace it would lose what is not declared: ${lost.map(({ line }) => line).join(', ')}`,
      remedy: 'declare what is to stay, or set unmanaged: remove for it',
    });
  }
  return decision('replace', { ...found, reason: `${sides}: it is deleted and created again` });
}

/** `released` gives up what is ours; `destroyed` deletes what was made here and gives up what was adopted. */
function decideLeaving({ rules, entity, observed, ownership, others }: Situation): Decision {
  const destroy = entity.state === 'destroyed';
  if (observed.name !== entity.name) {
    return decision('no-op', { reason: `is left as it is: what is there is named ${observed.name}, in another case` });
  }
  if (!rules.ownable) {
    if (destroy && entity.includeAdopted === true) return decision('delete', { reason: unprovable(entity.kind) });
    const why = destroy
      ? `is left as it is: ${unprovable(entity.kind)}; --include-adopted deletes it all the same`
      : `has nothing to give up: ${withArticle(entity.kind)} carries no tags, and so no mark of ours`;
    return decision('no-op', { reason: why });
  }
  if (ownership.is !== 'ours') {
    const owner = ownership.is === 'foreign' ? `it belongs to ${ownership.owner}` : 'it shows no owner';
    return decision('no-op', { reason: `is left as it is: ${owner}` });
  }
  if (!destroy) return decision('release', { reason: 'is given up, and stays' });
  if (ownership.origin === 'adopted' && (entity.includeAdopted !== true || others.length > 0)) {
    const way = others.length > 0 ? '' : '; --include-adopted deletes it';
    return decision('release', { reason: `was adopted and not made here: it is given up, and stays${way}` });
  }
  if (others.length > 0) return decision('delete', { reason: withdrawn(others) });
  return decision('delete');
}

function unprovable(kind: string): string {
  return `${withArticle(kind)} carries no tags: ownership cannot be proven`;
}

function withArticle(kind: string): string {
  return `${/^[AEIO]/.test(kind) ? 'an' : 'a'} ${kind}`;
}

/** What a deletion is where other namespaces share the entity. */
function withdrawn(others: readonly string[]): string {
  const keep = others.map((sharer) => `namespace "${sharer}"`).join(', ');
  return `only this namespace's part is taken off: ${keep} ${others.length === 1 ? 'keeps' : 'keep'} it`;
}

function decision(action: Decision['action'], rest: Partial<Decision> = {}): Decision {
  return { action, drift: [], unmanaged: [], reason: null, remedy: null, ...rest };
}
