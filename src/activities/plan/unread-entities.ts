import type { RefusedRead } from '../../aws/refused-reads.js';
import { isWrite } from '../../contract/actions.js';
import type { PlannedEntity } from '../../contract/activities.js';
import { entityId, entityKey, entityKeyOfId, type DesiredEntity, type Target } from '../../contract/entity.js';
import type { Drift, RefusedCall } from '../../contract/report.js';
import { declaredTags } from '../../engine/decide.js';
import { referencesIn } from '../../engine/references.js';
import { joinFirst } from '../../report/text.js';
import { resolvedSpec } from '../reconcile/desired-state.js';
import { fieldsOf, kindOf } from '../runtime/observe.js';
import { unreadDecision } from '../runtime/unread-decision.js';
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

/** Returns an entity that fails as it needs others which could not be read. What was read of it stays known. */
export function waitingFor(assessed: AssessedEntity, needed: readonly AssessedEntity[]): AssessedEntity {
  const { decision } = assessed.planned;
  const drift = certainDrift(assessed, needed);
  const refused = needed.flatMap(({ planned }) => planned.decision.unread ?? []);
  const { operation, code, requestId } = refused[0] ?? UNKNOWN_CALL;
  const isKnown = decision.action !== 'update' || drift.length > 0 || decision.drift.length === 0;
  const unreadItself = needed.filter(({ planned }) => planned.decision.unread?.waiting === undefined);
  const isDirect = unreadItself.length > 0;
  const ids = joinFirst(
    (isDirect ? unreadItself : needed).map(({ planned }) => entityId(planned)),
    MAX_NAMES,
  );
  return withDecision(assessed, {
    action: 'refuse',
    drift,
    reason: isDirect ? `waits for ${ids}, which could not be read` : `waits for ${ids}, which cannot be written yet`,
    remedy: `have ${ids} read first: see ${needed.length === 1 ? 'its' : 'their'} remedy`,
    unread: { operation, code, requestId, ...(isKnown ? { waiting: decision.action } : {}) },
  });
}

/** Returns the drift of an entity, but for properties that name an unread entity by an ARN that may be another one. */
function certainDrift({ entity, planned }: AssessedEntity, needed: readonly AssessedEntity[]): readonly Drift[] {
  const unsure = new Set(needed.filter(hasUnsureArn).map((other) => entityKey(other.entity)));
  if (unsure.size === 0) return planned.decision.drift;
  const isCertain = ({ path }: Drift): boolean => {
    const [property = ''] = path.split(/[.[]/);
    return !referencesIn(entity.spec[property] ?? null).some((id) => unsure.has(entityKeyOfId(id)));
  };
  return planned.decision.drift.filter(isCertain);
}

/** Reports whether nothing tells the path in the ARN of an entity: it could not be read, and declares none. */
function hasUnsureArn({ entity, planned }: AssessedEntity): boolean {
  const isDeclared = entity.spec['path'] !== undefined && !entity.observe;
  return planned.decision.unread !== undefined && !isDeclared && fieldsOf(entity).includes('path');
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
      failed[dependent] = waitingFor(one, needed);
      failing.push(dependent);
    }
  }
  return failed;
}
