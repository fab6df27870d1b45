import { REMOVAL_ACTIONS } from '../../contract/actions.js';
import { strings } from '../../engine/json.js';
import type { Dependent } from '../../kinds/kind.js';
import type { AssessedEntity } from './assessed-entity.js';

/** Reports whether an entity is deleted or replaced. */
export function isRemoved({ planned }: AssessedEntity): boolean {
  return REMOVAL_ACTIONS.has(planned.decision.action);
}

/** Reports whether an entity is deleted for good. */
export function isDeleted(assessed: AssessedEntity | undefined): boolean {
  return assessed?.planned.decision.action === 'delete';
}

/** Reports whether a dependent is detached by the time that the entity is removed: by this run, or by the removal. */
export function isDetached(
  dependent: Dependent,
  planned: AssessedEntity | undefined,
  removed: AssessedEntity,
): boolean {
  if (planned === undefined) return false;
  const { action } = planned.planned.decision;
  if (action === 'delete') return true;
  const isWritten = action === 'update' || action === 'adopt';
  if (isDeleted(removed)) {
    return action === 'replace' || (isWritten && detaches(planned, removed)) || isReleased(dependent, planned);
  }
  if (dependent.detach === null || planned.entity.observe || planned.entity.state !== 'present') return false;
  if (action === 'replace') return true;
  return (action === 'no-op' || isWritten) && (declares(planned, removed) || detaches(planned, removed));
}

/** Reports whether a destroyed namespace releases a dependent, which it adopted: what is deleted is detached from it. */
export function isReleased({ detach }: Dependent, planned: AssessedEntity | undefined): boolean {
  if (detach === null || planned?.entity.state !== 'destroyed') return false;
  return planned.planned.decision.action === 'release';
}

/** Reports whether the changes of an entity detach another one from it. */
function detaches({ kind, observed, assessment }: AssessedEntity, other: AssessedEntity): boolean {
  const isOther = matcherOf(other, other.observed?.arn);
  return Object.entries(assessment.changes).some(([property, { remove }]) => {
    const isValue = kind.properties[property]?.type === 'value' && observed?.state[property] === other.observed?.arn;
    return isValue || remove.some(isOther);
  });
}

/** Reports whether the manifest declares that another entity is attached, by the ARN that it will have or by its name. */
function declares({ kind, spec }: AssessedEntity, other: AssessedEntity): boolean {
  const isOther = matcherOf(other, other.planned.arn);
  return Object.entries(kind.properties).some(
    ([property, { type }]) => type === 'set' && strings(spec[property]).some(isOther),
  );
}

/** Returns a predicate for the values by which an attachment names an entity: its ARN, or its name. */
export function matcherOf({ entity }: AssessedEntity, arn: string | undefined): (member: string) => boolean {
  return (member) => member === arn || member.toLowerCase() === entity.name.toLowerCase();
}

/** Reports whether this run removes an entity, or writes it so that it names the provider no more. */
export function isTrustRemoved(trusting: AssessedEntity | undefined, arn: string): boolean {
  if (trusting === undefined) return false;
  const { action } = trusting.planned.decision;
  if (action === 'delete') return true;
  const isWritten = action === 'update' || action === 'adopt' || action === 'replace';
  return isWritten && !JSON.stringify(trusting.spec).includes(JSON.stringify(arn));
}
