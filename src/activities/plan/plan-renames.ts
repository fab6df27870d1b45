import type { PlannedEntity } from '../../contract/activities.js';
import { entityId, entityKey } from '../../contract/entity.js';
import { withDecision, withDependencies, withPlanned, type AssessedEntity } from './assessed-entity.js';
import { renameRefusal } from './removal-refusals.js';
import type { Claims } from './entity-claims.js';
import { renamedWith, type Rename, type Renames } from './renames.js';

/**
 * Orders what refers to a renamed entity after it, and plans the changes of the ledgers. Refuses a rename that takes
 * along what another namespace claims. `isKnown` tells by an `entityKey` what the ledger of the namespace knows.
 */
export function planRenames(
  entities: readonly AssessedEntity[],
  renames: Renames,
  claims: Claims,
  isKnown: (key: string) => boolean,
): readonly AssessedEntity[] {
  if (renames.all.size === 0) return entities;
  const positions = new Map(entities.map(({ entity }, index) => [entityKey(entity), index]));
  return entities.map((assessed) => {
    const key = entityKey(assessed.entity);
    const referred = positions.get(renames.referredBy(key) ?? '');
    const ordered = withDependencies(assessed, [
      ...(referred === undefined ? [] : [referred]),
      ...positionsOfUsers(assessed, entities, renames),
    ]);
    const rename = renames.all.get(key);
    return rename === undefined || rename.is === 'along'
      ? ordered
      : planRename(ordered, rename, { renames, claims, isKnown });
  });
}

/** Returns the positions of orphans that refer to an entity by the name that it has until this run renames it. */
function positionsOfUsers({ entity }: AssessedEntity, entities: readonly AssessedEntity[], renames: Renames): number[] {
  const { old, is } = renames.all.get(entityKey(entity)) ?? {};
  if (old === undefined || is !== 'pending') return [];
  return entities.flatMap(({ entity: other, kind }, index) => {
    const isUser = other.orphan !== undefined && (kind.references?.(other.spec) ?? []).includes(entityId(old));
    return isUser ? [index] : [];
  });
}

function planRename(
  assessed: AssessedEntity,
  { old, is }: Rename,
  {
    renames,
    claims,
    isKnown,
  }: { readonly renames: Renames; readonly claims: Claims; readonly isKnown: (key: string) => boolean },
): AssessedEntity {
  const isPending = is === 'pending';
  const foreign = (isPending ? renamedWith(old) : []).flatMap((entity) => {
    const namespace = claims.of(entity);
    return namespace === null || namespace === claims.namespace ? [] : [{ id: entityId(entity), namespace }];
  });
  if (foreign.length > 0) return withDecision(assessed, renameRefusal(assessed, foreign));
  if (is === 'beside' || assessed.planned.decision.action === 'refuse') return assessed;
  const key = entityKey(assessed.entity);
  const along = [...renames.all].flatMap(([other, rename]) => (renames.referredBy(other) === key ? [rename.old] : []));
  const moving = isPending ? [old, ...along.filter((other) => other !== old)] : [old];
  const moved: PlannedEntity['moved'] = {
    declarations: isPending ? moving.filter((one) => isKnown(entityKey(one))).map(entityId) : [],
    claims: moving.filter((one) => claims.of(one) === claims.namespace).map(entityId),
  };
  const uniqueId = isPending ? assessed.observed?.uniqueId : undefined;
  return withPlanned(assessed, {
    ...(moved.declarations.length + moved.claims.length === 0 ? {} : { moved }),
    ...(uniqueId === undefined ? {} : { uniqueId }),
  });
}
