import { entityId } from '../contract/entity.js';
import type { DesiredEntity, JsonObject } from '../contract/entity.js';
import type { Decision, Drift } from '../contract/report.js';
import { compare } from './compare.js';
import type { Changes, Comparison, Observed, PropertyRules } from './compare.js';
import { marksOfAdoption, otherSharers, ownershipOf } from './ownership.js';
import type { Ownership } from './ownership.js';

/** What the rules need to know of a kind. */
export interface KindRules {
  readonly ownable: boolean;
  readonly properties: PropertyRules;
}

/** Who asks, and for whom. */
export interface DecisionContext {
  readonly namespace: string;
  readonly partition: string;
  /** Run that would write: becomes a mark on what it adopts. */
  readonly intent: string;
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

const NOTHING: Comparison = { drift: [], undeclared: [], changes: {} };

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
 * foreign to a declaration that does not share it.
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

  const ownership = ownershipOf(observed, context.namespace);
  const ours = ownership.is === 'ours' || !rules.ownable;
  const comparison =
    entity.state === 'absent'
      ? NOTHING
      : compare(spec, observed, {
          rules: rules.properties,
          partition: context.partition,
          // The first adoption of an entity takes nothing away from it.
          removesUndeclared: (property) => removesUndeclared(entity, property) && ours,
          shared: entity.shared,
        });
  const others = otherSharers(observed, context.namespace);
  const decision = decidePresent(rules, entity, observed, ownership, others, comparison);
  if (decision.action !== 'adopt' || !rules.ownable) {
    return { decision, changes: comparison.changes, tags: declared, others };
  }
  const marks = marksOfAdoption(context.namespace, context.intent, entity.shared, observed, ownership);
  const tags = { ...declared, ...marks };
  const change = comparison.changes['tags'];
  const put = [...(change?.put ?? []), ...Object.keys(marks)];
  return {
    decision,
    changes: { ...comparison.changes, tags: { desired: tags, put, remove: change?.remove ?? [] } },
    tags,
    others,
  };
}

function removesUndeclared({ undeclared }: DesiredEntity, property: string): boolean {
  return (typeof undeclared === 'string' ? undeclared : undeclared[property]) === 'remove';
}

/** Tags that the manifest declares. */
export function declaredTags(spec: JsonObject): Record<string, string> {
  return { ...((spec['tags'] ?? {}) as Record<string, string>) };
}

function decideAbsent(entity: DesiredEntity): Decision {
  if (entity.state === 'absent') return decision('no-op');
  const missing: Drift = { path: '', observed: 'absent', desired: 'present', summary: 'does not exist' };
  if (entity.observe) return decision('no-op', { drift: [missing], reason: 'is only observed, and does not exist' });
  return decision('create');
}

function decidePresent(
  rules: KindRules,
  entity: DesiredEntity,
  observed: Observed,
  ownership: Ownership,
  others: readonly string[],
  comparison: Comparison,
): Decision {
  const { drift, undeclared } = comparison;
  const id = entityId(entity);
  const found = { drift, undeclared };

  if (entity.observe) {
    const excess: Drift = { path: '', observed: 'present', desired: 'absent', summary: 'exists' };
    return decision('no-op', {
      drift: entity.state === 'absent' ? [excess] : drift,
      undeclared,
      reason: 'is only observed: drift is reported, nothing is written',
    });
  }
  if (observed.name !== entity.name) {
    return decision('refuse', {
      ...found,
      reason: `the name is taken in another case: ${entity.kind}/${observed.name} (${observed.arn}); case does not tell two names apart in IAM`,
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
        : `exists, and a ${entity.kind} carries no tags that could show that this namespace made it`,
      remedy: `choose another name, or set adopt: unowned on ${id}`,
    });
  }
  if (entity.state === 'absent') {
    if (entity.shared && ownership.is !== 'ours') {
      return decision('no-op', { reason: 'is not declared by this namespace any more; others keep it' });
    }
    const provable = rules.ownable ? null : unprovable(entity.kind);
    return decision('delete', { reason: provable });
  }
  const fixed = drift.filter(({ immutable }) => immutable === true);
  if (fixed.length > 0) {
    const sides = fixed.map(
      ({ path, observed: seen, desired, summary }) =>
        summary ?? `${path} is ${JSON.stringify(seen)} and is declared as ${JSON.stringify(desired)}`,
    );
    return decision('refuse', {
      ...found,
      reason: `${sides.join('; ')}; an existing ${entity.kind} cannot be changed so`,
      remedy: `declare what is there, or choose another name, or delete ${observed.arn} first`,
    });
  }
  if (ownership.is === 'ours') return decision(drift.length > 0 ? 'update' : 'no-op', found);
  if (!rules.ownable) {
    return decision(drift.length > 0 ? 'update' : 'no-op', { ...found, reason: unprovable(entity.kind) });
  }
  return decision('adopt', {
    ...found,
    reason: ownership.is === 'foreign' ? `is taken over from ${ownership.owner}` : 'exists and shows no owner',
  });
}

function unprovable(kind: string): string {
  return `a ${kind} carries no tags: ownership cannot be proven`;
}

function decision(action: Decision['action'], rest: Partial<Decision> = {}): Decision {
  return { action, drift: [], undeclared: [], reason: null, remedy: null, ...rest };
}
