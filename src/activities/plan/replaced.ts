import { entityId, entityKey, entityKeyOfId, type DesiredEntity } from '../../contract/entity.js';
import { kindOf } from '../runtime/observe.js';
import { orphanEntity } from './orphan-entity.js';
import { withDependencies, type AssessedEntity } from './assessed-entity.js';

/** Returns the entities that others of a request were made anew for, to be removed as orphans are. */
export function replacedBy(entities: readonly DesiredEntity[]): readonly DesiredEntity[] {
  return entities.flatMap((entity): readonly DesiredEntity[] => {
    const { kind, renamedFrom: name, observe } = entity;
    const { renaming, keyProperties } = kindOf(entity);
    const [property] = keyProperties;
    if (name === undefined || property === undefined || renaming !== 'anew' || observe) return [];
    const orphan = { renamedTo: entityId(entity) };
    return [orphanEntity({ kind, name, state: 'destroyed', orphan, spec: { [property]: name } })];
  });
}

/** Orders the removal of what was made anew after the new entity, and after those that refer to it. */
export function removeReplacedLast(entities: readonly AssessedEntity[]): readonly AssessedEntity[] {
  return entities.map((assessed) => {
    const { orphan } = assessed.entity;
    if (orphan?.renamedTo === undefined) return assessed;
    const [own, newKey] = [entityKey(assessed.entity), entityKeyOfId(orphan.renamedTo)];
    const before = entities.flatMap(({ entity }, index) => {
      const refers = entity.formerReferences?.some((id) => entityKeyOfId(id) === own) ?? false;
      return refers || entityKey(entity) === newKey ? [index] : [];
    });
    return withDependencies(assessed, before);
  });
}
