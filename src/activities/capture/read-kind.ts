import type { CompleteSnapshot } from '../../aws/inventory.js';
import { attempt, attemptEach, isRefused, type RefusedRead } from '../../aws/refused-reads.js';
import type { CapturedItem, CaptureFilter, UnreadPart } from '../../contract/capture.js';
import type { Target } from '../../contract/entity.js';
import type { Kind, ListedEntity, Observed } from '../../kinds/kind.js';
import { undefinedIfGone } from '../../kinds/shared/reads.js';
import { inBatches } from './batches.js';
import { describeLeftOut, passesUnowned } from './describe-entity.js';
import { nameTest } from './filter.js';

/** Refused entities of one kind that are named. More of them say little more, and all are in one page. */
const MAX_UNREAD_ENTITIES = 20;

/** Characters of AWS's message that are reported. */
const MAX_MESSAGE = 500;

type Found = readonly [ListedEntity, Observed];
type Refused = Pick<RefusedRead, 'message'> & { readonly name: string };

/** The entities of one kind. */
export interface ReadKind {
  readonly kind: Kind;
  readonly leftOut: readonly CapturedItem[];
  readonly found: readonly Found[];
  readonly unread: readonly UnreadPart[];
}

/** Reads all entities of a kind that match a filter. An error that passes is thrown. */
export async function readKind(
  kind: Kind,
  snapshot: CompleteSnapshot,
  target: Target,
  filter: CaptureFilter,
): Promise<ReadKind> {
  const listing = await attempt(() => kind.listAll(snapshot, target));
  if (isRefused(listing)) return { kind, leftOut: [], found: [], unread: [unreadPart(kind, null, listing)] };
  const isNamed = nameTest(filter);
  const unlisted = listing.flatMap(({ name, unread }) => (unread === undefined ? [] : [{ name, message: unread }]));
  const listed = distinct(listing.filter(({ unread }) => unread === undefined)).filter(({ name }) => isNamed(name));
  const rule = kind.leftOut?.unlessNamed === true && filter.kinds.includes(kind.name) ? undefined : kind.leftOut;
  const reasonFor = (entity: ListedEntity): string | undefined => rule?.reason ?? entity.leftOut;
  const leftOut = listed.flatMap((entity) => {
    const reason = reasonFor(entity);
    const item = reason === undefined ? undefined : describeLeftOut(kind, entity, reason, filter);
    return item === undefined ? [] : [{ entity, item }];
  });
  const wanted = listed.filter((entity) => reasonFor(entity) === undefined);
  const shown = divide(wanted, await readAll(kind, snapshot, target, wanted));
  const complete = await completeUnowned(kind, snapshot, filter, shown.found);
  const refused = [...unlisted, ...shown.refused, ...complete.refused];
  const isKindRefused = unlisted.length === 0 && refused.length === wanted.length;
  const unread = unreadOf(kind, refused, isKindRefused ? null : unlisted.length + wanted.length);
  const [used, others] = await Promise.all([
    lastUsesOf(
      kind,
      snapshot,
      complete.found.map(([entity]) => entity),
    ),
    lastUsesOf(
      kind,
      snapshot,
      leftOut.map(({ entity }) => entity),
    ),
  ]);
  return {
    kind,
    leftOut: leftOut.map(({ item }, index) => withLastUse(item, others[index])),
    found: complete.found.map(([entity, observed], index) => [entity, withLastUse(observed, used[index])]),
    unread,
  };
}

type LastUse = string | null | undefined;

/** Returns when entities were last used. What AWS refuses to tell is undefined: it leaves out a warning, and no entity. */
async function lastUsesOf(
  { readLastUse }: Kind,
  snapshot: CompleteSnapshot,
  entities: readonly ListedEntity[],
): Promise<readonly LastUse[]> {
  if (readLastUse === undefined) return [];
  const uses = await attemptEach(entities, (entity) => undefinedIfGone(() => readLastUse(snapshot, entity)));
  return uses.map((use) => (isRefused(use) ? undefined : use));
}

