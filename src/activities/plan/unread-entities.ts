import type { RefusedRead } from '../../aws/refused-reads.js';
import { isWrite } from '../../contract/actions.js';
import type { PlannedEntity } from '../../contract/activities.js';
import { entityId, type DesiredEntity, type Target } from '../../contract/entity.js';
import type { Decision, RefusedCall } from '../../contract/report.js';
import { declaredTags } from '../../engine/decide.js';
import { joinFirst } from '../../report/text.js';
import { resolvedSpec } from '../reconcile/desired-state.js';
import { kindOf } from '../runtime/observe.js';
import { unreadDecision } from '../runtime/unread.js';
import { withDecision, type AssessedEntity } from './assessed-entity.js';
import { lockOf } from './entity-lock.js';

/** Entities that a reason names. */
const MAX_NAMES = 3;

/** Reports whether an entity, or one that it needs, could not be read. */
export function isUnread({ decision }: Pick<PlannedEntity, 'decision'>): boolean {
  return decision.unread !== undefined;
}

/** Returns an entity that AWS refused to show: it has failed, and is neither written nor forgotten. */
export function unreadEntity(
  entity: DesiredEntity,
  refused: RefusedRead,
  arns: Readonly<Record<string, string>>,
  target: Target,
): AssessedEntity {
  const { kind: kindName, name } = entity;
  const spec = resolvedSpec(entity, arns);
  const decision = unreadDecision(refused, kindName, target);
  return {
    entity,
    kind: kindOf(entity),
    spec,
    observed: undefined,
    assessment: { decision, changes: {}, tags: declaredTags(spec) },
    planned: {
      kind: kindName,
      name,
      arn: arns[entityId(entity)] ?? '',
      decision,
      workflowId: lockOf(target.account, entity),
      after: [],
    },
  };
}

/** Returns the part of a decision by which an entity fails that needs others which could not be read. */
export function dependentFailure(needed: readonly Pick<AssessedEntity, 'planned'>[]): Partial<Decision> {
  const ids = joinFirst(
    needed.map(({ planned }) => entityId(planned)),
    MAX_NAMES,
  );
  const unread = needed.map(({ planned }) => planned.decision.unread).find((call) => call !== undefined);
  return {
    action: 'refuse',
    drift: [],
    reason: `waits for ${ids}, which could not be read`,
    remedy: `have ${ids} read first: see ${needed.length === 1 ? 'its' : 'their'} remedy`,
    unread: unread ?? UNKNOWN_CALL,
  };
}

const UNKNOWN_CALL: RefusedCall = { operation: null, code: 'Unknown', requestId: null };

/** Fails each entity that would be written after one that could not be read, or after another that fails so. */
export function failDependents(entities: readonly AssessedEntity[]): readonly AssessedEntity[] {
  const failing = entities.flatMap(({ planned }, index) => (isUnread(planned) ? [index] : []));
  if (failing.length === 0) return entities;
  const dependents = new Map<number, number[]>();
  for (const [index, { planned }] of entities.entries()) {
    for (const other of planned.after) dependents.set(other, [...(dependents.get(other) ?? []), index]);
  }
  const failed = [...entities];
  for (let index = failing.shift(); index !== undefined; index = failing.shift()) {
    for (const dependent of dependents.get(index) ?? []) {
      const one = failed[dependent];
      if (one === undefined || !isWrite(one.planned.decision.action)) continue;
      const needed = one.planned.after
        .flatMap((other) => failed[other] ?? [])
        .filter(({ planned }) => isUnread(planned));
      failed[dependent] = withDecision(one, dependentFailure(needed));
      failing.push(dependent);
    }
  }
  return failed;
}
