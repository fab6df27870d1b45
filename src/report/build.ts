import type { Plan, PlannedEntity } from '../contract/activities.js';
import type { Json } from '../contract/entity.js';
import { ExitCode, FAILURES, type FailureType } from '../contract/failures.js';
import { OUTCOMES } from '../contract/report.js';
import type {
  Decision,
  Drift,
  EntityReport,
  Outcome,
  Report,
  ReportResult,
  Summary,
  WriteRecord,
} from '../contract/report.js';
import type { BootstrapRequest } from '../contract/request.js';
import { arnsOf, grantsOf } from './grants.js';

/** The run that a report is about. */
export interface ReportedRun {
  readonly command: Report['command'];
  readonly request: BootstrapRequest;
  readonly workflowId: string;
  readonly runId: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
}

/** A failure that ended a run or an entity, for people. */
export interface ReportedFailure {
  readonly type: FailureType;
  /** The message, with the AWS request ID where one is known. */
  readonly reason: string;
  readonly remedy: string;
  /** Calls that the failed activity sent, by operation. */
  readonly calls: Readonly<Record<string, number>>;
  /** Writes that AWS carried out, or may have, before the failure. */
  readonly writes: readonly WriteRecord[];
  /** Writes that were due and that AWS has not confirmed, in words. */
  readonly remainingWrites: readonly string[];
  /** The last decision about the entity. Null where none was made. */
  readonly decision: Decision | null;
}

/** Builds the report of a run from the reports of its entities. */
export function buildReport(
  { command, request, workflowId, runId, startedAt }: ReportedRun,
  entities: readonly EntityReport[],
  calls: Readonly<Record<string, number>>,
  now: number,
): Report {
  return {
    version: 2,
    command,
    result: resultOf(entities),
    account: request.target.account,
    partition: request.target.partition,
    namespace: request.namespace,
    environment: request.environment,
    digest: request.digest,
    request: { key: request.key, pipeline: request.pipeline },
    ...(request.revision === undefined ? {} : { revision: request.revision }),
    workflow: { workflowId, runId, url: null },
    entities: truncateToFit(withGrants(entities, request)),
    summary: summarize(entities),
    apiCalls: { total: Object.values(calls).reduce((sum, count) => sum + count, 0), byOperation: calls },
    startedAt: new Date(startedAt).toISOString(),
    durationMs: now - startedAt,
    reason: null,
    remedy: null,
  };
}

/** Returns the parts of a report that its plan tells: orphans, guardrails, and who asks. */
export function planPartsOf({
  orphans,
  otherManifests,
  guardrails,
  requester,
  principal,
}: Plan): Pick<Report, 'orphans' | 'otherManifests' | 'guardrails' | 'requester' | 'principal'> {
  return {
    ...(principal === undefined ? {} : { principal }),
    ...(requester === undefined ? {} : { requester: requester.identity }),
    ...(guardrails === undefined ? {} : { guardrails }),
    ...(orphans === undefined ? {} : { orphans }),
    ...(otherManifests === undefined ? {} : { otherManifests }),
  };
}

/** Adds what each entity gets, which the request knows. */
function withGrants(
  entities: readonly EntityReport[],
  { entities: desired }: Pick<BootstrapRequest, 'entities'>,
): readonly EntityReport[] {
  const arnOf = arnsOf(entities);
  return entities.map((entity, index) => ({
    ...entity,
    grants: grantsOf(entity, desired[index], arnOf),
    // The plan adds orphans behind what the request declares.
    ...(index < desired.length ? {} : { orphan: true as const }),
  }));
}

/** Builds the report of a run that could not read the account: no entity was read, and nothing was written. */
export function buildFailedReport(
  run: ReportedRun,
  { type, reason, remedy, calls }: ReportedFailure,
  now: number,
): Report {
  return {
    ...buildReport(run, [], calls, now),
    result: resultOfFailure(type),
    reason,
    remedy,
  };
}

/** Returns the result of a run that a failure has ended. */
export function resultOfFailure(type: FailureType): ReportResult {
  if (isRefusal(type)) return 'refused';
  return FAILURES[type].exitCode === ExitCode.Busy ? 'busy' : 'failed';
}

/** Reports whether a failure is a refusal by our rules, not an error. */
export function isRefusal(type: FailureType): boolean {
  return FAILURES[type].exitCode === ExitCode.Refused;
}

/** Builds the report of an entity before anything is written. */
export function plannedReport(
  planned: Pick<PlannedEntity, 'kind' | 'name' | 'decision'> & Pick<EntityReport, 'arn'>,
  source: EntityReport['source'],
): EntityReport {
  const {
    action,
    drift,
    unmanaged,
    cosmetic,
    reason,
    remedy,
    omittedLines,
    suppressed,
    unread,
    warnings = [],
  } = planned.decision;
  return {
    kind: planned.kind,
    name: planned.name,
    arn: planned.arn,
    decision: action,
    outcome: outcomeOf(planned.decision),
    confirmedBy: null,
    drift,
    grants: [],
    warnings,
    unmanaged,
    writes: [],
    conflicts: [],
    reason,
    remedy,
    attempts: 0,
    ...(suppressed === undefined ? {} : { suppressed }),
    ...(cosmetic === undefined ? {} : { cosmetic }),
    ...(omittedLines === undefined ? {} : { omittedLines }),
    ...(source === undefined ? {} : { source }),
    ...(unread === undefined ? {} : { unread }),
  };
}

