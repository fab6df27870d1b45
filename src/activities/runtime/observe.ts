import { sleep } from '@temporalio/activity';
import { takeSnapshot, type DetailType, type Snapshot } from '../../aws/inventory.js';
import { HIDDEN_WINDOW_MS, untilShown } from '../../aws/propagation.js';
import { entityId, entityKey, type DesiredEntity } from '../../contract/entity.js';
import { findKind } from '../../kinds/index.js';
import type { Kind, Observed } from '../../kinds/kind.js';
import type { Account } from './accounts.js';
import type { ActivityContext } from './activity-context.js';
import { failure } from './failures.js';

/** Reads many entities, in bulk or one by one, whichever takes fewer calls. The keys of the map are `entityKey`s. */
export async function observeEntities(
  account: Account,
  entities: readonly DesiredEntity[],
): Promise<ReadonlyMap<string, Observed>> {
  const kinds = [...new Set(entities.map(kindOf))];
  const snapshot = takeSnapshot({
    reader: account.clients.reader,
    types: new Set(kinds.map(({ detailType }) => detailType).filter((type): type is DetailType => type !== null)),
    budget: entities.reduce((sum, entity) => sum + kindOf(entity).readCost, 0),
    sleep,
  });
  const found = await Promise.all(
    kinds.map((kind) =>
      observeKind(
        account,
        kind,
        snapshot,
        entities.filter((entity) => entity.kind === kind.name),
      ),
    ),
  );
  return new Map(found.flat());
}

async function observeKind(
  account: Account,
  kind: Kind,
  snapshot: Snapshot,
  entities: readonly DesiredEntity[],
): Promise<readonly (readonly [string, Observed])[]> {
  const inBulk = await kind.readMany(snapshot, entities, account.target);
  if (inBulk !== undefined) {
    return [...inBulk].map(([name, observed]) => [entityKey({ kind: kind.name, name }), observed]);
  }
  const singles = await Promise.all(
    entities.map(async (entity) => ({ entity, observed: await observeEntity(account, entity) })),
  );
  return singles.flatMap(({ entity, observed }) =>
    observed === undefined ? [] : [[entityKey(entity), observed] as const],
  );
}

/** Reads one entity by its name. Returns undefined where it does not exist. */
export async function observeEntity(account: Account, entity: DesiredEntity): Promise<Observed | undefined> {
  return kindOf(entity).read(account.clients.reader, entity, account.target);
}

/**
 * Reads an entity that the plan has seen. A replica that is behind may not show it, and then it would count as gone. So
 * it is read again for some seconds, unless this activity has deleted it.
 */
export async function observeKnownEntity(
  account: Account,
  entity: DesiredEntity,
  { sent }: ActivityContext,
): Promise<Observed | undefined> {
  const read = (): Promise<Observed | undefined> => observeEntity(account, entity);
  const isDeleted = sent.some(({ operation }) => operation === `Delete${entity.kind}`);
  return isDeleted ? read() : untilShown(read, sleep, HIDDEN_WINDOW_MS);
}

/**
 * Reads an entity by its name, and then in the listings: a name in another case answers to no Get, and a policy under
 * another path has another ARN.
 */
export async function observeUnderAnyName(account: Account, entity: DesiredEntity): Promise<Observed | undefined> {
  return (await observeEntity(account, entity)) ?? (await observeEntities(account, [entity])).get(entityKey(entity));
}

/** Returns the kind of an entity. A request for a kind that this worker does not know fails for good. */
export function kindOf(entity: { readonly kind: string; readonly name: string }): Kind {
  const kind = findKind(entity.kind);
  if (kind === undefined) {
    throw failure('InvalidManifest', `${entityId(entity)}: this worker knows no kind ${entity.kind}`, {});
  }
  return kind;
}
