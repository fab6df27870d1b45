import { sleep } from '@temporalio/activity';
import { type DetailType, takeCompleteSnapshot } from '../../aws/inventory.js';
import type { CapturedItem, CaptureFilter, UnreadPart } from '../../contract/capture.js';
import { entityId, entityKey, entityKeyOfId } from '../../contract/entity.js';
import { KINDS } from '../../kinds/index.js';
import type { Kind } from '../../kinds/kind.js';
import type { Ledgers } from '../ledger.js';
import type { Account } from '../runtime/accounts.js';
import { kindOf } from '../runtime/observe.js';
import { inBatches } from './batches.js';
import { describeEntity } from './describe-entity.js';
import { type ReadKind, readKind } from './read-kind.js';

/** Reads in flight for one capture: half of those of an account, whose plans do not wait for all reads of a capture. */
const MAX_CONCURRENT_READS = 5;

/** Times for which the claims of the ledger are asked again, in milliseconds. All reads of AWS would be repeated otherwise. */
const CLAIMS_DELAYS_MS = [200, 1_000, 4_000];

/** The entities of an account. */
export interface ReadAccount {
  readonly items: readonly CapturedItem[];
  readonly unread: readonly UnreadPart[];
}

/**
 * Reads the account in bulk, all entities that match a filter. What AWS refuses leaves out its kind or its entity, and
 * fails nothing else.
 *
 * @throws WrongAccountError, the error of STS, or an error that passes
 */
export async function readAccount(
  account: Account,
  ledgers: Pick<Ledgers, 'entityClaims'>,
  filter: CaptureFilter,
): Promise<ReadAccount> {
  await account.guard.ensure();
  const kinds =
    filter.kinds.length === 0 ? KINDS : [...new Set(filter.kinds)].map((kind) => kindOf({ kind, name: '*' }));
  const read = await readKinds(account, kinds, filter);
  const claims = await claimsOf(account, ledgers, read);
  const items: CapturedItem[] = [];
  for (const { kind, leftOut, found } of read) {
    items.push(...leftOut);
    for await (const batch of inBatches(found)) {
      for (const [listed, observed] of batch) {
        const claim = claims.get(entityKey({ kind: kind.name, name: listed.name })) ?? null;
        const item = describeEntity(kind, { listed, observed, claim }, filter);
        if (item !== undefined) items.push(item);
      }
    }
  }
  return { items, unread: read.flatMap(({ unread }) => unread) };
}

async function readKinds(
  { clients, target }: Account,
  kinds: readonly Kind[],
  filter: CaptureFilter,
): Promise<readonly ReadKind[]> {
  const abort = new AbortController();
  const reader = clients.reader.limitedTo(MAX_CONCURRENT_READS, abort.signal);
  const snapshot = takeCompleteSnapshot({ reader, types: typesFor(kinds), sleep });
  try {
    return await Promise.all(kinds.map((kind) => readKind(kind, snapshot, target, filter)));
  } finally {
    // The attempt has failed: reads that still wait would be sent for nothing.
    abort.abort();
  }
}

/** Returns the parts of the bulk read that the kinds need. */
function typesFor(kinds: readonly Kind[]): ReadonlySet<DetailType> {
  const types = kinds.flatMap(({ detailType, listedFrom }) => [detailType, listedFrom]);
  return new Set(types.filter((type): type is DetailType => type !== null && type !== undefined));
}

/** Returns the namespaces that claim what carries no tags, by `entityKey`. */
async function claimsOf(
  { target }: Account,
  ledgers: Pick<Ledgers, 'entityClaims'>,
  read: readonly ReadKind[],
): Promise<ReadonlyMap<string, string>> {
  const ids = read.flatMap(({ kind, found }) =>
    kind.ownable ? [] : found.map(([{ name }]) => entityId({ kind: kind.name, name })),
  );
  if (ids.length === 0) return new Map();
  const claims = await withRepeats(() => ledgers.entityClaims(target.account, ids));
  return new Map(claims.map(({ id, namespace }) => [entityKeyOfId(id), namespace]));
}

async function withRepeats<T>(ask: () => Promise<T>): Promise<T> {
  for (const ms of CLAIMS_DELAYS_MS) {
    try {
      return await ask();
    } catch {
      await sleep(ms);
    }
  }
  return ask();
}