/** Returns the outcome of a decision that nothing was written for. */
function outcomeOf({ action, unread }: Pick<Decision, 'action' | 'unread'>): Outcome {
  if (unread !== undefined) return 'failed';
  return action === 'no-op' ? 'unchanged' : action === 'refuse' ? 'refused' : 'pending';
}

/** Builds the report of an entity that was not written as planned. */
export function skippedReport(planned: PlannedEntity, source: EntityReport['source'], reason: string): EntityReport {
  return { ...plannedReport(planned, source), outcome: 'skipped', reason, remedy: null };
}

/** Counts outcomes and conflicts. */
export function summarize(entities: readonly Pick<EntityReport, 'outcome' | 'conflicts'>[]): Summary {
  const zeros = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>;
  const summary = { ...zeros, conflicts: 0 };
  for (const entity of entities) {
    summary[entity.outcome] += 1;
    summary.conflicts += entity.conflicts.length;
  }
  return summary;
}

/** Returns the result that a list of outcomes amounts to. The gravest outcome wins. */
export function resultOf(entities: readonly Pick<EntityReport, 'outcome'>[]): ReportResult {
  const has = (...outcomes: Outcome[]): boolean => entities.some((entity) => outcomes.includes(entity.outcome));
  if (has('failed')) return 'failed';
  if (has('refused')) return 'refused';
  if (has('cancelled')) return 'cancelled';
  if (has('skipped')) return 'failed';
  if (has('pending')) return 'pending';
  return 'converged';
}

/** Adds call counts by operation. */
export function addCalls(
  total: Readonly<Record<string, number>>,
  more: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum: Record<string, number> = { ...total };
  for (const [operation, count] of Object.entries(more)) sum[operation] = (sum[operation] ?? 0) + count;
  return sum;
}

/** Characters that the entities of a plan or a report may take. Compressed, it is well below Temporal's 2 MB. */
const MAX_CHARACTERS = 5_000_000;

/**
 * Lists that may be cut short, in this order: writes come first, because each entity's own run reports them too, and
 * warnings last, because a reviewer has to see them first.
 */
const LISTS = ['writes', 'grants', 'cosmetic', 'drift', 'unmanaged', 'suppressed', 'warnings'] as const;

/** Characters of a value of a drift in a report that is too large with whole values. */
const MAX_SHORT_VALUE = 300;

type Truncatable = Pick<Decision, 'drift' | 'unmanaged' | 'cosmetic' | 'omittedLines'> &
  Partial<Pick<EntityReport, 'writes' | 'grants' | 'suppressed' | 'warnings'>>;

/** Cuts values, and then lists to their first line, where all of it would be too large for Temporal; counts the rest. */
export function truncateToFit<T extends Truncatable>(
  entities: readonly T[],
  maxCharacters = MAX_CHARACTERS,
): readonly T[] {
  const isTooLarge = (some: readonly T[]): boolean => JSON.stringify(some).length > maxCharacters;
  if (!isTooLarge(entities)) return entities;
  let shorter: readonly T[] = entities.map((entity) => ({ ...entity, drift: entity.drift.map(withShortValues) }));
  for (const list of LISTS) {
    if (!isTooLarge(shorter)) break;
    shorter = shorter.map((entity) => {
      const lines = entity[list] ?? [];
      if (lines.length <= 1) return entity;
      return { ...entity, [list]: lines.slice(0, 1), omittedLines: (entity.omittedLines ?? 0) + lines.length - 1 };
    });
  }
  return shorter;
}

function withShortValues(drift: Drift): Drift {
  return { ...drift, observed: shortValue(drift.observed), desired: shortValue(drift.desired) };
}

function shortValue(value: Json): Json {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length <= MAX_SHORT_VALUE ? value : `${text.slice(0, MAX_SHORT_VALUE)}…`;
}

/** Returns the exit code of a result. `pending` is 2 only where the caller asked for detailed exit codes. */
export function exitCodeOf(
  result: ReportResult,
  options: { readonly detailed: boolean } = { detailed: false },
): ExitCode {
  switch (result) {
    case 'converged':
      return ExitCode.Converged;
    case 'pending':
      return options.detailed ? ExitCode.Pending : ExitCode.Converged;
    case 'refused':
      return ExitCode.Refused;
    case 'failed':
    case 'cancelled':
      return ExitCode.Failed;
    case 'busy':
      return ExitCode.Busy;
  }
}
