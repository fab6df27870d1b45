import { isWrite } from '../../contract/actions.js';
import type { Decision, Drift } from '../../contract/report.js';
import type { ReconcileRequest } from '../../contract/request.js';
import type { Assessment } from '../../engine/decide.js';
import { isWithinPlan, linesBeyondPlan, type FoundChange } from '../../engine/planned-change.js';
import type { Kind, Observed } from '../../kinds/kind.js';
import { OwnershipTag } from '../../engine/ownership.js';
import { driftText } from '../../report/drift.js';
import { joinFirst } from '../../report/text.js';
import type { ActivityContext } from '../runtime/activity-context.js';

/** Lines beyond a plan that a report names. */
const MAX_LINES = 20;

/** Lines beyond a plan that a refusal names. */
const MAX_REASON_LINES = 5;

const REMEDY = 'apply again, and approve the new plan';

/** Everything that an activity has found of its entity, right before its first write. */
export interface FoundEntity extends Omit<FoundChange, 'rules' | 'drift'> {
  readonly kind: Pick<Kind, 'properties' | 'ownable' | 'tagsAfterCreate' | 'arnOf'>;
  readonly observed: Observed | undefined;
  readonly assessment: Assessment;
  /** Writes of a deletion, as lines. Default: none. */
  readonly losses?: readonly Drift[];
  /** This run created the entity. Default: false. */
  readonly made?: boolean;
}

/** A decision that was compared with the plan. */
export interface CheckedDecision {
  /** The decision. It is a refusal where the approved plan does not show it. */
  readonly decision: Decision;
  /** Changes that the plan did not show, for the result of the activity. */
  readonly beyond: { readonly changedSincePlan?: readonly string[] };
}

/**
 * Compares what an activity is about to write with what the plan has shown. Under an approval, anything beyond it is
 * refused before the first write. Otherwise it is written and reported.
 */
export function checkAgainstPlan(
  { planned, approved, intent, target }: ReconcileRequest,
  { kind, losses = [], made = false, ...found }: FoundEntity,
  { sent, isComplete }: Pick<ActivityContext, 'sent' | 'isComplete'>,
): CheckedDecision {
  const { decision } = found.assessment;
  const { action } = decision;
  if (!isWrite(action)) return { decision, beyond: {} };
  const change = { ...found, rules: kind.properties, drift: [...decision.drift, ...losses] };
  const isOwn = made && !isStranger(kind, found.observed, intent, kind.arnOf(found.spec, target));
  const own = { made: isOwn, hasWritten: sent.length > 0 || !isComplete };
  const lines = linesBeyondPlan(planned, change, own).map(driftText);
  if (!approved) return { decision, beyond: lines.length === 0 ? {} : { changedSincePlan: shortList(lines) } };
  const isAllowed = isOwn || isWithinPlan(planned, action);
  if (isAllowed && lines.length === 0) return { decision, beyond: {} };
  const details = lines.length === 0 ? '' : `: ${joinFirst(lines, MAX_REASON_LINES, '; ')}`;
  const why = decision.reason === null ? '' : ` (${decision.reason})`;
  const reason = isAllowed
    ? `has changed since the plan was approved${details}`
    : `approved to ${planned.action}, now to ${action}${why}${details}`;
  return { decision: { ...decision, action: 'refuse', reason, remedy: REMEDY }, beyond: {} };
}

/**
 * Reports whether an entity is not the one that this run created: it is under another path, or lacks the intent tag that
 * its Create would have carried.
 */
function isStranger(
  { ownable, tagsAfterCreate }: FoundEntity['kind'],
  observed: Observed | undefined,
  intent: string,
  arn: string | null,
): boolean {
  if (!ownable || tagsAfterCreate === true || observed === undefined) return false;
  return observed.tags[OwnershipTag.Intent] !== intent || observed.arn !== arn;
}

/** Returns the refusal of a Create that the approved plan does not show; undefined where it may be sent. */
export function refusalOfCreate({ planned, approved }: ReconcileRequest): Decision | undefined {
  if (!approved || isWithinPlan(planned, 'create')) return undefined;
  const reason = `approved to ${planned.action}, now to create: the entity no longer exists`;
  return { action: 'refuse', drift: [], unmanaged: [], reason, remedy: REMEDY };
}

function shortList(lines: readonly string[]): readonly string[] {
  const hidden = lines.length - MAX_LINES;
  return hidden > 0 ? [...lines.slice(0, MAX_LINES), `and ${String(hidden)} more`] : lines;
}
