import type { PlannedEntity } from '../../contract/activities.js';
import { type EntityState, type Progress, PROGRESS_LIMIT } from '../../contract/progress.js';
import type { PendingApproval } from '../../contract/approval.js';
import { entityId } from '../../contract/entity.js';
import type { EntityReport, Outcome } from '../../contract/report.js';
import { compareProgress, isUnderWay, type TimedState } from '../../report/progress.js';
import { joinFirst } from '../../report/text.js';

/** Entities that a sentence names. */
const MAX_NAMES = 3;

/** The state of an entity, and since when it is in it, in milliseconds since 1970. */
export interface StateSince {
  readonly state: EntityState;
  readonly since: number;
}

/** Returns the entities that the progress of a run names. */
export function entityProgress(
  entities: readonly PlannedEntity[],
  states: ReadonlyMap<number, StateSince>,
): Progress['entities'] {
  return entities
    .map(({ kind, name, decision, workflowId }, index): TimedState => {
      const { state, since } = states.get(index) ?? {
        state: decision.action === 'no-op' ? 'unchanged' : 'planned',
        since: 0,
      };
      const underWay = isUnderWay(state) ? { since: new Date(since).toISOString(), workflowId } : {};
      return { entity: { kind, name, state, ...underWay }, since };
    })
    .filter(({ entity }) => entity.state !== 'unchanged')
    .sort(compareProgress)
    .slice(0, PROGRESS_LIMIT)
    .map(({ entity }) => entity);
}

/** Counts the outcomes of the entities that have ended. */
export function countOutcomes(reports: Iterable<EntityReport>): Partial<Record<Outcome, number>> {
  const counts: Partial<Record<Outcome, number>> = {};
  for (const { outcome } of reports) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

/** Returns what a run waits for that it cannot do itself. Null where it waits for nothing. */
export function waitText(
  pending: PendingApproval | null,
  ending: readonly string[],
  locked: readonly PlannedEntity[],
): string | null {
  if (pending !== null) return `waiting for an approval of the plan until ${pending.expiresAt}`;
  if (ending.length > 0) {
    return `waiting for the end of what an earlier run left behind: ${joinFirst(ending, MAX_NAMES)}`;
  }
  return locked.length === 0 ? null : `waiting for another run that holds the lock of ${namesOf(locked)}`;
}

/** Names the first few entities: `Role/a, Role/b and 2 more`. */
export function namesOf(entities: readonly { readonly kind: string; readonly name: string }[]): string {
  return joinFirst(entities.map(entityId), MAX_NAMES);
}
