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
 */
export function decisionAcrossAttempts(
  { action }: ReconcileRequest,
  decision: Decision,
  { isComplete, sent }: ActivityContext,
): Decision {
  const hasSentNothing = isComplete && sent.length === 0;
  if (activityInfo().attempt === 1 || hasSentNothing) return decision;
  const isWritten = decision.action === 'no-op' && action !== 'create' && isWrite(action);
  const isDeleted = decision.action === 'create' && action === 'replace';
  return isWritten || isDeleted ? { ...decision, action } : decision;
}

/** Logs what is refused and why. */
export function logRefusal(entity: DesiredEntity, { action, reason, remedy }: Decision): void {
  if (action === 'refuse') log.warn(`refused ${entityId(entity)}: ${reason ?? ''}`, { remedy });
}
