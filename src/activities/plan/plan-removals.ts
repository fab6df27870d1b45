import { awsError } from '../../aws/errors.js';
import { attempt, isRefusal, isRefused, type RefusedRead } from '../../aws/refused-reads.js';
import { entityId, entityKey, entityKeyOfId, type Target } from '../../contract/entity.js';
import type { EntityClaim } from '../../contract/entity-claims.js';
import type { Drift } from '../../contract/report.js';
import { additionOf } from '../../engine/compare.js';
import { strings } from '../../engine/json.js';
import { KINDS } from '../../kinds/index.js';
import type { Dependent } from '../../kinds/kind.js';
import { linesOfLosses, lossOf, nameTrusting, readDeletion, type Deletion } from '../reconcile/deletion.js';
import type { Account } from '../runtime/accounts.js';
import { deleteLast, noteCascade } from './deletion-order.js';
import { withDecision, withDependencies, withPlanned, type AssessedEntity } from './assessed-entity.js';
import { isDeleted, isDetached, isReleased, isRemoved, isTrustRemoved, matcherOf } from './detachment.js';
import { isUnread, waitingFor } from './unread-entities.js';
import { unreadDecision } from '../runtime/unread-decision.js';
import { claimRefusal, protectionRefusal, refusalOf, trustRefusal } from './removal-refusals.js';

/** An entity that is to be deleted or replaced, with what its deletion takes. */
interface Removal {
  readonly index: number;
  readonly deletion: Deletion;
  readonly dependents: readonly Dependent[];
  readonly undeletableReason: string | null;
  /** AWS refused to show what the deletion takes. */
  readonly refused?: RefusedRead;
}

/**
 * Plans deletions and replacements. The plan lists each write of a deletion, so that a reviewer sees what is lost.
 * A deletion is refused where the entity is still attached to something that this run keeps. Where a replacement is
 * detached from an entity, the same run attaches it again.
 */
export async function planRemovals(
  account: Account,
  namespace: string,
  assessed: readonly AssessedEntity[],
  claimsOn: (ids: readonly string[]) => Promise<readonly EntityClaim[]>,
): Promise<readonly AssessedEntity[]> {
  const inspected = await Promise.all(
    assessed.map(async (entity, index) =>
      isRemoved(entity) ? readRemoval(account, namespace, entity, index) : undefined,
    ),
  );
  const removals = inspected.filter((removal) => removal !== undefined);
  const plan = new RemovalPlan(assessed, removals);
  plan.failUnread(account.target);
  plan.listLosses();
  plan.refuseAttached();
  plan.refuseTrusted(namespace);
  plan.refuseTakingDeclared();
  plan.refuseTakingProtected();
  await plan.refuseTakingClaimed(namespace, claimsOn);
  plan.orderDetachments(namespace);
  return deleteLast(plan.entities.map((entity) => noteCascade(entity, plan.entities)));
}

const NO_DELETION: Deletion = { writes: [], losses: [], foreignTrusting: [] };

async function readRemoval(
  account: Account,
  namespace: string,
  entity: AssessedEntity,
  index: number,
): Promise<Removal | undefined> {
  const removal = await attempt(() => inspectRemoval(account, namespace, entity, index), isRefusal);
  if (!isRefused(removal)) return removal;
  return { index, dependents: [], deletion: NO_DELETION, undeletableReason: null, refused: removal };
}

/** Reads what the deletion or replacement of an entity takes. Returns undefined where it does not exist. */
async function inspectRemoval(
  account: Account,
  namespace: string,
  { kind, observed }: AssessedEntity,
  index: number,
): Promise<Removal | undefined> {
  if (observed === undefined) return undefined;
  const removal = { index, dependents: [], deletion: NO_DELETION, undeletableReason: null };
  try {
    const dependents = (await kind.listDependents?.(account.clients.reader, observed)) ?? [];
    const deletion = await readDeletion(account, kind, observed, namespace);
    return { ...removal, dependents, deletion };
  } catch (error) {
    const aws = awsError(error);
    if (aws.code !== 'UnmodifiableEntity') throw error;
    return { ...removal, undeletableReason: aws.message };
  }
}

type EntityName = Pick<Dependent, 'kind' | 'name'>;

/** A plan whose removals are worked in, step by step. */
class RemovalPlan {
  readonly entities: AssessedEntity[];
  readonly #removals: readonly Removal[];
  readonly #positions: ReadonlyMap<string, number>;

  constructor(assessed: readonly AssessedEntity[], removals: readonly Removal[]) {
    this.entities = [...assessed];
    this.#removals = removals;
    this.#positions = new Map(assessed.map(({ entity }, index) => [entityKey(entity), index]));
  }

