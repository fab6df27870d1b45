import type { EntityProgress, EntityState } from '../contract/progress.js';
import type { Outcome } from '../contract/report.js';

const OUTCOME_RANKS: Readonly<Record<Outcome, number>> = {
  failed: 1,
  refused: 1,
  cancelled: 1,
  created: 2,
  adopted: 2,
  updated: 2,
  replaced: 2,
  released: 2,
  deleted: 2,
  unchanged: 2,
  pending: 2,
  skipped: 4,
};

const PLANNED_RANK = 3;

/** Returns true for an entity that is written, or that waits for another run. */
export function isUnderWay(state: EntityState): boolean {
  return rankOf(state) === 0;
}

function rankOf(state: EntityState): number {
  if (state === 'planned') return PLANNED_RANK;
  return (OUTCOME_RANKS as Readonly<Record<string, number>>)[state] ?? 0;
}

/** An entity with the time since which it is in its state, in milliseconds since 1970. */
export interface TimedState {
  readonly entity: EntityProgress;
  readonly since: number;
}

/** Orders entities: under way, the longest in front; problems; the rest that has ended, the last in front; planned. */
export function compareProgress(a: TimedState, b: TimedState): number {
  const rank = rankOf(a.entity.state);
  const byTime = rank === 0 ? a.since - b.since : b.since - a.since;
  return rank - rankOf(b.entity.state) || byTime;
}
