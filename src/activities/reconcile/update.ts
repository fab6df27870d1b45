import { activityInfo } from '@temporalio/activity';
import { isWrite } from '../../contract/actions.js';
import type { ReconcileActivityResult, UpdateRequest } from '../../contract/activities.js';
import type { ReconcileRequest } from '../../contract/request.js';
import { assess, type Assessment } from '../../engine/decide.js';
import { blockedByStranger, hasOldName } from '../../engine/renames.js';
import { ownershipFirst } from '../../engine/tag-limit.js';
import { orderByEffect } from '../../engine/write-order.js';
import type { Observed, Write } from '../../kinds/kind.js';
import type { Account } from '../runtime/accounts.js';
import { recordDecision, type ActivityContext } from '../runtime/activity-context.js';
import { notShownYet, OperationError } from '../runtime/failures.js';
import { kindOf, observeEntity, observeKnownEntity } from '../runtime/observe.js';
import { send, sendInOrder } from '../runtime/send-writes.js';
import {
  arnOnceRenamed,
  decisionContext,
  desiredAtCreate,
  desiredState,
  isKnownAtCreate,
  resolvedSpec,
} from './desired-state.js';
import { checkAgainstPlan } from './plan-check.js';
import { EntitySecrets } from './secrets.js';
import { buildActivityResult, decisionAcrossAttempts, logRefusal, withEarlierRemovals } from './activity-result.js';

const NOT_TAKEN = 'its ownership tags come first, so nothing else of it is written';

/** Reads the entity, decides again, and writes what differs. */
export async function updateEntity(
  account: Account,
  request: UpdateRequest,
  context: ActivityContext,
): Promise<ReconcileActivityResult> {
  const { entity, target, made } = request;
  const kind = kindOf(entity);
  const spec = resolvedSpec(entity, request.arns);
  const read = withHoldings(await observeForUpdate(account, request, context), request);
  const observed = read && withoutStranger(read, request);
  // Created a moment ago, and the replica that answered does not show it yet.
  if (observed === undefined && made) throw notShownYet();
  const assessed = assess(kind, entity, spec, observed, { ...decisionContext(request), made });
  const assessment = { ...assessed, decision: withEarlierRemovals(assessed.decision, context) };
  const { decision, beyond } = checkAgainstPlan(request, { kind, spec, observed, assessment, made }, context);
  recordDecision(context, decision);
  logRefusal(entity, decision);
  if (observed !== undefined && isWrite(decision.action)) {
    await sendChanges(account, request, observed, assessment, context);
  }
  return buildActivityResult(context, {
    arn:
      observed === undefined
        ? kind.arnOf(entity.spec, target)
        : isWrite(decision.action)
          ? arnOnceRenamed(kind, entity, observed, target)
          : observed.arn,
    decision: decisionAcrossAttempts(request, decision, context),
    ...beyond,
  });
}

/** Returns the entity with what the plan has read of what belongs to it. */
function withHoldings(
  observed: Observed | undefined,
  { planned: { holdings } }: Pick<ReconcileRequest, 'planned'>,
): Observed | undefined {
  return observed === undefined || holdings === undefined ? observed : { ...observed, holdings };
}

/** Blocks an entity that is not the one that this run is to rename, and that has its new name. */
function withoutStranger(observed: Observed, { entity, planned }: ReconcileRequest): Observed {
  const isStranger =
    planned.uniqueId !== undefined && !hasOldName(entity, observed.name) && observed.uniqueId !== planned.uniqueId;
  return isStranger ? blockedByStranger(entity, observed) : observed;
}

/** Reads the entity, unless the reply to its Create has just told its state. */
async function observeForUpdate(
  account: Account,
  request: UpdateRequest,
  context: ActivityContext,
): Promise<Observed | undefined> {
  const { entity, made, fresh } = request;
  const kind = kindOf(entity);
  if (fresh && isKnownAtCreate(kind) && activityInfo().attempt === 1) {
    return kind.observedAfterCreate(desiredAtCreate(kind, resolvedSpec(entity, request.arns), request), undefined);
  }
  // What this run created is waited for by repeating the activity.
  return made ? observeEntity(account, entity) : observeKnownEntity(account, entity, context);
}

/**
 * Writes what differs between the observed and the desired state. What is not this namespace's yet becomes so by the
 * first write: an interrupted adoption must not leave a changed entity without its owner.
 */
export async function sendChanges(
  account: Account,
  request: ReconcileRequest,
  observed: Observed,
  { changes, tags, takesOwnership = false }: Assessment,
  context: ActivityContext,
): Promise<void> {
  const { entity, arns, target } = request;
  context.guard.assertEntity(observed);
  const kind = kindOf(entity);
  const desired = desiredState(entity, resolvedSpec(entity, arns), tags, target);
  const secrets = new EntitySecrets(account, kind, desired, request, context);
  const sendOne = (write: Write): Promise<unknown> =>
    write.record === undefined ? send(account, write, context) : secrets.sendRecorded(write, write.record);
  const writes = kind.update(desired, observed, changes);
  if (!takesOwnership) return sendInOrder(orderByEffect(writes), context, sendOne);
  const { first, rest } = ownershipFirst(writes, observed, changes['tags']?.put ?? []);
  try {
    await sendInOrder([...first, ...orderByEffect(rest)], context, sendOne);
  } catch (error) {
    const isFirst = error instanceof OperationError && error.write !== undefined && first.includes(error.write);
    throw isFirst ? error.explained(NOT_TAKEN) : error;
  }
}
