import type { DesiredEntity, JsonObject } from '../../contract/entity.js';
import type { Decision } from '../../contract/report.js';
import type { PlannedEntity } from '../../contract/activities.js';
import type { Assessment } from '../../engine/decide.js';
import type { Kind, Observed } from '../../kinds/kind.js';

/** An entity on its way through a plan, with all that its decision was made from. */
export interface AssessedEntity {
  readonly entity: DesiredEntity;
  readonly kind: Kind;
  /** With its references resolved. */
  readonly spec: JsonObject;
  /** Undefined where it does not exist. */
  readonly observed: Observed | undefined;
  readonly assessment: Assessment;
  readonly planned: PlannedEntity;
}

/** The same with a part of its plan changed. */
export function withPlanned(one: AssessedEntity, part: Partial<PlannedEntity>): AssessedEntity {
  return { ...one, planned: { ...one.planned, ...part } };
}

/** The same with a part of its decision changed. */
export function withDecision(one: AssessedEntity, part: Partial<Decision>): AssessedEntity {
  return withPlanned(one, { decision: { ...one.planned.decision, ...part } });
}

/** The same, to be started after more. */
export function withDependencies(one: AssessedEntity, positions: readonly number[]): AssessedEntity {
  return positions.length === 0 ? one : withPlanned(one, { after: [...new Set([...one.planned.after, ...positions])] });
}
