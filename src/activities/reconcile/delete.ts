import { lateError } from '../../aws/errors.js';
import { REMOVAL_ACTIONS } from '../../contract/actions.js';
import type { ReconcileActivityResult } from '../../contract/activities.js';
import { type DesiredEntity, entityId } from '../../contract/entity.js';
import type { Decision } from '../../contract/report.js';
import type { ReconcileRequest } from '../../contract/request.js';
import { assess } from '../../engine/decide.js';
import { OwnershipTag } from '../../engine/ownership.js';
import { isPlannedEntity } from '../../engine/planned-change.js';
import type { Kind, Observed, Write } from '../../kinds/kind.js';
import type { Account } from '../runtime/accounts.js';
import { recordDecision, type ActivityContext } from '../runtime/activity-context.js';
import { OperationError } from '../runtime/failures.js';
import { kindOf, observeKnownEntity } from '../runtime/observe.js';
import { sendAll } from '../runtime/send-writes.js';
import { linesOfLosses, lossOf, nameTrusting, readDeletion, type Deletion } from './deletion.js';
import { decisionContext, resolvedSpec } from './desired-state.js';
import { checkAgainstPlan } from './plan-check.js';
import { buildActivityResult, decisionAcrossAttempts, logRefusal, withEarlierRemovals } from './activity-result.js';

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
  const assessed = assess(kind, entity, spec, observed, decisionContext(request));
  const assessment = { ...assessed, decision: withEarlierRemovals(assessed.decision, context) };
  const deletion =
    observed !== undefined && REMOVAL_ACTIONS.has(assessment.decision.action)
      ? await readDeletion(account, kind, observed, request.namespace, request.planned)
      : undefined;
  const found = deletion === undefined ? NOT_ATTACHED : await findDetachments(account, kind, observed, request);
  const detachmentLines = linesOfLosses(found.detachments.map((write) => lossOf(write, request.namespace)));
  const losses = [...(deletion?.losses ?? []), ...detachmentLines];
  const { decision, beyond } = checkAgainstPlan(request, { kind, spec, observed, assessment, losses }, context);
  recordDecision(context, decision);
  if (observed !== undefined && deletion !== undefined && REMOVAL_ACTIONS.has(decision.action)) {
    context.guard.assertEntity(observed);
    assertNotTrusted(request, deletion);
    assertDetachable(found);
    await sendAll(account, [...found.detachments, ...deletion.writes], context);
  }
  const isStillThere =
    request.action === 'delete' && observed !== undefined && isPlannedEntity(request.planned, observed);
  const decided = decisionAcrossAttempts(request, decision, context, isStillThere);
  logRefusal(entity, decided);
  return buildActivityResult(context, {
    arn: observed?.arn ?? kind.arnOf(entity.spec, target),
    decision: decided,
    ...goneEntity(entity, observed, decided),
    ...beyond,
  });
}

/** The entities that another one is attached to. */
interface Attachments {
  /** The writes that detach it from the dependents that the request names. */
  readonly detachments: readonly Write[];
  /** Any other dependent, as `Kind/name`. */
  readonly blocking: readonly string[];
}

const NOT_ATTACHED: Attachments = { detachments: [], blocking: [] };

/**
 * Returns the writes that detach an entity from the dependents that the request names: a replacement is attached to them
 * again later, and what a destroyed namespace adopted is released without it.
 */
async function findDetachments(
  account: Account,
  kind: Kind,
  observed: Observed | undefined,
  { detachable = [] }: ReconcileRequest,
): Promise<Attachments> {
  if (observed === undefined) return NOT_ATTACHED;
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
  return { detachments, blocking };
}

/**
 * Throws where AWS would refuse the deletion because of a dependent: at its last write, after everything that the entity
 * holds is gone. So nothing is written then. A dependent that was removed a moment ago may still show, and the activity
 * is repeated for some seconds.
 */
function assertDetachable({ blocking }: Attachments): void {
  if (blocking.length === 0) return;
  const error = lateError('DeleteConflict', `still attached to ${blocking.join(', ')}`);
  throw new OperationError('DeleteEntity', error);
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
