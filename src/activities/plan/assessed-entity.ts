import type { PlannedEntity } from '../../contract/activities.js';
import type { DesiredEntity, JsonObject } from '../../contract/entity.js';
import type { Decision } from '../../contract/report.js';
import type { Assessment } from '../../engine/decide.js';
import type { Kind, Observed } from '../../kinds/kind.js';

/** An entity while its plan is made, with everything that its decision is based on. */
export interface AssessedEntity {
  readonly entity: DesiredEntity;
  readonly kind: Kind;
  readonly spec: JsonObject;
  readonly observed: Observed | undefined;
  readonly assessment: Assessment;
  readonly planned: PlannedEntity;
}

/** Returns the entity with a part of its plan changed. */
export function withPlanned(assessed: AssessedEntity, part: Partial<PlannedEntity>): AssessedEntity {
  return { ...assessed, planned: { ...assessed.planned, ...part } };
}

/** Returns the entity with a part of its decision changed. */
export function withDecision(assessed: AssessedEntity, part: Partial<Decision>): AssessedEntity {
  return withPlanned(assessed, { decision: { ...assessed.planned.decision, ...part } });
}

/** Returns the entity, to be started after those at more positions of the plan. */
export function withDependencies(assessed: AssessedEntity, positions: readonly number[]): AssessedEntity {
  if (positions.length === 0) return assessed;
  return withPlanned(assessed, { after: [...new Set([...assessed.planned.after, ...positions])] });
}
