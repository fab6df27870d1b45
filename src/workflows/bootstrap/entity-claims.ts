import type { EntityClaim, EntityClaimChanges, EntityClaimsAnswer } from '../../contract/entity-claims.js';
import { entityId } from '../../contract/entity.js';
import { ledgerActivities } from '../activities.js';
import { UNSUCCESSFUL } from './run-state.js';
import type { RunState } from './run-state.js';

/**
 * Claims the entities without tags before the first write, under the lock of the namespace, and what AWS deletes with
 * others. Refuses those that another namespace has claimed since the plan.
 */
export async function takeClaims(state: RunState): Promise<void> {
  const take = state.plan.entities.flatMap(({ claim, decision, takes = [], ...entity }) => {
    if (decision.action === 'refuse') return [];
    const taken = takes.map((id) => ({ id, replaces: null }));
    return claim?.replaces === undefined ? taken : [...taken, { id: entityId(entity), replaces: claim.replaces }];
  });
  if (take.length === 0) return;
  const { refused } = await changeClaims(state, { take, drop: [] });
  for (const claim of refused) refuse(state, claim);
}

/** Drops the claims on what has left the namespace, and those on what AWS deletes with it. */
export async function dropClaims(state: RunState): Promise<void> {
  const drop = state.plan.entities.flatMap(({ claim, takes = [], moved, ...entity }, index) => {
    if (UNSUCCESSFUL.has(state.reports.get(index)?.outcome ?? 'skipped')) return takes;
    return [...takes, ...(moved?.claims ?? []), ...(claim?.is === 'dropped' ? [entityId(entity)] : [])];
  });
  if (drop.length > 0) await changeClaims(state, { take: [], drop });
}

function changeClaims(
  { request: { target, namespace }, run: { runId } }: RunState,
  changes: Pick<EntityClaimChanges, 'take' | 'drop'>,
): Promise<EntityClaimsAnswer> {
  const at = new Date().toISOString();
  return ledgerActivities.claimEntities({ account: target.account, namespace, runId, at, ...changes });
}

function refuse(state: RunState, { id, namespace, at }: EntityClaim): void {
  const isIt = (other: string): boolean => other.toLowerCase() === id.toLowerCase();
  const { entities } = state.plan;
  const since = `which namespace "${namespace}" declared at ${at}, after this run's plan`;
  const index = entities.findIndex((planned) => isIt(entityId(planned)));
  if (index !== -1) {
    state.redecide(index, {
      action: 'refuse',
      reason: `owned by iam-bootstrap namespace "${namespace}", which declared it at ${at}, after this run's plan`,
      remedy: `choose another name, have its owner release it, or take it over with --adopt foreign:${id}`,
    });
  }
  for (const [position, planned] of entities.entries()) {
    if (planned.takes?.some(isIt) !== true) continue;
    state.redecide(position, {
      action: 'refuse',
      reason: `would be deleted with ${id}, ${since}`,
      remedy: `apply again: the plan then shows it`,
    });
  }
}
