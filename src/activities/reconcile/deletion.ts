import { entityId } from '../../contract/entity.js';
import type { Drift } from '../../contract/report.js';
import type { PlannedChange } from '../../contract/request.js';
import { ownershipOf } from '../../engine/ownership.js';
import { isShown } from '../../engine/planned-change.js';
import { hasProtectionTag } from '../../engine/protection.js';
import type { Kind, Observed, OwnedEntity, Write } from '../../kinds/kind.js';
import type { Account } from '../runtime/accounts.js';
import { describeWrite } from '../runtime/send-writes.js';

/** Everything that the deletion of an entity takes. */
export interface Deletion {
  readonly writes: readonly Write[];
  /** The deletion in lines, with the owner of each entity that goes with it, and of those that trust it. */
  readonly losses: readonly Drift[];
  /** Entities that trust it and that this namespace does not own. */
  readonly foreignTrusting: readonly OwnedEntity[];
}

/**
 * Reads what a deletion takes. An entity of another owner, or a protected one, that goes with it is detached and kept: the
 * write that would delete it is left out. So is one that the plan did not show, as only a plan knows what else is declared.
 */
export async function readDeletion(
  { clients: { reader } }: Account,
  kind: Kind,
  observed: Observed,
  namespace: string,
  planned?: PlannedChange,
): Promise<Deletion> {
  const writes = await kind.delete(reader, observed);
  const trusting = (await kind.listTrusting?.(reader, observed)) ?? [];
  const isUnseen = (write: Write): boolean =>
    planned !== undefined && !linesOfLosses([lossOf(write, namespace)]).every((line) => isShown(planned, line));
  const isKept = (write: Write): boolean => {
    const { deletes } = write;
    if (deletes === undefined) return false;
    return ownershipOf(deletes, namespace).is === 'foreign' || hasProtectionTag(deletes) || isUnseen(write);
  };
  const losses = [
    ...writes.map((write) => (isKept(write) ? keptLine(write, namespace) : lossOf(write, namespace))),
    ...trusting.map(
      (entity) => `${entityId(entity)} trusts it and loses this access (${ownerText(entity, namespace)})`,
    ),
  ];
  return {
    writes: writes.filter((write) => !isKept(write)),
    losses: linesOfLosses(losses),
    foreignTrusting: trusting.filter((entity) => ownershipOf(entity, namespace).is !== 'ours'),
  };
}

/** Returns what a deletion takes, as lines of a plan. */
export function linesOfLosses(losses: readonly string[]): readonly Drift[] {
  return losses.map((summary) => ({ path: '', observed: 'present', desired: 'absent', summary }));
}

/** Returns one write of a deletion as a line: `DetachRolePolicy deploy arn:aws:iam::aws:policy/ReadOnlyAccess`. */
export function lossOf(write: Write, namespace: string): string {
  const { deletes } = write;
  const owner = deletes === undefined ? [] : [`(${ownerText(deletes, namespace)})`];
  return [describeWrite(write), ...owner].join(' ');
}

function keptLine({ deletes }: Write, namespace: string): string {
  if (deletes === undefined) return '';
  const ownership = ownershipOf(deletes, namespace);
  const unprotected = ownership.is === 'foreign' ? `owned by ${ownership.owner}` : 'not in the plan of this deletion';
  const why = hasProtectionTag(deletes) ? 'protected' : unprotected;
  return `${entityId(deletes)} is detached and kept: it is ${why}`;
}

function ownerText(entity: OwnedEntity, namespace: string): string {
  const ownership = ownershipOf(entity, namespace);
  if (ownership.is === 'foreign') return `owned by ${ownership.owner}`;
  return ownership.is === 'ours' ? 'owned by this namespace' : 'without an owner';
}

/** Names the entities that a deletion would cut off, with their owners. */
export function nameTrusting(trusting: readonly OwnedEntity[], namespace: string): string {
  return trusting.map((entity) => `${entityId(entity)} (${ownerText(entity, namespace)})`).join(', ');
}
