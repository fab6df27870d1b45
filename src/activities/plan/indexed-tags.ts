import { log } from '@temporalio/activity';
import type { DesiredEntity } from '../../contract/entity.js';
import type { EntityRuns } from '../entity-runs.js';
import type { Account } from '../runtime/accounts.js';
import { kindOf } from '../runtime/observe.js';
import { lockOf } from './entity-lock.js';

/** The access to recently changed entities. */
export type ChangedEntities = Pick<EntityRuns, 'recentlyChanged'>;

/**
 * Returns which entities' tags a plan may take from the tag index, which may be behind IAM: those that it most likely
 * leaves as they are, and that no run has changed recently. An index from before a change shows the old tags, and a
 * manifest that goes back to them would count as applied. Undefined if no entity qualifies.
 */
export async function chooseIndexedTags(
  { clients: { tagIndex }, target: { account } }: Pick<Account, 'clients' | 'target'>,
  entityRuns: ChangedEntities,
  entities: readonly DesiredEntity[],
): Promise<((entity: DesiredEntity) => boolean) | undefined> {
  const candidates = new Set(entities.filter(isLeftAlone));
  if (candidates.size < 2 || !tagIndex.isInUse()) return undefined;
  const kinds = [...new Set([...candidates].map(({ kind }) => kind))];
  try {
    const changed = new Set((await Promise.all(kinds.map((kind) => entityRuns.recentlyChanged(account, kind)))).flat());
    return (entity) => candidates.has(entity) && !changed.has(lockOf(account, entity));
  } catch (error) {
    log.warn('Reading tags from IAM one by one: cannot list recently changed entities', { error: String(error) });
    return undefined;
  }
}

/** Reports whether an entity has tags in the index, and nothing but their difference would make the plan write to it. */
function isLeftAlone(entity: DesiredEntity): boolean {
  const { state, renamedFrom, replace, orphan } = entity;
  if (state !== 'present' || renamedFrom !== undefined || replace === true || orphan !== undefined) return false;
  return kindOf(entity).confirmTags !== undefined;
}
