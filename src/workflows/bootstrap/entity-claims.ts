import { workflowInfo } from '@temporalio/workflow';
import type { EntityClaim, EntityClaimChanges, EntityClaimsAnswer } from '../../contract/entity-claims.js';
import { entityId } from '../../contract/entity.js';
import { ledgerActivities } from '../activities.js';
import { UNSUCCESSFUL } from './run-state.js';
import type { RunState } from './run-state.js';

/**
 * Claims the entities without tags before the first write, under the lock of the namespace. Refuses those that another
 * namespace has claimed since the plan.
 */
export async function takeClaims(state: RunState): Promise<void> {
  const take = state.plan.entities.flatMap(({ claim, decision, ...entity }) =>
    claim?.is === 'taken' && decision.action !== 'refuse' ? [{ id: entityId(entity), replaces: claim.replaces }] : [],
  );
  if (take.length === 0 || state.cancellation.isRequested()) return;
  const { refused } = await changeClaims(state, { take, drop: [] });
  for (const claim of refused) refuse(state, claim);
}

/** Drops the claims on what has left the namespace. */
export async function dropClaims(state: RunState): Promise<void> {
  const drop = state.plan.entities.flatMap(({ claim, ...entity }, index) => {
    const hasLeft = !UNSUCCESSFUL.has(state.reports.get(index)?.outcome ?? 'skipped');
    return claim?.is === 'dropped' && hasLeft ? [entityId(entity)] : [];
  });
  if (drop.length > 0) await changeClaims(state, { take: [], drop });
}

function changeClaims(
  { request: { target, namespace } }: RunState,
  changes: Pick<EntityClaimChanges, 'take' | 'drop'>,
): Promise<EntityClaimsAnswer> {
  const { runId } = workflowInfo();
  const at = new Date().toISOString();
  return ledgerActivities.claimEntities({ account: target.account, namespace, runId, at, ...changes });
}

function refuse(state: RunState, { id, namespace, at }: EntityClaim): void {
  const index = state.plan.entities.findIndex((planned) => entityId(planned).toLowerCase() === id.toLowerCase());
  state.redecide(index, {
    action: 'refuse',
    reason: `owned by iam-bootstrap namespace "${namespace}", which declared it at ${at}, after this run's plan`,
    remedy: `choose another name, have its owner release it, or take it over with --adopt foreign:${id}`,
  });
}
