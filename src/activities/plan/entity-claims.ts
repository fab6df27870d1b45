import type { PlannedClaim } from '../../contract/activities.js';
import { entityId, entityKey, entityKeyOfId } from '../../contract/entity.js';
import type { DesiredEntity } from '../../contract/entity.js';
import type { Decision } from '../../contract/report.js';
import type { BootstrapRequest } from '../../contract/request.js';
import { ownershipOf } from '../../engine/ownership.js';
import type { Observed } from '../../kinds/kind.js';
import type { Ledgers } from '../ledger.js';
import { kindOf } from '../runtime/observe.js';
import { renamedWith, type Renames } from './renames.js';

/** Returns the namespaces that claim the request's entities without tags, under new and old names, by `entityKey`. */
export async function readClaims(
  ledgers: Pick<Ledgers, 'entityClaims'>,
  { target, entities }: BootstrapRequest,
  renames: Renames,
): Promise<ReadonlyMap<string, string>> {
  const taken = renames.pending.flatMap(({ old }) => renamedWith(old));
  const untagged = [...entities, ...renames.old, ...taken].filter((entity) => !kindOf(entity).ownable);
  if (untagged.length === 0) return new Map();
  const claims = await ledgers.entityClaims(target.account, untagged.map(entityId));
  return new Map(claims.map(({ id, namespace }) => [entityKeyOfId(id), namespace]));
}

/** The claims on the entities of a request, with those on what is renamed. */
export class Claims {
  readonly namespace: string;
  readonly #renames: Renames;
  readonly #claims: ReadonlyMap<string, string>;

  constructor(namespace: string, renames: Renames, claims: ReadonlyMap<string, string>) {
    this.namespace = namespace;
    this.#renames = renames;
    this.#claims = claims;
  }

  /** Returns the namespace that claims an entity by its name, or null. */
  of(entity: { readonly kind: string; readonly name: string }): string | null {
    return this.#claims.get(entityKey(entity)) ?? null;
  }

  /** Returns the namespace that claims an entity by its name, or by the one that it has until it is renamed. */
  claimantOf(entity: DesiredEntity): string | null {
    const old = this.#renames.pendingOld(entity);
    const claimant = this.of(entity);
    const isOther = claimant !== null && claimant !== this.namespace;
    return old === undefined || isOther ? claimant : (this.of(old) ?? claimant);
  }

  /** Reports whether an entity is this namespace's, by its tags or by a claim on its name. */
  readonly isOurs = (entity: DesiredEntity, observed: Observed): boolean => {
    const { ownable, usesReservedPath } = kindOf(entity);
    return ownable
      ? ownershipOf(observed, this.namespace, usesReservedPath).is === 'ours'
      : this.of(entity) === this.namespace;
  };
}

/** Returns what a run does about its claim on an entity without tags; undefined where the ledger stays as it is. */
export function plannedClaim(
  { state, observe, adopt }: DesiredEntity,
  { action }: Decision,
  namespace: string,
  claimedBy: string | null,
): PlannedClaim | undefined {
  if (observe || action === 'refuse') return undefined;
  const isOurs = claimedBy === namespace;
  if (state !== 'present') {
    if (isOurs) return { is: 'dropped' };
    // Without an owner, the claim would refuse any namespace that declares the entity later.
    const isTaken = state === 'absent' && adopt === 'foreign' && claimedBy !== null;
    return isTaken ? { is: 'dropped', replaces: claimedBy } : undefined;
  }
  return isOurs ? undefined : { is: 'taken', replaces: claimedBy };
}
