import { isWrite } from '../../contract/actions.js';
import type { PlannedEntity } from '../../contract/activities.js';
import type { DesiredEntity, JsonObject, Target } from '../../contract/entity.js';
import type { Decision, Drift } from '../../contract/report.js';
import { planWarnings } from '../../engine/plan-warnings.js';
import type { FoundChange } from '../../engine/planned-change.js';
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
  /** Lines by which it is attached again to what is replaced. Its decision does not list them. Default: none. */
  readonly reattached?: readonly Drift[];
  /** The findings of Access Analyzer about its policies. Default: none were checked. */
  readonly findings?: Pick<Decision, 'warnings' | 'suppressed'>;
}

/** Returns the change that the plan shows for an entity; undefined where nothing is written. */
export function plannedChangeOf(assessed: AssessedEntity): FoundChange | undefined {
  const { kind, spec, observed, assessment, planned, reattached = [] } = assessed;
  if (!isWrite(planned.decision.action)) return undefined;
  return { rules: kind.properties, spec, observed, assessment, drift: [...planned.decision.drift, ...reattached] };
}

/** Returns what a reviewer of the plan must see first: grants that widen access, and findings about policies. */
export function notesOf(assessed: AssessedEntity, target: Target): Pick<Decision, 'warnings' | 'suppressed'> {
  const { kind, assessment, planned, findings = {} } = assessed;
  const decided = { ...assessed, assessment: { ...assessment, decision: planned.decision } };
  const warnings = [...planWarnings(kind.properties, decided, target), ...(findings.warnings ?? [])];
  return {
    ...(warnings.length === 0 ? {} : { warnings }),
    ...(findings.suppressed === undefined ? {} : { suppressed: findings.suppressed }),
  };
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
