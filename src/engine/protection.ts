import { REMOVAL_ACTIONS } from '../contract/actions.js';
import { entityId, type DesiredEntity } from '../contract/entity.js';
import type { Decision } from '../contract/report.js';
import type { Observed } from './comparison.js';
import { OwnershipTag, type TagChanges } from './ownership.js';

type Protectable = Pick<DesiredEntity, 'kind' | 'name' | 'protect' | 'orphan'>;

/** Reports whether the tag of an entity forbids its deletion, whatever a manifest declares. */
export function hasProtectionTag({ tags }: Pick<Observed, 'tags'>): boolean {
  return tags[OwnershipTag.Protected] === 'true';
}

/** Turns the deletion or replacement of a protected entity into a refusal. Other decisions stay. */
export function refuseIfProtected(
  decision: Decision,
  entity: Protectable,
  observed: Observed,
  ownable: boolean,
): Decision {
  const isTagged = hasProtectionTag(observed);
  if (!REMOVAL_ACTIONS.has(decision.action) || (entity.protect !== true && !isTagged)) return decision;
  const why = decision.action === 'replace' && decision.reason !== null ? `${decision.reason}; but ` : '';
  const source = isTagged
    ? `the tag ${OwnershipTag.Protected} on ${observed.arn}`
    : `protect: true in the manifest${entity.orphan === undefined ? '' : ' that declared it'}`;
  const reason = `${why}it is protected by ${source}, so that nothing deletes or replaces it`;
  return { ...decision, action: 'refuse', reason, remedy: unprotectRemedy(entity, ownable) };
}

/** Returns the way to remove the protection of an entity. */
export function unprotectRemedy(entity: Protectable, ownable: boolean): string {
  const id = entityId(entity);
  if (entity.orphan !== undefined && !ownable) return `keep it, or declare ${id} with state: absent`;
  return ownable
    ? `keep it, or declare ${id} as present with protect: false and apply, which removes the tag; then delete it (in a CloudFormation template: DeletionPolicy: Delete)`
    : `keep it, or remove protect: true from ${id} (in a CloudFormation template: DeletionPolicy: Retain)`;
}

/** Returns the changes of the protection tag. A manifest that leaves `protect` out changes nothing. */
export function protectionTagChanges(protect: boolean | undefined, tags: Readonly<Record<string, string>>): TagChanges {
  const isTagged = hasProtectionTag({ tags });
  if (protect === undefined || protect === isTagged) return { put: {}, remove: [] };
  return protect
    ? { put: { [OwnershipTag.Protected]: 'true' }, remove: [] }
    : { put: {}, remove: [OwnershipTag.Protected] };
}
