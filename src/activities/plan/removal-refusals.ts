import { entityId } from '../../contract/entity.js';
import type { EntityClaim } from '../../contract/entity-claims.js';
import type { Decision } from '../../contract/report.js';
import type { Dependent } from '../../kinds/kind.js';
import type { AssessedEntity } from './assessed-entity.js';

/** The part of a decision that a refusal changes. */
type Refusal = Pick<Decision, 'action' | 'reason' | 'remedy'>;

/** Refuses the deletion of an identity provider, and names the roles that trust it. */
export function trustRefusal({ planned }: AssessedEntity, trusting: string): Refusal {
  const id = entityId(planned);
  return {
    action: 'refuse',
    reason: `cannot be deleted: it is trusted by ${trusting}, which would lose this access`,
    remedy: `change the trust first, or set deleteTrusted: true on ${id} or give --delete-trusted ${id} to delete it anyway`,
  };
}

/** Refuses the removal of an entity that AWS would delete protected ones with. */
export function protectionRefusal({ planned }: AssessedEntity, kept: readonly AssessedEntity[]): Refusal {
  const ids = kept.map(({ entity }) => entityId(entity)).join(', ');
  return {
    action: 'refuse',
    reason: `would be deleted with ${ids}, which ${kept.length === 1 ? 'is' : 'are'} protected`,
    remedy: `keep ${entityId(planned)}, or remove protect: true from ${ids}`,
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
  if (declared.some(({ entity }) => entity.state === 'destroyed')) ways.push('pass --include-adopted');
  return {
    action: 'refuse',
    reason: `cannot be ${verb}: still attached to ${ids}, which this run keeps`,
    remedy: ways.join(', or '),
  };
}