function withLastUse<T extends object>(shown: T, lastUsedAt: LastUse): T & { readonly lastUsedAt?: string | null } {
  return lastUsedAt === undefined ? shown : { ...shown, lastUsedAt };
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

type Read = Observed | undefined | RefusedRead;

/** Reads entities that a listing has shown, in their order; undefined for one that has gone since. */
async function readAll(
  kind: Kind,
  snapshot: CompleteSnapshot,
  target: Target,
  wanted: readonly ListedEntity[],
): Promise<readonly Read[]> {
  const { readListed } = kind;
  if (readListed !== undefined) {
    return attemptEach(wanted, (entity) => undefinedIfGone(() => readListed(snapshot, entity, target)));
  }
  const counts = countBy(wanted, ({ name }) => name.toLowerCase());
  // A bulk read gives one entity for names that differ in case only.
  const isUnique = ({ name }: ListedEntity): boolean => counts.get(name.toLowerCase()) === 1;
  const bulk = await readInBulk(kind, snapshot, target, wanted.filter(isUnique));
  const singles = bulk === undefined ? wanted : wanted.filter((entity) => !isUnique(entity));
  const read = await attemptEach(singles, (entity) =>
    undefinedIfGone(() => kind.read(snapshot.reader, entity, target)),
  );
  const bySingles = new Map(singles.map((entity, index) => [entity, read[index]]));
  return wanted.map((entity) => (bySingles.has(entity) ? bySingles.get(entity) : bulk?.get(entity.name.toLowerCase())));
}

/** Returns the entities of the account's details; undefined where AWS refuses a part of them. */
async function readInBulk(
  kind: Kind,
  snapshot: CompleteSnapshot,
  target: Target,
  wanted: readonly ListedEntity[],
): Promise<ReadonlyMap<string, Observed> | undefined> {
  const all = new Map<string, Observed>();
  for await (const batch of inBatches(wanted)) {
    const read = await attempt(() => kind.readMany(snapshot, batch, target));
    if (read === undefined || isRefused(read)) return undefined;
    for (const [name, observed] of read) all.set(name, observed);
  }
  return all;
}

/** Completes entities that show no owner, where a bulk read may hide one: a manifest must not take what another tool has. */
async function completeUnowned(
  kind: Kind,
  { reader }: CompleteSnapshot,
  filter: CaptureFilter,
  found: readonly Found[],
): Promise<Divided> {
  const { hidesOwner, readRest } = kind;
  if (hidesOwner !== true || readRest === undefined) return { found, refused: [] };
  const isUnowned = ([listed, observed]: Found): boolean =>
    passesUnowned(kind, { listed, observed, claim: null }, filter);
  const unowned = found.filter(isUnowned);
  const rest = await attemptEach(unowned, ([, observed]) => readRest(reader, observed));
  const complete = divide(
    unowned.map(([listed]) => listed),
    rest,
  );
  return { ...complete, found: [...found.filter((one) => !isUnowned(one)), ...complete.found] };
}

interface Divided {
  readonly found: readonly Found[];
  readonly refused: readonly Refused[];
}

function divide(entities: readonly ListedEntity[], read: readonly Read[]): Divided {
  const found: Found[] = [];
  const refused: Refused[] = [];
  for (const [index, entity] of entities.entries()) {
    const result = read[index];
    if (isRefused(result)) refused.push({ name: entity.name, message: result.message });
    else if (result !== undefined) found.push([entity, result]);
  }
  return { found, refused };
}

/** Returns the refused reads of a kind. Where all were refused (null of how many), or too many, the kind stands for them. */
function unreadOf(kind: Kind, refused: readonly Refused[], of: number | null): readonly UnreadPart[] {
  const [first] = refused;
  if (first === undefined) return [];
  if (of === null) return [unreadPart(kind, null, first)];
  if (refused.length <= MAX_UNREAD_ENTITIES) return refused.map((one) => unreadPart(kind, one.name, one));
  const message = `of ${String(of)} entities, ${String(refused.length)} could not be read; the first one, ${first.name}: ${first.message}`;
  return [unreadPart(kind, null, { message })];
}

function unreadPart(kind: Kind, name: string | null, { message }: Pick<RefusedRead, 'message'>): UnreadPart {
  return { kind: kind.name, name, message: message.slice(0, MAX_MESSAGE) };
}
