import { sleep } from '@temporalio/activity';
import { type CompleteSnapshot, type DetailType, takeCompleteSnapshot } from '../../aws/inventory.js';
import type { CapturedItem, CaptureFilter, UnreadPart } from '../../contract/capture.js';
import { entityId, entityKey, entityKeyOfId } from '../../contract/entity.js';
import { KINDS } from '../../kinds/index.js';
import type { Kind, ListedEntity, Observed } from '../../kinds/kind.js';
import type { Ledgers } from '../ledger.js';
import type { Account } from '../runtime/accounts.js';
import { kindOf } from '../runtime/observe.js';
import { attempt, type RefusedRead } from '../runtime/refused-reads.js';
import { describeEntity, describeLeftOut } from './describe-entity.js';
import { nameTest } from './filter.js';

/** Refused entities of one kind that are named. More of them say little more, and all are in one page. */
const MAX_UNREAD_ENTITIES = 20;

/** Characters of AWS's message that are reported. */
const MAX_MESSAGE = 500;

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
  const snapshot = takeCompleteSnapshot({ reader: account.clients.reader, types: typesFor(kinds), sleep });
  const read = await Promise.all(kinds.map((kind) => readKind(account, kind, snapshot, filter)));
  const claims = await claimsOf(account, ledgers, read);
  return {
    items: read.flatMap(({ kind, leftOut, found }) => [
      ...leftOut,
      ...found.flatMap(([listed, observed]) => {
        const claim = claims.get(entityKey({ kind: kind.name, name: listed.name })) ?? null;
        return describeEntity(kind, { listed, observed, claim }, filter) ?? [];
      }),
    ]),
    unread: read.flatMap(({ unread }) => unread),
  };
}

/** Returns the parts of the bulk read that the kinds need. */
function typesFor(kinds: readonly Kind[]): ReadonlySet<DetailType> {
  const types = kinds.flatMap(({ detailType, listedFrom }) => [detailType, listedFrom]);
  return new Set(types.filter((type): type is DetailType => type !== null && type !== undefined));
}

/** The entities of one kind. */
interface ReadKind {
  readonly kind: Kind;
  readonly leftOut: readonly CapturedItem[];
  readonly found: readonly (readonly [ListedEntity, Observed])[];
  readonly unread: readonly UnreadPart[];
}

async function readKind(
  account: Account,
  kind: Kind,
  snapshot: CompleteSnapshot,
  filter: CaptureFilter,
): Promise<ReadKind> {
  const listing = await attempt(() => kind.listAll(snapshot, account.target));
  if ('message' in listing) return { kind, leftOut: [], found: [], unread: [unreadPart(kind, null, listing)] };
  const isNamed = nameTest(filter);
  const listed = distinct(listing).filter(({ name }) => isNamed(name));
  const rule = kind.leftOut?.unlessNamed === true && filter.kinds.includes(kind.name) ? undefined : kind.leftOut;
  const reasonFor = (entity: ListedEntity): string | undefined => rule?.reason ?? entity.leftOut;
  const leftOut = listed.flatMap((entity) => {
    const reason = reasonFor(entity);
    return reason === undefined ? [] : (describeLeftOut(kind, entity, reason, filter) ?? []);
  });
  const wanted = listed.filter((entity) => reasonFor(entity) === undefined);
  return { kind, leftOut, ...(await readListed(account, kind, snapshot, wanted)) };
}

/** Returns the entities of a listing, each under a name of its own. Where a manifest would give one to several, all are left out. */
function distinct(listing: readonly ListedEntity[]): readonly ListedEntity[] {
  const counts = countBy(listing, ({ name }) => name);
  return listing.map((entity) => {
    const { name, arn = name } = entity;
    return counts.get(name) === 1 ? entity : { ...entity, name: arn, leftOut: `a manifest names several ${name}` };
  });
}

function countBy<T>(values: readonly T[], keyOfOne: (value: T) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(keyOfOne(value), (counts.get(keyOfOne(value)) ?? 0) + 1);
  return counts;
}

/** Reads entities in bulk where that is permitted, else one by one. */
async function readListed(
  account: Account,
  kind: Kind,
  snapshot: CompleteSnapshot,
  wanted: readonly ListedEntity[],
): Promise<Pick<ReadKind, 'found' | 'unread'>> {
  if (wanted.length === 0) return { found: [], unread: [] };
  const { target, clients } = account;
  const counts = countBy(wanted, ({ name }) => name.toLowerCase());
  // A bulk read gives one entity for names that differ in case only.
  const isUnique = ({ name }: ListedEntity): boolean => counts.get(name.toLowerCase()) === 1;
  const inBulk = await attempt(() => kind.readMany(snapshot, wanted.filter(isUnique), target));
  const bulk = inBulk === undefined || 'message' in inBulk ? undefined : inBulk;
  const read = await Promise.all(
    wanted.map(async (entity) => {
      const isInBulk = bulk !== undefined && isUnique(entity);
      const observed = isInBulk
        ? bulk.get(entity.name.toLowerCase())
        : await attempt(() => kind.read(clients.reader, entity, target));
      return [entity, observed] as const;
    }),
  );
  const found = read.flatMap(([entity, observed]) =>
    observed === undefined || 'message' in observed ? [] : [[entity, observed] as const],
  );
  const refused = read.flatMap(([entity, observed]) =>
    observed !== undefined && 'message' in observed ? [[entity, observed] as const] : [],
  );
  return { found, unread: unreadOf(kind, refused, wanted.length) };
}

/** Returns the refused reads of a kind. Where all were refused, or too many, the kind stands for them. */
function unreadOf(
  kind: Kind,
  refused: readonly (readonly [ListedEntity, RefusedRead])[],
  wanted: number,
): readonly UnreadPart[] {
  const [first] = refused;
  if (first === undefined) return [];
  if (refused.length === wanted) return [unreadPart(kind, null, first[1])];
  if (refused.length <= MAX_UNREAD_ENTITIES) return refused.map(([{ name }, read]) => unreadPart(kind, name, read));
  const message = `of ${String(wanted)} entities, ${String(refused.length)} could not be read; the first one, ${first[0].name}: ${first[1].message}`;
  return [unreadPart(kind, null, { message })];
}

function unreadPart(kind: Kind, name: string | null, { message }: RefusedRead): UnreadPart {
  return { kind: kind.name, name, message: message.slice(0, MAX_MESSAGE) };
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
  const claims = await ledgers.entityClaims(target.account, ids);
  return new Map(claims.map(({ id, namespace }) => [entityKeyOfId(id), namespace]));
}
