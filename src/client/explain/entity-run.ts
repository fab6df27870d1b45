import { type DesiredEntity, entityKey } from '../../contract/entity.js';
import type { RunReference, TrailEvent } from '../../contract/explain.js';
import type { EntityReport, Outcome, Report } from '../../contract/report.js';
import { type CauseFinding, CLOCK_TOLERANCE_MS, type Creation, determineCause } from '../../engine/conflict-cause.js';
import { findKind } from '../../kinds/index.js';
import { plannedReport } from '../../report/build.js';
import { UNKNOWN_PIPELINE } from '../../report/run-description.js';
import { describeRun } from '../describe.js';
import type { ActivityRecord, EntityHistory, RunRecord } from './run-records.js';

/** A run and what it did with one entity. */
export interface EntityRun {
  readonly run: RunReference;
  /** Null while the outcome is unknown. */
  readonly report: EntityReport | null;
  /** The history of the entity's own workflow. Null where the plan already settled the entity. */
  readonly history: EntityHistory | null;
  /** True where the whole run was refused because the credentials belong to another account. */
  readonly isWrongAccount: boolean;
}
/** Operations that create an entity. */
export const CREATE_OPERATIONS = /^(Create|Upload)(?!PolicyVersion)/;

/** Outcomes after which a namespace owns the entity. */
const OWNED: ReadonlySet<Outcome> = new Set(['created', 'adopted', 'updated', 'replaced', 'unchanged']);

/** Returns the runs that include one entity, newest first. */
export function entityRunsOf(
  runs: readonly RunRecord[],
  histories: readonly EntityHistory[],
  entity: { readonly kind: string; readonly name: string },
): EntityRun[] {
  const ofIntent = new Map(histories.map((history) => [history.request.intent, history]));
  const unmatched = new Map(ofIntent);
  const matched = runs.flatMap((record): EntityRun[] => {
    const run = record.reference;
    // A file tells nothing of a run whose history in Temporal tells it.
    if (run.source === 'audit' && ofIntent.has(run.runId)) return [];
    const history = unmatched.get(run.runId) ?? null;
    unmatched.delete(run.runId);
    const reported = record.report?.entities.find((report) => entityKey(report) === entityKey(entity));
    const report = reported ?? history?.report ?? null;
    return report === null && history === null ? [] : [{ run, report, history, isWrongAccount: false }];
  });
  // Temporal no longer keeps the bootstrap run of these, or another client started them.
  const others = [...unmatched.values()].map((history): EntityRun => ({
    run: referenceOf(history),
    report: history.report,
    history,
    isWrongAccount: false,
  }));
  return newestFirst([...matched, ...others]);
}

/** True for a run that Temporal has. Nothing proves what a file tells of others. */
export function isKept({ run }: EntityRun): boolean {
  return run.source === undefined;
}

/** Sorts runs by their start, newest first. */
export function newestFirst(runs: readonly EntityRun[]): EntityRun[] {
  return [...runs].sort((a, b) => b.run.startedAt.localeCompare(a.run.startedAt));
}

function referenceOf({ workflowId, runId, startedAt, request, activities }: EntityHistory): RunReference {
  return {
    workflowId,
    runId,
    url: null,
    namespace: request.namespace,
    environment: null,
    manifest: null,
    pipeline: UNKNOWN_PIPELINE,
    startedAt,
    endedAt: activities.at(-1)?.endedAt ?? null,
  };
}

/** Returns a run that was refused because the credentials belong to another account, as a run of one of its entities. */
export function wrongAccountRun({ reference, report }: RunRecord, { kind, name }: DesiredEntity): EntityRun {
  const reason = report?.reason ?? null;
  const remedy = report?.remedy ?? null;
  const decision = { action: 'refuse', drift: [], unmanaged: [], reason, remedy } as const;
  const entity = plannedReport({ kind, name, arn: null, decision }, undefined);
  return { run: reference, report: entity, history: null, isWrongAccount: true };
}

/** True where a run was refused before it read anything, because the credentials belong to another account. */
export function isWrongAccountReport(report: Report | null): boolean {
  return report?.result === 'refused' && report.entities.length === 0 && report.reason !== null;
}

/** True for a conflict, an existing entity, or a lost reply. */
export function needsExplanation(entity: EntityReport | null): entity is EntityReport {
  if (entity === null) return false;
  const { outcome, conflicts } = entity;
  return conflicts.length > 0 || outcome === 'adopted' || outcome === 'refused' || hasLostReply(entity);
}

/** True for an entity that a run could not bring to its declared state, whatever it met. */
export function hasFailed({ outcome }: EntityReport): boolean {
  return outcome === 'failed' || outcome === 'cancelled';
}

function hasLostReply({ confirmedBy }: EntityReport): boolean {
  return confirmedBy === 'intent-tag' || confirmedBy === 'recorded-attempt';
}

/** The context from which the cause of a conflict is determined. */
export interface ConflictContext {
  readonly entityRuns: readonly EntityRun[];
  readonly creations: readonly Creation[];
}

