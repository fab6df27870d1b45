import { activityInfo, log } from '@temporalio/activity';
import { isWrite } from '../../contract/actions.js';
import type { ReconcileActivityResult } from '../../contract/activities.js';
import { entityId, type DesiredEntity } from '../../contract/entity.js';
import type { Decision } from '../../contract/report.js';
import type { ReconcileRequest } from '../../contract/request.js';
import { writesSent, type ActivityContext } from '../runtime/activity-context.js';

/** Returns the result of an activity that reconciles, with all its writes. What is not given: nothing remains. */
export function buildActivityResult(
  context: ActivityContext,
  result: Pick<ReconcileActivityResult, 'arn' | 'decision'> & Partial<ReconcileActivityResult>,
): ReconcileActivityResult {
  const { attempt } = activityInfo();
  const { calls } = context;
  const writes = writesSent(context);
  return { confirmedBy: null, writes, conflicts: [], remaining: false, attempt, calls, ...result };
}

/**
 * Returns the decision over all attempts. An entity that needs no change now, and needed one when the first attempt
 * began, was written by an earlier attempt. An entity that was to be replaced and is gone was deleted by one.
 * One that was to be deleted and is still there was deleted by none.
 */
export function decisionAcrossAttempts(
  { action }: ReconcileRequest,
  decision: Decision,
  { isComplete, sent }: ActivityContext,
  isStillThere = false,
): Decision {
  const hasSentNothing = isComplete && sent.length === 0;
  if (activityInfo().attempt === 1 || hasSentNothing) return decision;
  if (isStillThere && decision.action === 'no-op') return interrupted(decision);
  const isWritten = decision.action === 'no-op' && action !== 'create' && isWrite(action);
  const isDeleted = decision.action === 'create' && action === 'replace';
  return isWritten || isDeleted ? { ...decision, action } : decision;
}

/** Returns the refusal of a deletion that was begun and that nothing entitles this namespace to finish. */
function interrupted(decision: Decision): Decision {
  const why = decision.reason === null ? '' : `; it ${decision.reason}`;
  const reason = `an earlier attempt to delete it was interrupted, and may have removed what it held${why}`;
  const remedy = 'look at what it holds, and delete or restore it';
  return { ...decision, action: 'refuse', reason, remedy };
}

/**
 * Returns a decision with what earlier attempts have found to remove and this one no longer finds: it is gone, and the
 * report names it.
 */
export function withEarlierRemovals(decision: Decision, { progress, isComplete, sent }: ActivityContext): Decision {
  const earlier = progress.decision;
  const hasSentNothing = isComplete && sent.length === 0;
  if (earlier === null || !isWrite(earlier.action) || hasSentNothing) return decision;
  const found = new Set(decision.drift.map((line) => JSON.stringify(line)));
  const removed = earlier.drift.filter((line) => line.desired === null && !found.has(JSON.stringify(line)));
  return removed.length === 0 ? decision : { ...decision, drift: [...removed, ...decision.drift] };
}

/** Logs what is refused and why. */
export function logRefusal(entity: DesiredEntity, { action, reason, remedy }: Decision): void {
  if (action === 'refuse') log.warn(`refused ${entityId(entity)}: ${reason ?? ''}`, { remedy });
}
