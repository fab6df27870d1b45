import type { PlannedClaim } from '../../contract/activities.js';
import { entityId, entityKeyOfId } from '../../contract/entity.js';
import type { DesiredEntity } from '../../contract/entity.js';
import type { Decision } from '../../contract/report.js';
import type { BootstrapRequest } from '../../contract/request.js';
import type { Ledgers } from '../ledger.js';
import { kindOf } from '../runtime/observe.js';

/** Returns the namespaces that claim the request's entities without tags, by `entityKey`. */
export async function readClaims(
  ledgers: Pick<Ledgers, 'entityClaims'>,
  { target, entities }: BootstrapRequest,
): Promise<ReadonlyMap<string, string>> {
  const untagged = entities.filter((entity) => !kindOf(entity).ownable);
  if (untagged.length === 0) return new Map();
  const claims = await ledgers.entityClaims(target.account, untagged.map(entityId));
  return new Map(claims.map(({ id, namespace }) => [entityKeyOfId(id), namespace]));
}

/** Returns what a run does about its claim on an entity without tags; undefined where the ledger stays as it is. */
export function plannedClaim(
  { state, observe }: DesiredEntity,
  { action }: Decision,
  namespace: string,
  claimedBy: string | null,
): PlannedClaim | undefined {
  if (observe || action === 'refuse') return undefined;
  const isOurs = claimedBy === namespace;
  if (state !== 'present') return isOurs ? { is: 'dropped' } : undefined;
  return isOurs ? undefined : { is: 'taken', replaces: claimedBy };
}
