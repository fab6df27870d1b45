import type { DesiredEntity, JsonObject } from '../contract/entity.js';
import type { Confirmation, Decision } from '../contract/report.js';
import type { Observed } from './comparison.js';
import { assess, type DecisionContext, type KindRules } from './decide.js';
import { OwnershipTag } from './ownership.js';

/** Largest difference between two dates of AWS for one moment: it cuts off fractions of a second. In milliseconds. */
export const AWS_DATE_TOLERANCE_MS = 1_000;

/** The rules of a kind that tell what an existing entity means. */
export interface ConflictRules extends KindRules {
  /** The reason for which AWS refuses a name that no read of this account shows, such as a name taken in another account. */
  readonly globallyTakenReason?: string;
  /** With `listCandidates`, AWS gives the entity an ID instead of a name, so that a lost reply leaves an orphan. */
  readonly secret?: { readonly listCandidates?: unknown };
}

/** Everything that tells what an entity means that exists although the plan did not see it. */
export interface ConflictFacts {
  readonly rules: ConflictRules;
  readonly entity: DesiredEntity;
  readonly spec: JsonObject;
  readonly context: Omit<DecisionContext, 'made'>;
  readonly observed: Observed | undefined;
  readonly attempt: number;
  /** A time by AWS's clock from before the first Create of this run, in milliseconds since 1970. Null where unknown. */
  readonly startedAtMs: number | null;
  /** Creates of earlier attempts: `recorded`, `possible` where an attempt died before it could report, or `none`. */
  readonly earlierCreate: 'recorded' | 'possible' | 'none';
  /** The orphans of earlier attempts have been looked for after AWS answered "already exists". */
  readonly orphansChecked: boolean;
}

/** The meaning of an existing entity for the run that wants to create it. */
export type ConflictResolution =
  /** An earlier attempt of this run created it, and its reply was lost. */
  | {
      readonly is: 'created';
      readonly confirmedBy: 'intent-tag' | 'recorded-attempt';
      readonly decision: Decision;
      readonly remaining: boolean;
    }
  /** It exists, and this run adopts, updates, replaces or keeps it. */
  | {
      readonly is: 'existing';
      readonly confirmedBy: 'unconfirmed' | null;
      readonly decision: Decision;
      readonly remaining: boolean;
    }
  /** It belongs to another owner, or differs in what cannot be changed. */
  | { readonly is: 'refused'; readonly confirmedBy: 'unconfirmed' | null; readonly decision: Decision }
  /** It may be the orphan of an earlier attempt: look for orphans, then resolve again. */
  | { readonly is: 'possible-orphan' }
  /** AWS says that it exists, and no read shows it yet. */
  | { readonly is: 'not-shown' };

/**
 * Reports whether reads are to be repeated until they show what a Create was refused for. A first attempt has created
 * nothing, so a globally unique name that one read does not show is taken elsewhere.
 */
export function mayShowLater({ globallyTakenReason }: ConflictRules, attempt: number): boolean {
  return globallyTakenReason === undefined || attempt > 1;
}

/**
 * Tells what an entity means that the plan did not see and that exists now: found by a read before the Create, or after
 * AWS answered "already exists". Pure, and the only place that knows these rules.
 */
export function resolveConflict(facts: ConflictFacts): ConflictResolution {
  const { rules, entity, spec, context, observed } = facts;
  if (observed === undefined) return resolveUnseen(rules);
  if (facts.attempt > 1 && rules.secret?.listCandidates !== undefined && !facts.orphansChecked) {
    return { is: 'possible-orphan' };
  }
  const confirmedBy = confirmationOf(facts, observed);
  const made = confirmedBy === 'intent-tag' || confirmedBy === 'recorded-attempt';
  const { decision, changes } = assess(rules, entity, spec, observed, { ...context, made });
  const remaining = Object.keys(changes).length > 0;
  if (made) return { is: 'created', confirmedBy, decision: { ...decision, action: 'create', drift: [] }, remaining };
  if (decision.action === 'refuse') return { is: 'refused', confirmedBy, decision };
  return { is: 'existing', confirmedBy, decision: rules.ownable ? decision : asAdoption(decision), remaining };
}

function resolveUnseen({ globallyTakenReason: reason }: ConflictRules): ConflictResolution {
  if (reason === undefined) return { is: 'not-shown' };
  const remedy = 'declare a different one, or have its owner remove it there';
  return { is: 'refused', confirmedBy: null, decision: { action: 'refuse', drift: [], unmanaged: [], reason, remedy } };
}

/**
 * Tells how it is known that this run created the entity; null where another one did.
 *
 * The intent tag proves it. Where a Create carries no tags, an earlier attempt of this run must have sent one, and the
 * entity must be younger than the activity by AWS's own clock. Without these dates only a recorded Create counts.
 */
function confirmationOf(
  { rules, context, startedAtMs, earlierCreate }: ConflictFacts,
  { tags, createdAt }: Observed,
): Exclude<Confirmation, 'reply'> | null {
  if (rules.ownable && tags[OwnershipTag.Intent] === context.intent) return 'intent-tag';
  const isUndated = createdAt === null || startedAtMs === null;
  const carriesNoTags = !rules.ownable || rules.tagsAfterCreate === true;
  const isOurs = isUndated
    ? earlierCreate === 'recorded'
    : earlierCreate !== 'none' && isCreatedSince(createdAt, startedAtMs);
  if (carriesNoTags && isOurs) return 'recorded-attempt';
  return !rules.ownable && isUndated && earlierCreate === 'possible' ? 'unconfirmed' : null;
}

/** Reports whether something was created after a moment, by AWS's clock. */
export function isCreatedSince(createdAt: string, awsTimeMs: number): boolean {
  return Date.parse(createdAt) >= awsTimeMs - AWS_DATE_TOLERANCE_MS;
}

/** Calls it an adoption where the entity can show no owner: it appeared during the run, and another caller created it. */
function asAdoption(decision: Decision): Decision {
  return decision.action === 'update' || decision.action === 'no-op' ? { ...decision, action: 'adopt' } : decision;
}
