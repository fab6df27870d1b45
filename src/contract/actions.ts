import type { EntityState } from './progress.js';
import type { DecisionAction, Outcome } from './report.js';

/** Reports whether an action writes to AWS. Only `no-op` and `refuse` do not. */
export function isWrite(action: DecisionAction): boolean {
  return action !== 'no-op' && action !== 'refuse';
}

/** Actions that delete the entity, for good or to create it again. */
export const REMOVAL_ACTIONS: ReadonlySet<DecisionAction> = new Set(['delete', 'replace']);

/** State of an entity while its decision is carried out. */
export const IN_PROGRESS_STATE: Readonly<Record<DecisionAction, EntityState>> = {
  create: 'creating',
  adopt: 'adopting',
  update: 'converging',
  replace: 'replacing',
  release: 'releasing',
  delete: 'deleting',
  'no-op': 'unchanged',
  refuse: 'refused',
};

/** Outcome of an entity once its decision has been carried out. */
export const OUTCOME_OF_ACTION: Readonly<Record<DecisionAction, Outcome>> = {
  create: 'created',
  adopt: 'adopted',
  update: 'updated',
  replace: 'replaced',
  release: 'released',
  delete: 'deleted',
  'no-op': 'unchanged',
  refuse: 'refused',
};
