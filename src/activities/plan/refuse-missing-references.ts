import { isWrite } from '../../contract/actions.js';
import { entityKey, entityKeyOfId } from '../../contract/entity.js';
import { referencesIn } from '../../engine/references.js';
import { withDecision, type AssessedEntity } from './assessed-entity.js';
import { isUnread } from './unread-entities.js';

/** Refuses entities that refer to one that does not exist and that no run creates, because it is only observed. */
export function refuseMissingReferences(entities: readonly AssessedEntity[]): readonly AssessedEntity[] {
  const isMissing = ({ entity, observed, planned }: AssessedEntity): boolean =>
    entity.state === 'present' && entity.observe && observed === undefined && !isUnread(planned);
  const missing = new Set(entities.filter(isMissing).map(({ entity }) => entityKey(entity)));
  if (missing.size === 0) return entities;
  return entities.map((assessed) => {
    const { entity, kind, planned } = assessed;
    const referred =
      entity.state === 'present' ? [...referencesIn(entity.spec), ...(kind.references?.(entity.spec) ?? [])] : [];
    const ids = [...new Set(referred.filter((id) => missing.has(entityKeyOfId(id))))];
    if (ids.length === 0 || !isWrite(planned.decision.action)) return assessed;
    return withDecision(assessed, {
      action: 'refuse',
      reason: `refers to ${ids.join(', ')}, which does not exist and, with observe: true, is not created`,
      remedy: `create ${ids.join(', ')} first, remove observe: true from it, or remove the reference`,
    });
  });
}
