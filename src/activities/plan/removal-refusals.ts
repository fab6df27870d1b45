import type { Declaration } from '../../contract/declarations.js';
import { entityId, entityKey, entityKeyOfId, type DesiredEntity } from '../../contract/entity.js';
import type { EntityClaim } from '../../contract/entity-claims.js';
import type { Decision } from '../../contract/report.js';
import { hasProtectionTag } from '../../engine/protection.js';
import type { Dependent } from '../../kinds/kind.js';
import { kindOf } from '../runtime/observe.js';
import type { AssessedEntity } from './assessed-entity.js';

/** The part of a decision that a refusal changes. */
type Refusal = Pick<Decision, 'action' | 'reason' | 'remedy'>;

/** Refuses the deletion of an identity provider, and names the roles that trust it. */
export function trustRefusal({ entity, planned }: AssessedEntity, trusting: string): Refusal {
  const id = entityId(planned);
  // Flags are about what the manifest declares.
  const ways =
    entity.orphan === undefined
      ? `set deleteTrusted: true on ${id} or give --delete-trusted ${id}`
      : `declare ${id} with state: absent and deleteTrusted: true`;
  return {
    action: 'refuse',
    reason: `cannot be deleted: it is trusted by ${trusting}, which would lose this access`,
    remedy: `change the trust first, or ${ways} to delete it anyway`,
  };
}

/** Refuses the removal of an entity that AWS would delete protected ones with. */
export function protectionRefusal({ planned }: AssessedEntity, kept: readonly AssessedEntity[]): Refusal {
  const ids = kept.map(({ entity }) => entityId(entity)).join(', ');
  return {
    action: 'refuse',
    reason: `would be deleted with ${ids}, which ${kept.length === 1 ? 'is' : 'are'} protected`,
    remedy: `keep ${entityId(planned)}, or remove protect: true from ${ids} (in a CloudFormation template: DeletionPolicy: Retain)`,
  };
}

/** Refuses the removal of an entity that AWS would delete claimed ones of other namespaces with. */
export function claimRefusal({ planned }: AssessedEntity, claims: readonly EntityClaim[]): Refusal {
  const owned = claims.map(({ id, namespace }) => `${id}, which namespace "${namespace}" declares`).join(', and with ');
  const ids = claims.map(({ id }) => id);
  return {
    action: 'refuse',
    reason: `would be deleted with ${owned}`,
    remedy: `have its owner release ${ids.join(', ')}, keep ${entityId(planned)}, or declare ${ids.join(', ')} here with state: absent and --adopt ${ids.map((id) => `foreign:${id}`).join(',')}`,
  };
}

/** Refuses a rename that takes along what other namespaces claim. */
export function renameRefusal(
  { planned, entity }: AssessedEntity,
  claims: readonly Pick<EntityClaim, 'id' | 'namespace'>[],
): Refusal {
  const owned = claims.map(({ id, namespace }) => `${id}, which namespace "${namespace}" declares`).join(', and with ');
  return {
    action: 'refuse',
    reason: `cannot be renamed from ${String(entity.renamedFrom)}: it would be renamed with ${owned}`,
    remedy: `have its owner release ${claims.map(({ id }) => id).join(', ')}, or keep the old name of ${entityId(planned)}`,
  };
}

/** Refuses a removal, and names the dependents that this run keeps and the ways out. */
export function refusalOf(
  { planned }: AssessedEntity,
  keeping: readonly Dependent[],
  declared: readonly AssessedEntity[],
): Refusal {
  const ids = keeping.map(entityId).join(', ');
  const verb = planned.decision.action === 'delete' ? 'deleted' : 'replaced';
  const ways = [`detach ${entityId(planned)} from ${ids} first`];
  if (declared.length < keeping.length) ways.push(`declare ${keeping.length === 1 ? 'it' : 'them'} here`);
  else if (declared.every(isKeptAsAdopted)) ways.push('pass --include-adopted');
  const refused = declared.filter((one) => one.planned.decision.action === 'refuse');
  if (refused.length > 0)
    ways.push(`resolve the refusal of ${refused.map(({ entity }) => entityId(entity)).join(', ')}`);
  return {
    action: 'refuse',
    reason: `cannot be ${verb}: still attached to ${ids}, which this run keeps`,
    remedy: ways.join(', or '),
  };
}

/** Reports whether `--include-adopted` would delete a dependent that is kept: nothing else keeps it. */
function isKeptAsAdopted({ entity, kind, observed, planned: { decision } }: AssessedEntity): boolean {
  const { state, includeAdopted, orphan, protect, shared } = entity;
  if (state !== 'destroyed' || includeAdopted === true || orphan !== undefined || shared) return false;
  if (protect === true || (observed !== undefined && hasProtectionTag(observed))) return false;
  return kind.ownable ? decision.action === 'release' : decision.action === 'no-op';
}

/** Refuses to remove an orphan that only its tags show. */
export function unknownRefusal(entity: DesiredEntity, namespace: string): Refusal {
  return {
    action: 'refuse',
    reason: `is not declared here, but another manifest of namespace "${namespace}" may declare it: the ledger does not know which one did`,
    remedy: `apply the other manifests of the namespace first, declare ${entityId(entity)} here with state: absent or state: released, or give --orphans report`,
  };
}

/** Refuses to remove an orphan that declared entities still name: the group that has it as a member. Undefined if none does. */
export function referredRefusal(entity: DesiredEntity, declared: readonly DesiredEntity[]): Refusal | undefined {
  const key = entityKey(entity);
  const referring = declared.filter((other) => {
    const kind = kindOf(other);
    // What goes with an entity is looked at where the removal is planned.
    if (other.state !== 'present' || other.observe || kind.isDeletedWithReference === true) return false;
    return (kind.references?.(other.spec) ?? []).some((reference) => entityKeyOfId(reference) === key);
  });
  if (referring.length === 0) return undefined;
  const ids = referring.map(entityId).join(', ');
  return {
    action: 'refuse',
    reason: `is not declared any more, but ${ids}, which this manifest declares, ${referring.length === 1 ? 'needs' : 'need'} it`,
    remedy: `declare ${entityId(entity)} again, or take it out of ${ids}`,
  };
}

/** Refuses a rename of what another manifest of the namespace declares. */
export function holderRefusal(
  entity: DesiredEntity,
  { id, manifest, environment }: Pick<Declaration, 'id' | 'manifest' | 'environment'>,
): Refusal {
  return {
    action: 'refuse',
    reason: `${entity.orphan?.renamedTo ?? entityId(entity)} cannot be renamed from ${id}, which ${manifest} declares (environment ${environment})`,
    remedy: `remove ${id} from it and declare it here as ${id} first; then rename it`,
  };
}
