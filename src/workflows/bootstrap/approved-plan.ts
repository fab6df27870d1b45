import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import type { Plan } from '../../contract/activities.js';
import { entityId } from '../../contract/entity.js';
import type { Approval } from '../../contract/report.js';
import { driftText } from '../../report/drift.js';

/** Explains why a run writes nothing after a plan was not approved. */
export function explainVerdict({ verdict, by, reason }: Approval): {
  readonly reason: string;
  readonly remedy: string;
} {
  if (verdict === 'rejected') {
    const why = reason === null || reason === '' ? '' : `: ${reason}`;
    return { reason: `rejected by ${by ?? ''}${why}`, remedy: 'change the manifest, and apply again' };
  }
  return { reason: 'the plan was not approved in time', remedy: 'apply again, and have the plan approved' };
}

/** Returns how a plan differs from the approved one, both of one request: a line for each entity. Orphans may come and go. */
export function changesSinceApproval(approved: Plan, planned: Plan): string[] {
  const approvedById = new Map(approved.entities.map((entity) => [entityId(entity), entity]));
  const ids = new Set(planned.entities.map(entityId));
  const missing = [...approvedById.keys()].filter((id) => !ids.has(id));
  const changes = planned.entities.flatMap((after) => {
    const id = entityId(after);
    const before = approvedById.get(id);
    if (before?.decision.action !== after.decision.action) {
      return [`${id}: approved to ${before?.decision.action ?? 'be left alone'}, now to ${after.decision.action}`];
    }
    if (before.digest === after.digest) return [];
    const approvedDrift = before.decision.drift.map(driftText);
    const newDrift = after.decision.drift.map(driftText).filter((line) => !approvedDrift.includes(line));
    return [`${id} has changed since the plan was approved${newDrift.length === 0 ? '' : `: ${newDrift.join('; ')}`}`];
  });
  return [...changes, ...missing.map((id) => `${id} is gone since the plan was approved`)];
}

/** Returns the digest of a plan. A worker that predates approvals makes plans without one, which must not be written. */
export function digestOf({ digest }: Plan): string {
  if (digest !== undefined) return digest;
  throw ApplicationFailure.nonRetryable(
    `a worker of task queue ${workflowInfo().taskQueue} is too old to plan for an approval: upgrade every worker`,
    'InvalidManifest',
  );
}

/** Returns the failure of a run whose plan is that of another request. */
export function planMismatch(): ApplicationFailure {
  return ApplicationFailure.nonRetryable('the plan does not belong to this request', 'InvalidManifest');
}
