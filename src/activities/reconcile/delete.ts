import { lateError } from '../../aws/errors.js';
import { REMOVAL_ACTIONS } from '../../contract/actions.js';
import type { ReconcileActivityResult } from '../../contract/activities.js';
import { type DesiredEntity, entityId } from '../../contract/entity.js';
import type { Decision } from '../../contract/report.js';
import type { ReconcileRequest } from '../../contract/request.js';
import { assess } from '../../engine/decide.js';
import { OwnershipTag } from '../../engine/ownership.js';
import type { Kind, Observed, Write } from '../../kinds/kind.js';
import type { Account } from '../runtime/accounts.js';
import { recordDecision, type ActivityContext } from '../runtime/activity-context.js';
import { OperationError } from '../runtime/failures.js';
import { kindOf, observeKnownEntity } from '../runtime/observe.js';
import { sendAll } from '../runtime/send-writes.js';
import { nameTrusting, readDeletion, type Deletion } from './deletion.js';
import { decisionContext, resolvedSpec } from './desired-state.js';
import { checkAgainstPlan } from './plan-check.js';
import { decisionAcrossAttempts, logRefusal, buildActivityResult } from './activity-result.js';

/** Reads the entity, decides again, and removes the entity with what it holds, for good or to be created again. */
export async function deleteEntity(
  account: Account,
  request: ReconcileRequest,
  context: ActivityContext,
): Promise<ReconcileActivityResult> {
  const { entity, target } = request;
  const kind = kindOf(entity);
  const spec = resolvedSpec(entity, request.arns);
  const observed = await observeKnownEntity(account, entity, context);
  const assessment = assess(kind, entity, spec, observed, decisionContext(request));
  const deletion =
    observed !== undefined && REMOVAL_ACTIONS.has(assessment.decision.action)
      ? await readDeletion(account, kind, observed, request.namespace)
      : undefined;
  const losses = deletion?.losses ?? [];
  const { decision, beyond } = checkAgainstPlan(request, { kind, spec, observed, assessment, losses }, context);
  recordDecision(context, decision);
  logRefusal(entity, decision);
  if (observed !== undefined && deletion !== undefined && REMOVAL_ACTIONS.has(decision.action)) {
    assertNotTrusted(request, deletion);
    const detachments = await detachmentWrites(account, kind, observed, request);
    await sendAll(account, [...detachments, ...deletion.writes], context);
  }
  const decided = decisionAcrossAttempts(request, decision, context);
  return buildActivityResult(context, {
    arn: observed?.arn ?? kind.arnOf(entity.spec, target),
    decision: decided,
    ...goneEntity(entity, observed, decided),
    ...beyond,
  });
}

/**
 * Returns the writes that detach an entity from the dependents that the request names: a replacement is attached to
 * them again later, and what a destroyed namespace adopted is released without it.
 *
 * AWS would refuse the deletion at its last write because of any other dependent, after everything that the entity
 * holds is gone. So nothing is written then. A dependent that was removed a moment ago may still show, and the activity
 * is repeated for some seconds.
 */
async function detachmentWrites(
  account: Account,
  kind: Kind,
  observed: Observed,
  { detachable = [] }: ReconcileRequest,
): Promise<readonly Write[]> {
  const dependents = (await kind.listDependents?.(account.clients.reader, observed)) ?? [];
  const isDetachable = new Set(detachable.map((id) => id.toLowerCase()));
  const detachments: Write[] = [];
  const blocking: string[] = [];
  for (const dependent of dependents) {
    const id = entityId(dependent);
    if (dependent.detach !== null && isDetachable.has(id.toLowerCase())) {
      detachments.push(dependent.detach);
    } else blocking.push(id);
  }
  if (blocking.length > 0) {
    const error = lateError('DeleteConflict', `still attached to ${blocking.join(', ')}`);
    throw new OperationError('DeleteEntity', error);
  }
  return detachments;
}

/** Returns the entity that no longer exists. */
function goneEntity(
  { state }: DesiredEntity,
  observed: Observed | undefined,
  { action }: Decision,
): Pick<ReconcileActivityResult, 'deleted'> {
  if (state === 'present' || (action !== 'delete' && observed !== undefined)) return {};
  return { deleted: { createdAt: observed?.createdAt ?? null, intent: observed?.tags[OwnershipTag.Intent] ?? null } };
}

/**
 * Throws where the entity would be deleted and still is trusted by what this namespace does not own. What this run has
 * changed a moment ago may still show, and the activity is repeated for some seconds.
 */
function assertNotTrusted({ entity, namespace }: ReconcileRequest, { foreignTrusting }: Deletion): void {
  if (entity.deleteTrusted === true || foreignTrusting.length === 0) return;
  const error = lateError('DeleteConflict', `still trusted by ${nameTrusting(foreignTrusting, namespace)}`);
  throw new OperationError('DeleteEntity', error);
}
