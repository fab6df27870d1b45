import type { EntityState } from './progress.js';
import type { DecisionAction } from './report.js';

/** Whether an action writes: all but leaving it as it is, and refusing. */
export function isWrite(action: DecisionAction): boolean {
  return action !== 'no-op' && action !== 'refuse';
}

/** State of an entity while a decision is carried out. */
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
