import { sleep } from '@temporalio/activity';
import { takeSnapshot } from '../../aws/inventory.js';
import type { DetailType } from '../../aws/inventory.js';
import { entityId, normalizeName } from '../../contract/entity.js';
import type { DesiredEntity } from '../../contract/entity.js';
import { findKind } from '../../kinds/index.js';
import type { Kind, Observed } from '../../kinds/kind.js';
import type { Account } from './accounts.js';
import { failure } from './failures.js';

/** Reads many entities the way that costs fewer calls. Keys are `entityKey`s. */
export async function observe(
  account: Account,
  entities: readonly DesiredEntity[],
): Promise<ReadonlyMap<string, Observed>> {
  const { reader } = account.clients;
  const kinds = [...new Set(entities.map(kindOf))];
  const snapshot = takeSnapshot({
    reader,
    types: new Set(kinds.map(({ detailType: details }) => details).filter((type): type is DetailType => type !== null)),
    budget: entities.reduce((sum, entity) => sum + kindOf(entity).readCost, 0),
    sleep,
  });
  const all = await Promise.all(
    kinds.map(async (kind) => {
      const wanted = entities.filter((entity) => entity.kind === kind.name);
      const many = await kind.readMany(snapshot, wanted, account.target);
      if (many !== undefined) return [...many].map(([name, one]) => [`${kind.name}/${name}`, one] as const);
      const singles = await Promise.all(
        wanted.map(async (entity) => [entity.name, await kind.read(reader, entity, account.target)] as const),
      );
      return singles.flatMap(([name, one]) =>
        one === undefined ? [] : [[`${kind.name}/${normalizeName(name)}`, one] as const],
      );
    }),
  );
  return new Map(all.flat());
}

/** Reads one entity by its name. */
export async function look(account: Account, entity: DesiredEntity): Promise<Observed | undefined> {
  return kindOf(entity).read(account.clients.reader, entity, account.target);
}

/** The kind of an entity; a request for one that this worker does not know cannot go on. */
export function kindOf(entity: { readonly kind: string; readonly name: string }): Kind {
  const kind = findKind(entity.kind);
  if (kind === undefined) {
    throw failure('InvalidManifest', `${entityId(entity)}: this worker knows no kind ${entity.kind}`, {});
  }
  return kind;
}
