import { entityKey, entityKeyOfId, type DesiredEntity } from '../../contract/entity.js';
import { blockedByOldName, isSameEntity, referringAfter, referringBefore } from '../../engine/renames.js';
import { KINDS } from '../../kinds/index.js';
import type { Observed } from '../../kinds/kind.js';
import { attempt, isRefusal, isRefused, type RefusedRead } from '../../aws/refused-reads.js';
import type { Account } from '../runtime/accounts.js';
import { kindOf, observeEntity, underOldName, type ObservedNamespace } from '../runtime/observe.js';

/** The state of a rename, or of what is renamed along with another entity. */
export interface Rename {
  /** The entity under the name that it had before. */
  readonly old: DesiredEntity;
  /**
   * `along`: it has the name of an entity that is still to be renamed. `beside`: both names exist. `unread`: AWS refused to
   * show one of the names, so that nothing is known.
   */
  readonly is: 'pending' | 'along' | 'beside' | 'done' | 'unread';
}

/** The renames of a request, and what the account shows of them. Keys are those of `entityKey`. */
export class Renames {
  readonly #entities: readonly DesiredEntity[];
  /** By the key of the new name. */
  readonly #renames = new Map<string, Rename>();
  /** Keys of new names by the keys of the old ones. */
  readonly #newKeys = new Map<string, string>();
  /** Entities that have the old name of one that exists, by the key of the latter. */
  readonly #beside = new Map<string, Observed>();
  /** The keys of entities that are still to be renamed, by the keys of those that refer to them. */
  readonly #referring = new Map<string, string>();

  constructor(entities: readonly DesiredEntity[]) {
    this.#entities = entities;
    for (const entity of entities) {
      const old = underOldName(entity);
      if (old !== undefined) this.#set(entityKey(entity), { old, is: 'done' });
    }
  }

  /** The renames by the key of the new name. */
  get all(): ReadonlyMap<string, Rename> {
    return this.#renames;
  }

  /** Renames that are still to be made. */
  get pending(): readonly Rename[] {
    return [...this.#renames.values()].filter(({ is }) => is === 'pending');
  }

  /** The entities under their old names. */
  get old(): readonly DesiredEntity[] {
    return [...this.#renames.values()].map(({ old }) => old);
  }

  /** Returns the old name of an entity that this run renames, or that is renamed along with another one. */
  pendingOld(entity: DesiredEntity): DesiredEntity | undefined {
    const { is, old } = this.#renames.get(entityKey(entity)) ?? {};
    return is === 'pending' || is === 'along' ? old : undefined;
  }

  /** Returns the key of an entity that is still to be renamed, and that another one refers to. */
  referredBy(key: string): string | undefined {
    return this.#referring.get(key);
  }

  /** Returns the rename of an entity by the key of its old name. */
  find(oldKey: string): Rename | undefined {
    return this.#renames.get(this.#newKeys.get(oldKey) ?? '');
  }

  /**
   * Returns what was read, with each entity that is still to be renamed under its new name. What refers to it is read by
   * the old name: the access key of a user that is renamed would seem to be missing, and another one would be made.
   */
  async follow(
    account: Account,
    { observed: read, lookedFor, ...found }: ObservedNamespace,
  ): Promise<ObservedNamespace> {
    const observed = new Map(read);
    const unread = new Map(found.unread);
    for (const [key, { old }] of this.#renames) {
      const refused = unread.get(key) ?? unread.get(entityKey(old));
      if (refused !== undefined) {
        unread.set(key, refused);
        observed.delete(key);
        observed.delete(entityKey(old));
        this.#set(key, { old, is: 'unread' });
        continue;
      }
      const [present, shown] = [observed.get(key), observed.get(entityKey(old))];
      if (shown === undefined) continue;
      observed.delete(entityKey(old));
      if (present === undefined) {
        observed.set(key, shown);
        this.#set(key, { old, is: 'pending' });
      } else if (!isSameEntity(present, shown)) {
        this.#beside.set(key, shown);
        this.#set(key, { old, is: 'beside' });
      }
    }
    for (const entity of this.#entities) this.#failReferring(entity, unread);
    if (this.pending.length > 0) {
      await Promise.all(this.#entities.map((entity) => this.#readReferring(account, entity, { observed, unread })));
    }
    return { observed, lookedFor, unread };
  }

  /** Counts as unread what refers to an entity whose old name was not read: it may exist under that name. */
  #failReferring(entity: DesiredEntity, unread: Map<string, RefusedRead>): void {
    const keys = (kindOf(entity).references?.(entity.spec) ?? []).map(entityKeyOfId);
    const unknown = keys.find((key) => this.#renames.get(key)?.is === 'unread');
    const refused = unread.get(unknown ?? '');
    if (refused !== undefined && kindOf(entity).isDeletedWithReference === true) unread.set(entityKey(entity), refused);
  }

  #set(key: string, rename: Rename): void {
    this.#renames.set(key, rename);
    this.#newKeys.set(entityKey(rename.old), key);
  }

  async #readReferring(
    account: Account,
    entity: DesiredEntity,
    { observed, unread }: { readonly observed: Map<string, Observed>; readonly unread: Map<string, RefusedRead> },
  ): Promise<void> {
    const kind = kindOf(entity);
    const keys = (kind.references?.(entity.spec) ?? []).map(entityKeyOfId);
    const names = this.#entities.flatMap((other) => {
      const rename = this.#renames.get(entityKey(other));
      const isReferred = rename?.is === 'pending' && keys.includes(entityKey(other));
      return isReferred ? [{ key: entityKey(other), old: rename.old.name, name: other.name }] : [];
    });
    const [first] = names;
    if (first === undefined) return;
    const key = entityKey(entity);
    this.#referring.set(key, first.key);
    const before = referringBefore(kind, this.#renames.get(key)?.old ?? entity, names);
    if (kind.isDeletedWithReference === true) this.#set(key, { old: before, is: 'along' });
    const shown = await attempt(() => observeEntity(account, before), isRefusal);
    if (isRefused(shown)) unread.set(key, shown);
    else if (shown !== undefined)
      observed.set(key, referringAfter(kind, entity, shown, { names, target: account.target }));
  }

  /** Returns an entity as it was read. It is blocked where the one that it is to be renamed from exists beside it. */
  shown(
    entity: DesiredEntity,
    observed: Observed | undefined,
    isOurs: (entity: DesiredEntity, observed: Observed) => boolean,
  ): Observed | undefined {
    const key = entityKey(entity);
    const [beside, old] = [this.#beside.get(key), this.#renames.get(key)?.old];
    if (observed === undefined || beside === undefined || old === undefined) return observed;
    // It was renamed long ago, and another owner has made one of the old name since.
    if (isOurs(entity, observed) && !isOurs(old, beside)) return observed;
    return blockedByOldName(entity.kind, observed, beside);
  }
}

/** Returns what AWS may rename with an entity, whether the manifest declares it or not: the login profile of a user. */
export function renamedWith({ kind, name }: DesiredEntity): readonly Pick<DesiredEntity, 'kind' | 'name'>[] {
  return KINDS.filter((other) => other.isDeletedWithReference === true && other.dependsOnKinds.includes(kind)).map(
    (other) => ({ kind: other.name, name }),
  );
}
