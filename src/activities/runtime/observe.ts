import { sleep } from '@temporalio/activity';
import { takeSnapshot, type DetailType, type Snapshot } from '../../aws/inventory.js';
import { awsError, failureTypeOf, isUnsupported } from '../../aws/errors.js';
import { HIDDEN_WINDOW_MS, untilShown } from '../../aws/propagation.js';
import { attempt, attemptEach, isRefusal, isRefused, type RefusedRead } from '../../aws/refused-reads.js';
import { entityId, entityKey, type DesiredEntity } from '../../contract/entity.js';
import { withTagKeysOf } from '../../engine/tag-keys.js';
import { findKind } from '../../kinds/index.js';
import type { Kind, Observed } from '../../kinds/kind.js';
import type { Account } from './accounts.js';
import type { ActivityContext } from './activity-context.js';
import { failure } from './failures.js';

/** The entities of a namespace that were asked for, and others that the same calls have shown. */
export interface ObservedNamespace {
  /** By `entityKey`. */
  readonly observed: ReadonlyMap<string, Observed>;
  /** The entities that were looked for and read, by `entityKey`: those that are not observed do not exist. */
  readonly lookedFor: ReadonlySet<string>;
  /** The entities that AWS refused to show, by `entityKey`. Nothing is known of them. */
  readonly unread: ReadonlyMap<string, RefusedRead>;
}

/** Reads many entities, in bulk or one by one, whichever takes fewer calls. */
export function observeEntities(
  account: Account,
  entities: readonly DesiredEntity[],
): Promise<Pick<ObservedNamespace, 'observed' | 'unread'>> {
  return observeNamespace(account, entities, [], {});
}

/** The choices of a read of a namespace. */
interface NamespaceReadOptions {
  /** Reports whether tags name the namespace. Default: none do. */
  readonly isOurs?: Snapshot['isOurs'];
  /** Reports whether tags of the index suffice for an entity. Default: tags are read from IAM. */
  readonly mayHaveIndexedTags?: (entity: DesiredEntity) => boolean;
}

/**
 * Reads entities as {@link observeEntities} does, and without a call more what bulk reads show of the orphans and of what
 * has the tags of the namespace. What AWS refuses leaves out its kind or its entity, and fails nothing else.
 *
 * @throws an error that passes
 */
export async function observeNamespace(
  account: Account,
  entities: readonly DesiredEntity[],
  orphans: readonly DesiredEntity[],
  { isOurs, mayHaveIndexedTags }: NamespaceReadOptions,
): Promise<ObservedNamespace> {
  const kinds = [...new Set(entities.map(kindOf))];
  const snapshot = takeSnapshot({
    reader: account.clients.reader,
    types: new Set(kinds.map(({ detailType }) => detailType).filter((type): type is DetailType => type !== null)),
    budget: entities.reduce((sum, entity) => sum + kindOf(entity).readCost, 0),
    isOurs,
    ...(mayHaveIndexedTags === undefined ? {} : { tagIndex: account.clients.tagIndex }),
    sleep,
  });
  const read = await Promise.all(
    kinds.map((kind) => {
      const isOfKind = (entity: DesiredEntity): boolean => entity.kind === kind.name;
      const wanted = entities
        .filter(isOfKind)
        .map((entity) => (mayHaveIndexedTags?.(entity) === true ? { ...entity, mayHaveIndexedTags: true } : entity));
      return observeKind(account, kind, snapshot, wanted, orphans.filter(isOfKind));
    }),
  );
  const unread = new Map(read.flatMap((one) => one.unread));
  const lookedFor = read.flatMap((one) => one.lookedFor).filter((key) => !unread.has(key));
  return { observed: new Map(read.flatMap((one) => one.found)), lookedFor: new Set(lookedFor), unread };
}

type Entries = readonly (readonly [string, Observed])[];

/** The entities of one kind. */
interface ReadKind {
  readonly found: Entries;
  readonly lookedFor: readonly string[];
  readonly unread: readonly (readonly [string, RefusedRead])[];
}

async function observeKind(
  account: Account,
  kind: Kind,
  snapshot: Snapshot,
  entities: readonly DesiredEntity[],
  orphans: readonly DesiredEntity[],
): Promise<ReadKind> {
  const others = kind.isReadWithOthers === true ? orphans : [];
  const all = [...entities, ...others];
  const inBulk = await attempt(() => observeInBulk(account, kind, snapshot, all), isRefusal);
  if (inBulk !== undefined && !isRefused(inBulk)) {
    return { found: inBulk, lookedFor: all.map(entityKey), unread: [] };
  }
  if (inBulk !== undefined && isUnsupported(awsError(inBulk.error))) {
    return { found: [], lookedFor: [], unread: [...entities, ...orphans].map((one) => [entityKey(one), inBulk]) };
  }
  const { observed, unread } = await observeEach(entities, (entity) => observeByName(account, entity));
  const read = { found: [...observed], lookedFor: entities.map(entityKey), unread: [...unread] };
  const [refused] = unread.values();
  if (refused === undefined || !entities.every((entity) => unread.has(entityKey(entity)))) return read;
  // Nothing of the kind can be read.
  return { ...read, unread: [...unread, ...orphans.map((one) => [entityKey(one), refused] as const)] };
}