  /** Fails removals where AWS refused to show what they take. */
  failUnread(target: Target): void {
    for (const { index, refused } of this.#removals) {
      if (refused === undefined) continue;
      this.#change(index, (one) => withDecision(one, unreadDecision(refused, one.entity.kind, target)));
    }
  }

  /** Adds each write of a deletion to the drift of its entity. Keeps or refuses what AWS cannot delete. */
  listLosses(): void {
    for (const { index, deletion, undeletableReason, refused } of this.#removals) {
      if (refused !== undefined) continue;
      this.#change(index, (entity) =>
        undeletableReason === null ? withLosses(entity, deletion.losses) : keepUndeletable(entity, undeletableReason),
      );
    }
  }

  /** Refuses removals that a dependent prevents. A refused dependent keeps what it holds, so refusals spread. */
  refuseAttached(): void {
    for (let hasChanged = true; hasChanged;) {
      hasChanged = false;
      for (const { index, dependents } of this.#removals) {
        const removed = this.entities[index];
        if (removed === undefined || !isRemoved(removed)) continue;
        const keeping = dependents.filter((dependent) => !isDetached(dependent, this.#find(dependent), removed));
        if (keeping.length === 0) continue;
        const declared = keeping.flatMap((dependent) => this.#find(dependent) ?? []);
        const unread = declared.filter(({ planned }) => isUnread(planned));
        this.#change(index, (entity) =>
          unread.length > 0 ? waitingFor(entity, unread) : withDecision(entity, refusalOf(removed, keeping, declared)),
        );
        hasChanged = true;
      }
    }
  }

  /** Refuses removals that cut off what this namespace does not own. Those that this run changes come first. */
  refuseTrusted(namespace: string): void {
    for (const { index, deletion } of this.#removals) {
      const removed = this.entities[index];
      if (removed === undefined || !isRemoved(removed) || removed.entity.deleteTrusted === true) continue;
      const staying = deletion.foreignTrusting.filter(
        (trusting) => !isTrustRemoved(this.#find(trusting), removed.observed?.arn ?? ''),
      );
      const after = deletion.foreignTrusting.map((trusting) => this.#positionOf(trusting)).filter((at) => at >= 0);
      const declared = staying.flatMap((trusting) => this.#find(trusting) ?? []);
      const unread = declared.filter(({ planned }) => isUnread(planned));
      this.#change(index, (entity) => {
        if (staying.length === 0) return withDependencies(entity, after);
        return unread.length > 0
          ? waitingFor(entity, unread)
          : withDecision(entity, trustRefusal(entity, nameTrusting(staying, namespace)));
      });
    }
  }

  /** Refuses removals that take an entity with them which the same manifest declares as present. */
  refuseTakingDeclared(): void {
    for (const { index, deletion } of this.#removals) {
      const removed = this.entities[index];
      const taken = deletion.writes.flatMap(({ deletes }) =>
        deletes === undefined ? [] : (this.#find(deletes) ?? []),
      );
      const ids = taken.filter(({ entity }) => entity.state === 'present').map(({ entity }) => entityId(entity));
      if (removed === undefined || !isRemoved(removed) || ids.length === 0) continue;
      const reason = `would be deleted with ${ids.join(', ')}, which this manifest declares as present`;
      const remedy = `set state: absent on ${ids.join(', ')}, or keep ${entityId(removed.entity)}`;
      this.#change(index, (entity) => withDecision(entity, { action: 'refuse', reason, remedy }));
    }
  }

  /** Refuses removals that AWS would extend to a protected entity, such as the access key of a user. */
  refuseTakingProtected(): void {
    for (const { index } of this.#removals) {
      const removed = this.entities[index];
      if (removed === undefined || !isRemoved(removed)) continue;
      const kept = this.entities.filter(
        ({ entity, kind, spec, observed }) =>
          entity.protect === true &&
          kind.isDeletedWithReference === true &&
          observed !== undefined &&
          (kind.references?.(spec) ?? []).some((id) => entityKeyOfId(id) === entityKey(removed.entity)),
      );
      if (kept.length > 0) this.#change(index, (entity) => withDecision(entity, protectionRefusal(removed, kept)));
    }
  }

  /** Refuses removals that AWS would extend to what another namespace claims. The run claims the rest meanwhile. */
  async refuseTakingClaimed(
    namespace: string,
    claimsOn: (ids: readonly string[]) => Promise<readonly EntityClaim[]>,
  ): Promise<void> {
    const takings = this.#removals.flatMap(({ index }) => {
      const removed = this.entities[index];
      return removed === undefined || !isRemoved(removed) ? [] : [{ index, removed, ids: this.#takenIds(removed) }];
    });
    const asked = takings.flatMap(({ ids }) => ids);
    const claims = asked.length === 0 ? [] : await claimsOn(asked);
    const foreign = claims.filter((claim) => claim.namespace !== namespace);
    for (const { index, removed, ids } of takings) {
      const keys = new Set(ids.map(entityKeyOfId));
      const taken = foreign.filter(({ id }) => keys.has(entityKeyOfId(id)));
      if (taken.length > 0) this.#change(index, (entity) => withDecision(entity, claimRefusal(removed, taken)));
      else if (ids.length > 0) {
        const claimed = new Set(claims.map(({ id }) => entityKeyOfId(id)));
        const takes = ids.filter((id) => !claimed.has(entityKeyOfId(id)));
        this.#change(index, (entity) => withPlanned(entity, { takes }));
      }
    }
  }

  /** Returns the IDs of what AWS may delete with an entity, but for what this run may take from another namespace. */
  #takenIds({ entity: { kind, name } }: AssessedEntity): string[] {
    return [...KINDS.values()]
      .filter((other) => other.isDeletedWithReference === true && other.dependsOnKinds.includes(kind))
      .map((other) => ({ kind: other.name, name }))
      .filter((taken) => this.#find(taken)?.entity.adopt !== 'foreign')
      .map(entityId);
  }

  /**
   * Orders each removal after its dependents. Those that the removal itself is detached from come after it: they get a
   * replacement back, or are released without what is deleted.
   */
  orderDetachments(namespace: string): void {
    for (const { index, dependents } of this.#removals) {
      const removed = this.entities[index];
      if (removed === undefined || !isRemoved(removed)) continue;
      const isDetachedFrom = (dependent: Dependent): boolean =>
        isDeleted(removed) ? isReleased(dependent, this.#find(dependent)) : !isDeleted(this.#find(dependent));
      const before = dependents.filter((dependent) => !isDetachedFrom(dependent));
      const after = dependents.filter(isDetachedFrom);
      const positions = before.map((dependent) => this.#positionOf(dependent));
      this.#change(index, (entity) => withDependencies(entity, positions));
      if (after.length === 0) continue;
      this.#change(index, (entity) => withPlanned(entity, { detachable: after.map(entityId) }));
      this.#change(index, (entity) => withLosses(entity, detachmentLines(after, namespace)));
      for (const dependent of after) {
        this.#change(this.#positionOf(dependent), (entity) =>
          withDependencies(isDeleted(removed) ? entity : reattach(entity, removed), [index]),
        );
      }
    }
  }

  #positionOf(dependent: EntityName): number {
    return this.#positions.get(entityKey(dependent)) ?? -1;
  }

  #find(dependent: EntityName): AssessedEntity | undefined {
    return this.entities[this.#positionOf(dependent)];
  }

  #change(index: number, change: (entity: AssessedEntity) => AssessedEntity): void {
    const entity = this.entities[index];
    if (entity !== undefined) this.entities[index] = change(entity);
  }
}

/** Refuses what AWS cannot delete where it is declared absent, and keeps it where a whole namespace is destroyed. */
function keepUndeletable(assessed: AssessedEntity, reason: string): AssessedEntity {
  const { entity } = assessed;
  if (entity.state !== 'absent')
    return withDecision(assessed, { action: 'no-op', reason: `is left as it is: ${reason}` });
  const remedy = `remove ${entityId(entity)} from the manifest, or declare its values`;
  return withDecision(assessed, { action: 'refuse', reason, remedy });
}

function withLosses(assessed: AssessedEntity, losses: readonly Drift[]): AssessedEntity {
  return withDecision(assessed, { drift: [...assessed.planned.decision.drift, ...losses] });
}

function detachmentLines(dependents: readonly Dependent[], namespace: string): readonly Drift[] {
  return linesOfLosses(dependents.flatMap(({ detach }) => (detach === null ? [] : [lossOf(detach, namespace)])));
}

/** Turns a no-op into an update where a replaced entity has to be attached again. */
function reattach(assessed: AssessedEntity, replaced: AssessedEntity): AssessedEntity {
  const reattached = [...(assessed.reattached ?? []), ...attachmentsOf(assessed, replaced)];
  if (assessed.planned.decision.action !== 'no-op') return { ...assessed, reattached };
  const reason = `${entityId(replaced.entity)} is attached again once it is replaced`;
  return withDecision({ ...assessed, reattached }, { action: 'update', reason });
}

/** Returns the lines by which a declared entity will be attached again, as a comparison finds them. */
function attachmentsOf({ kind, spec }: AssessedEntity, other: AssessedEntity): readonly Drift[] {
  const isOther = matcherOf(other, other.planned.arn);
  return Object.entries(kind.properties).flatMap(([property, { type }]) =>
    type === 'set'
      ? strings(spec[property])
          .filter(isOther)
          .map((member) => additionOf(property, member))
      : [],
  );
}
