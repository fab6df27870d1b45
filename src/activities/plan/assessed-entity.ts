import type { DesiredEntity, JsonObject } from '../../contract/entity.js';
import type { Decision } from '../../contract/report.js';
import type { PlannedEntity } from '../../contract/activities.js';
import type { Assessment } from '../../engine/decide.js';
import type { Kind, Observed } from '../../kinds/kind.js';

/** An entity on its way through a plan, with all that its decision was made from. */
export interface Assessed {
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
export function replanned(one: Assessed, part: Partial<PlannedEntity>): Assessed {
  return { ...one, planned: { ...one.planned, ...part } };
}

/** The same with a part of its decision changed. */
export function redecided(one: Assessed, part: Partial<Decision>): Assessed {
  return replanned(one, { decision: { ...one.planned.decision, ...part } });
}

/** The same, to be started after more. */
export function waitingFor(one: Assessed, positions: readonly number[]): Assessed {
  return positions.length === 0 ? one : replanned(one, { after: [...new Set([...one.planned.after, ...positions])] });
}
