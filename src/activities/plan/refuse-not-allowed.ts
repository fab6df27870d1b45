import { entityId } from '../../contract/entity.js';
import { FAILURES } from '../../contract/failures.js';
import type { BootstrapRequest } from '../../contract/request.js';
import { declaredPolicies, writtenKeys } from '../../guardrails/request.js';
import type { Enforcement } from '../runtime/enforcement.js';
import { fieldsOf } from '../runtime/observe.js';
import { withDecision, withPlanned, type AssessedEntity } from './assessed-entity.js';
import { isUnread } from './unread-entities.js';

/**
 * Refuses entities that the worker's guardrails do not allow, those included that are as declared already: a manifest that
 * declares what is not allowed passes no plan.
 */
export function refuseNotAllowed(
  entities: readonly AssessedEntity[],
  request: BootstrapRequest,
  enforcement: Enforcement,
): readonly AssessedEntity[] {
  if (enforcement.guardrails === null) return entities;
  const arns = Object.fromEntries(entities.map(({ entity, planned }) => [entityId(entity), planned.arn]));
  const written = writtenKeys(request.entities);
  return entities.map((assessed) => {
    const { entity, spec } = assessed;
    // An unread entity is checked by its declared content only.
    const observed = isUnread(assessed.planned) ? undefined : (assessed.observed ?? null);
    const declared = declaredPolicies(entity, written, arns);
    const subject = { entity, spec, fields: fieldsOf(entity), observed, declaredPolicies: declared };
    const reason = enforcement.refusalOf(request, subject);
    const { unread, ...decision } = assessed.planned.decision;
    if (reason === null || (decision.action === 'refuse' && unread === undefined)) return assessed;
    return withDecision(withPlanned(assessed, { decision }), {
      action: 'refuse',
      reason: unread === undefined ? reason : `${reason}; besides, ${decision.reason ?? 'it could not be read'}`,
      remedy: FAILURES.NotAllowed.remedy,
    });
  });
}
