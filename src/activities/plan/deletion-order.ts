import { isWrite } from '../../contract/actions.js';
import { entityId } from '../../contract/entity.js';
import { withDecision, withDependencies, type AssessedEntity } from './assessed-entity.js';
import { isDeleted } from './detachment.js';
import { isUnread } from './unread-entities.js';

/** Orders a deletion whose kind cannot list dependents after all changes of the kinds that may depend on it. */
export function deleteLast(entities: readonly AssessedEntity[]): readonly AssessedEntity[] {
  return entities.map((assessed) => {
    if (!isDeleted(assessed) || assessed.kind.listDependents !== undefined) return assessed;
    const dependents = entities.flatMap((other, index) => {
      const { action } = other.planned.decision;
      const mayDepend = other.kind.dependsOnKinds.includes(assessed.entity.kind);
      // Nothing shows whether one that could not be read depends on it.
      const isChanged = (isWrite(action) && action !== 'create') || isUnread(other.planned);
      return other !== assessed && mayDepend && isChanged ? [index] : [];
    });
    return withDependencies(assessed, dependents);
  });
}

/** Notes on an entity that is kept what it loses with an entity that is deleted: an access key goes with its user. */
export function noteCascade(assessed: AssessedEntity, entities: readonly AssessedEntity[]): AssessedEntity {
  const { kind, entity, spec, planned } = assessed;
  const { action, reason } = planned.decision;
  if (entity.state !== 'destroyed' || action !== 'no-op' || reason === null) return assessed;
  const references = new Set((kind.references?.(spec) ?? []).map((id) => id.toLowerCase()));
  const deleted = entities.filter((other) => isDeleted(other) && references.has(entityId(other.entity).toLowerCase()));
  if (deleted.length === 0) return assessed;
  const ids = deleted.map((other) => entityId(other.entity)).join(', ');
  return withDecision(assessed, { reason: `${reason}; what belongs to ${ids} is deleted with it` });
}
