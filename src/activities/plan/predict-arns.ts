import { entityId, entityKey } from '../../contract/entity.js';
import type { BootstrapRequest } from '../../contract/request.js';
import type { Observed } from '../../kinds/kind.js';
import { arnOnceRenamed } from '../reconcile/desired-state.js';
import { kindOf } from '../runtime/observe.js';

/** Returns the ARN of each entity, by `Kind/name`: as observed, or as the entity will have it. */
export function predictArns(
  { entities, target }: BootstrapRequest,
  observed: ReadonlyMap<string, Observed>,
): Readonly<Record<string, string>> {
  const arns = entities.map((entity) => {
    const kind = kindOf(entity);
    const existing = observed.get(entityKey(entity));
    // A declared path decides the ARN, except of an entity that is only observed; without one, the path stays.
    const keepsPath = entity.state !== 'present' || entity.observe || entity.spec['path'] === undefined;
    const arn =
      existing === undefined || !keepsPath
        ? kind.arnOf(entity.spec, target)
        : arnOnceRenamed(kind, entity, existing, target);
    return [entityId(entity), arn];
  });
  return Object.fromEntries(arns) as Record<string, string>;
}
