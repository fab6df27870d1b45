import type { DeclarationChanges } from '../../contract/declarations.js';
import { entityId } from '../../contract/entity.js';
import { ledgerActivities } from '../activities.js';
import { UNSUCCESSFUL } from './run-state.js';
import type { RunState } from './run-state.js';

/**
 * Records in the ledger of the namespace what the manifest declares: before the first write, so that what a run has
 * begun is known even where it is lost.
 */
export async function recordDeclarations(state: RunState): Promise<void> {
  const declare = state.plan.entities.flatMap(({ declaration, decision, ...entity }) => {
    if (declaration?.is !== 'declared' || decision.action === 'refuse') return [];
    const { key, protect, createdAt } = declaration;
    const known = { ...(protect === undefined ? {} : { protect }), ...(createdAt === undefined ? {} : { createdAt }) };
    return [{ id: entityId(entity), key, ...known }];
  });
  if (declare.length > 0) await change(state, { declare, created: [], forget: [] });
}

/** Records what of a kind without tags was created here, and forgets what has left the namespace. */
export async function settleDeclarations(state: RunState): Promise<void> {
  const dropped = state.plan.entities.flatMap(({ declaration, moved, ...entity }, index) => {
    if (UNSUCCESSFUL.has(state.reports.get(index)?.outcome ?? 'skipped')) return [];
    return [...(moved?.declarations ?? []), ...(declaration?.is === 'dropped' ? [entityId(entity)] : [])];
  });
  const created = [...state.createdAt].flatMap(([index, createdAt]) => {
    const { outcome, confirmedBy } = state.reports.get(index) ?? {};
    const isProven = outcome === 'created' && confirmedBy !== 'unconfirmed';
    return isProven ? [{ id: entityId(state.plannedAt(index)), createdAt }] : [];
  });
  const forget = [...(state.plan.gone ?? []), ...dropped];
  if (created.length + forget.length > 0) await change(state, { declare: [], created, forget });
}

async function change(
  { request: { target, namespace, manifest, environment }, run: { runId } }: RunState,
  changes: Pick<DeclarationChanges, 'declare' | 'created' | 'forget'>,
): Promise<void> {
  const at = new Date().toISOString();
  const { account } = target;
  await ledgerActivities.declareEntities({ account, namespace, manifest, environment, runId, at, ...changes });
}