/**
 * Refuses to plan where AWS refuses everything: of several kinds, or because it denies all.
 *
 * @throws its first refusal
 */
export function assertReadable(
  entities: readonly DesiredEntity[],
  { unread }: Pick<ObservedNamespace, 'unread'>,
): void {
  const kinds = new Set(entities.map(({ kind }) => kind)).size;
  const refusals = entities.flatMap((entity) => unread.get(entityKey(entity)) ?? []);
  if (refusals.length === 0 || refusals.length < entities.length) return;
  const isDenied = ({ error }: RefusedRead): boolean => failureTypeOf(awsError(error)) === 'AccessDenied';
  const first = refusals.find(isDenied) ?? refusals[0];
  if (first !== undefined && (kinds > 1 || refusals.every(isDenied))) throw first.error;
}

async function observeInBulk(
  account: Account,
  kind: Kind,
  snapshot: Snapshot,
  entities: readonly DesiredEntity[],
): Promise<Entries | undefined> {
  const inBulk = await kind.readMany(snapshot, entities, account.target);
  if (inBulk === undefined) return undefined;
  const wanted = new Map(entities.map((entity) => [entityKey(entity), entity]));
  return [...inBulk].map(([name, observed]) => {
    const key = entityKey({ kind: kind.name, name });
    return [key, asDeclared(observed, kind, wanted.get(key))];
  });
}

/** Reads entities one by one. The first refusals of a kind say nothing about another one. */
export async function observeEach<E extends DesiredEntity>(
  entities: readonly E[],
  read: (entity: E) => Promise<Observed | undefined>,
): Promise<Pick<ObservedNamespace, 'observed' | 'unread'>> {
  const kinds = [...new Set(entities.map(({ kind }) => kind))];
  const results = await Promise.all(
    kinds.map(async (kind) => {
      const some = entities.filter((entity) => entity.kind === kind);
      const shown = await attemptEach(some, read, isRefusal);
      return some.map((entity, index) => [entityKey(entity), shown[index]] as const);
    }),
  );
  const all = results.flat();
  return {
    observed: new Map(all.flatMap(([key, one]) => (one === undefined || isRefused(one) ? [] : [[key, one] as const]))),
    unread: new Map(all.flatMap(([key, one]) => (isRefused(one) ? [[key, one] as const] : []))),
  };
}

/** Reads one entity by its name, or else by the one that it had before. Returns undefined where it does not exist. */
export async function observeEntity(account: Account, entity: DesiredEntity): Promise<Observed | undefined> {
  const observed = await observeByName(account, entity);
  const old = observed === undefined ? underOldName(entity) : undefined;
  return old === undefined ? observed : observeByName(account, old);
}

/** Returns an entity under the name that it had before; undefined where AWS renames none of it. */
export function underOldName({ renamedFrom: name, ...entity }: DesiredEntity): DesiredEntity | undefined {
  const { renaming, keyProperties } = kindOf(entity);
  const [property] = keyProperties;
  if (name === undefined || property === undefined || renaming !== 'call') return undefined;
  return { ...entity, name, spec: { ...entity.spec, [property]: name } };
}

async function observeByName(account: Account, entity: DesiredEntity): Promise<Observed | undefined> {
  const kind = kindOf(entity);
  const observed = await kind.read(account.clients.reader, entity, account.target);
  return observed && asDeclared(observed, kind, entity);
}

/** Reads an entity's tags from IAM where the index has shown them; undefined where the entity is gone. */
export async function withConfirmedTags(
  account: Account,
  entity: DesiredEntity,
  observed: Observed,
): Promise<Observed | undefined> {
  const kind = kindOf(entity);
  const confirmed = await kind.confirmTags?.(account.clients.reader, observed);
  return confirmed && asDeclared(confirmed, kind, entity);
}

/** Returns an entity with the tag keys that the manifest has for them. */
function asDeclared(observed: Observed, kind: Kind, entity: DesiredEntity | undefined): Observed {
  return withTagKeysOf(observed, entity?.spec ?? {}, kind);
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
  const found = await observeEntity(account, entity);
  if (found !== undefined) return found;
  const { observed, unread } = await observeEntities(account, [entity]);
  const refused = unread.get(entityKey(entity));
  if (refused !== undefined) throw refused.error;
  return observed.get(entityKey(entity));
}

/** Returns the kind of an entity. A request for a kind that this worker does not know fails for good. */
export function kindOf(entity: { readonly kind: string; readonly name: string }): Kind {
  const kind = findKind(entity.kind);
  if (kind === undefined) {
    throw failure('InvalidManifest', `${entityId(entity)}: this worker knows no kind ${entity.kind}`, {});
  }
  return kind;
}

/** Returns the properties that an entity of this kind can have. */
export function fieldsOf(entity: DesiredEntity): readonly string[] {
  return Object.keys(kindOf(entity).schema.shape);
}