/** Determines why one run met an existing entity. */
export function causeOfConflict(
  { run, history, isWrongAccount }: EntityRun,
  report: EntityReport,
  { entityRuns, creations }: ConflictContext,
): CauseFinding {
  const endedAt = run.endedAt === null ? Number.POSITIVE_INFINITY : Date.parse(run.endedAt);
  const earlier = entityRuns.find(
    (other) => other.run.namespace === run.namespace && other.run.startedAt < run.startedAt,
  );
  const wasOwned = earlier?.report != null && isOwned(earlier.report);
  const finding = determineCause({
    name: report.name,
    runId: run.runId,
    inventoryStartedAt: Date.parse(run.startedAt),
    outcome: report.outcome,
    confirmedBy: report.confirmedBy,
    conflict: report.conflicts.length > 0,
    isAbsentInInventory: history?.request.action === 'create',
    otherPath: conflictingPath(report),
    reason: report.reason,
    elsewhere:
      isWrongAccount || (report.reason !== null && report.reason === findKind(report.kind)?.globallyTakenReason),
    creations: creations.filter(({ at }) => at <= endedAt + CLOCK_TOLERANCE_MS),
    ownedAt: wasOwned ? Date.parse(earlier.run.endedAt ?? earlier.run.startedAt) : null,
  });
  return finding.cause === 'none' && hasFailed(report) ? { ...finding, headline: describeFailedRun(report) } : finding;
}

/** Describes what an entity that failed or was cancelled has got, and what it has not. */
function describeFailedRun({ outcome, reason, writes, remainingWrites = [] }: EntityReport): string {
  const written = writes.map(({ operation }) => operation);
  return [
    `no conflict, but it ${outcome === 'cancelled' ? 'was cancelled' : 'failed'}: ${reason ?? 'for an unknown reason'}`,
    written.length === 0 ? 'nothing was written' : `written: ${written.join(', ')}`,
    ...(remainingWrites.length === 0 ? [] : [`left to do: ${remainingWrites.join(', ')}`]),
  ].join('; ');
}

/** True where the namespace owned the entity after a run. An unchanged entity with a reason was only observed. */
function isOwned({ outcome, reason }: EntityReport): boolean {
  return OWNED.has(outcome) && (outcome !== 'unchanged' || reason === null);
}

/** Returns the path that made a run refuse the entity: AWS has no call that changes a path. */
function conflictingPath({ outcome, drift }: EntityReport): string | null {
  const path = drift.find((difference) => difference.path === 'path' && difference.immutable === true);
  return outcome === 'refused' && typeof path?.observed === 'string' ? path.observed : null;
}

/** Returns the Creates of the entity that runs are known to have made. The run of a reset has those before it again. */
export function creationsOf(entityRuns: readonly EntityRun[]): Creation[] {
  const creations = entityRuns.flatMap(({ run, report }): Creation[] => {
    if (report === null || !['created', 'replaced', 'failed', 'cancelled'].includes(report.outcome)) return [];
    const create = report.writes.find(({ operation }) => CREATE_OPERATIONS.test(operation));
    const write = create ?? (hasFailed(report) ? undefined : report.writes[0]);
    if (write === undefined) return [];
    const { at, requestId } = write;
    return [{ at: Date.parse(at), runId: run.runId, principal: null, caller: describeRun(run), requestId }];
  });
  // The oldest run, which is the last one, has sent it.
  const sent = new Map(creations.map((creation) => [creation.requestId, creation]));
  return creations.filter((creation) => creation.requestId === null || sent.get(creation.requestId) === creation);
}

/** Finds the activity that met a conflict. */
export function activityOfConflict({ history }: EntityRun, requestId: string | null): ActivityRecord | undefined {
  return history?.activities.find(({ result }) =>
    result?.conflicts.some((conflict) => conflict.requestId === requestId),
  );
}

/** True where a write, a conflict or the reason has the ID of an AWS request. */
export function mentionsRequest({ writes, conflicts, reason }: EntityReport, requestId: string): boolean {
  return [...writes, ...conflicts].some((call) => call.requestId === requestId) || reason?.includes(requestId) === true;
}

/** Returns the run with the given ID, or else the last one that needs an explanation. Null where a call is in question. */
export function runInQuestion(
  entityRuns: readonly EntityRun[],
  { runId, call }: { readonly runId: string | null; readonly call: TrailEvent | null },
): EntityRun | null {
  if (runId !== null) {
    const ofId = entityRuns.filter(({ run, history }) => run.runId === runId || history?.request.intent === runId);
    // A file may tell of any run.
    return ofId.find(isKept) ?? ofId[0] ?? null;
  }
  if (call !== null) return null;
  const kept = entityRuns.filter(isKept);
  const [newest = null] = kept.length > 0 ? kept : entityRuns;
  if (newest?.report != null && hasFailed(newest.report)) return newest;
  return [...kept, ...entityRuns].find(({ report }) => needsExplanation(report)) ?? newest;
}
