import type { DesiredEntity } from '../contract/entity.js';
import { entityId, entityKey, originOf } from '../contract/entity.js';
import type { Answered, Explanation, Found, Moment, RunReference, Trail, TrailEvent } from '../contract/explain.js';
import type { EntityReport, Outcome, Report } from '../contract/report.js';
import { determineCause, determineForeignCause, newestCreation, remedyForCause } from '../engine/conflict-cause.js';
import type { Creation, RunCase, CauseFinding } from '../engine/conflict-cause.js';
import { describeConflictCode } from '../engine/conflict-codes.js';
import { findKind } from '../kinds/index.js';
import type { KeptEntityRun, KeptRun } from './histories.js';

/** A run and what it did with one entity. */
export interface Touch {
  readonly run: RunReference;
  /** What became of the entity; null while that is open. */
  readonly entity: EntityReport | null;
  /** The history of the entity's own workflow; null where the plan already ended it. */
  readonly kept: KeptEntityRun | null;
  /** The whole run was refused, because the credentials are another account's. */
  readonly wrongAccount: boolean;
}

/** What is asked after. */
export interface Subject {
  readonly kind: string;
  readonly name: string;
  /** As a run declared it; only kind and name where none did. */
  readonly declared: DesiredEntity;
  /** The run in question. */
  readonly touch: Touch | null;
  /** The call in question, where it was no run of ours. */
  readonly call: TrailEvent | null;
}

/** CloudTrail counts whole seconds, and clocks differ. */
const CLOCK_MS = 2_000;

/** From when a Create is sent to when AWS says that it was done, at most. */
const CALL_MS = 20_000;

/** Operations that make an entity. */
const CREATES = /^(Create|Upload)(?!PolicyVersion)/;

/** Moments of a timeline, the newest ones. */
const MAX_MOMENTS = 200;

/** Outcomes after which a namespace has the entity as its own. */
const OWNED: ReadonlySet<Outcome> = new Set(['created', 'adopted', 'updated', 'replaced', 'unchanged']);

/** What runs did with one entity, newest first. */
export function touchesOf(
  runs: readonly KeptRun[],
  histories: readonly KeptEntityRun[],
  entity: { readonly kind: string; readonly name: string },
): Touch[] {
  const unclaimed = new Map(histories.map((kept) => [kept.request.intent, kept]));
  const touches = runs.flatMap((run): Touch[] => {
    const kept = unclaimed.get(run.reference.runId) ?? null;
    unclaimed.delete(run.reference.runId);
    const report = run.report?.entities.find((one) => entityKey(one) === entityKey(entity)) ?? kept?.report ?? null;
    if (report === null && kept === null) return [];
    return [{ run: run.reference, entity: report, kept, wrongAccount: false }];
  });
  // A child whose run is kept no more, or was none of ours.
  const orphans = [...unclaimed.values()].map((kept): Touch => ({
    run: referenceOf(kept),
    entity: kept.report,
    kept,
    wrongAccount: false,
  }));
  return [...touches, ...orphans].sort((a, b) => b.run.startedAt.localeCompare(a.run.startedAt));
}

function referenceOf({ workflowId, runId, startedAt, request, steps }: KeptEntityRun): RunReference {
  return {
    workflowId,
    runId,
    url: null,
    namespace: request.namespace,
    environment: null,
    manifest: null,
    pipeline: { provider: 'unknown', url: null, commit: null, actor: null },
    startedAt,
    endedAt: steps.at(-1)?.endedAt ?? null,
  };
}

/** A run that could not begin, because the credentials are another account's, in the words of one of its entities. */
export function wrongAccountTouch(run: KeptRun, { kind, name }: DesiredEntity): Touch {
  const { reason = null, remedy = null } = run.report ?? {};
  const entity: EntityReport = {
    kind,
    name,
    arn: null,
    decision: 'refuse',
    outcome: 'refused',
    confirmedBy: null,
    drift: [],
    unmanaged: [],
    writes: [],
    conflicts: [],
    reason,
    remedy,
    attempts: 0,
  };
  return { run: run.reference, entity, kept: null, wrongAccount: true };
}

/** Whether a run as a whole was refused before it could read anything: its credentials are another account's. */
export function isWrongAccount(report: Report | null): boolean {
  return report?.result === 'refused' && report.entities.length === 0 && report.reason !== null;
}

/** Whether there is something to explain: something stood in the way, or a reply was lost. */
export function isRemarkable(entity: EntityReport | null): entity is EntityReport {
  if (entity === null) return false;
  const { outcome, conflicts, confirmedBy } = entity;
  if (conflicts.length > 0 || outcome === 'adopted' || outcome === 'refused') return true;
  return confirmedBy === 'intent-tag' || confirmedBy === 'recorded-attempt';
}

/** `ci (https://…)`: who a run is of, for people. */
export function whoOf({ namespace, pipeline }: RunReference): string {
  return `${namespace} (${originOf(pipeline)})`;
}

/** What is known beside the run itself. */
export interface Surroundings {
  /** All that touched the entity, newest first. */
  readonly touches: readonly Touch[];
  /** Creates of it that are known to have succeeded. */
  readonly creations: readonly Creation[];
}

/** The verdict over one entity of one run. */
export function verdictOf(touch: Touch, entity: EntityReport, { touches, creations }: Surroundings): CauseFinding {
  const endedAt = touch.run.endedAt === null ? Number.POSITIVE_INFINITY : Date.parse(touch.run.endedAt);
  const earlier = touches.find(
    ({ run }) => run.namespace === touch.run.namespace && run.startedAt < touch.run.startedAt,
  );
  const owned = earlier?.entity != null && isOwned(earlier.entity);
  const one: RunCase = {
    name: entity.name,
    runId: touch.run.runId,
    lookedAt: Date.parse(touch.run.startedAt),
    outcome: entity.outcome,
    confirmedBy: entity.confirmedBy,
    conflict: entity.conflicts.length > 0,
    absentAtLook: touch.kept?.request.action === 'create',
    otherPath: otherPathOf(entity),
    reason: entity.reason,
    elsewhere:
      touch.wrongAccount || (entity.reason !== null && entity.reason === findKind(entity.kind)?.globallyTakenReason),
    creations: creations.filter(({ at }) => at <= endedAt + CLOCK_MS),
    ownedAt: owned ? Date.parse(earlier.run.endedAt ?? earlier.run.startedAt) : null,
  };
  return determineCause(one);
}

/** What is only observed, or left to others, has a reason to be unchanged. */
function isOwned({ outcome, reason }: EntityReport): boolean {
  return OWNED.has(outcome) && (outcome !== 'unchanged' || reason === null);
}

/** The path that stood in the way: AWS has no call that changes it. */
function otherPathOf({ outcome, drift }: EntityReport): string | null {
  const path = drift.find((one) => one.path === 'path' && one.immutable === true);
  return outcome === 'refused' && typeof path?.observed === 'string' ? path.observed : null;
}

/** Creates of the entity that runs are known to have made. */
export function creationsOf(touches: readonly Touch[]): Creation[] {
  return touches.flatMap(({ run, entity }) => {
    if (entity?.outcome !== 'created' && entity?.outcome !== 'replaced') return [];
    const write = entity.writes.find(({ operation }) => CREATES.test(operation)) ?? entity.writes[0];
    if (write === undefined) return [];
    const { at, requestId } = write;
    return [{ at: Date.parse(at), runId: run.runId, principal: null, who: whoOf(run), requestId }];
  });
}

/** Why one entity met what is there, from all that is known. */
export function explanationOf(subject: Subject, touches: readonly Touch[], found: Found, trail: Trail): Explanation {
  const { kind, name, touch, call } = subject;
  const events = trail.events.filter((event) => event.entity?.toLowerCase() === entityId(subject).toLowerCase());
  const known = allCreations(touches, events, found);
  const entity = touch?.entity ?? null;
  const verdict =
    touch !== null && entity !== null
      ? verdictOf(touch, entity, { touches, creations: known })
      : call !== null
        ? foreignVerdict(call, known)
        : nothingMet(touch !== null);
  const made = found.status === 'absent' ? null : newestCreation(known);
  return {
    kind,
    name,
    ...verdict,
    remedy: remedyFor(verdict, entity),
    command: touch === null ? null : commandFor(verdict, touch),
    asked:
      touch === null || entity === null ? null : { ...touch.run, decision: entity.decision, outcome: entity.outcome },
    answered: answeredTo(subject, events, trail),
    there: {
      ...found,
      madeBy: made?.who ?? null,
      madeAt: made === null ? null : new Date(made.at).toISOString(),
      requestId: made?.requestId ?? null,
    },
    runs: touches.map((one) => ({ ...one.run, outcome: one.entity?.outcome ?? null })),
    timeline: timelineOf(touches, events).slice(-MAX_MOMENTS),
  };
}

function nothingMet(isOpen: boolean): CauseFinding {
  const headline = isOpen
    ? 'the run is under way, and what comes of it is not known yet'
    : 'no run and no refused call is known that has met it';
  return { cause: 'none', certainty: 'inferred', headline };
}

function foreignVerdict(call: TrailEvent, known: readonly Creation[]): CauseFinding {
  const at = Date.parse(call.at);
  if (call.code === null) {
    return { cause: 'none', certainty: 'proven', headline: `AWS carried out ${call.operation} of ${call.principal}` };
  }
  const creations = known.filter((one) => one.at <= at + CLOCK_MS && one.requestId !== call.requestId);
  return determineForeignCause({ at, principal: call.principal, creations });
}

/** What runs, CloudTrail and the entity itself tell of its Creates; each is counted once. */
function allCreations(touches: readonly Touch[], events: readonly TrailEvent[], found: Found): Creation[] {
  const ofRuns = creationsOf(touches);
  const ofTrail = events
    .filter(({ code, operation }) => code === null && CREATES.test(operation))
    .map(({ at, runId, principal, requestId }): Creation => {
      const run = touches.find((one) => one.run.runId === runId)?.run;
      return { at: Date.parse(at), runId, principal, who: run === undefined ? principal : whoOf(run), requestId };
    });
  const told = ofRuns.map((creation) => {
    const same = ofTrail.find((one) => isSame(one, creation));
    // A run does not know the request ID of a reply that was lost.
    return same === undefined ? creation : { ...creation, principal: same.principal, requestId: same.requestId };
  });
  const all = [...told, ...ofTrail.filter((one) => !told.some((other) => isSame(one, other)))];
  const createdAt = Date.parse(found.createdAt ?? '');
  const isThis = ({ at }: Creation): boolean => createdAt >= at - CLOCK_MS && createdAt <= at + CALL_MS;
  if (Number.isNaN(createdAt) || all.some(isThis)) return all;
  const maker = touches.find(({ run }) => run.runId === found.madeByRun)?.run;
  const who = maker !== undefined ? whoOf(maker) : found.madeByRun === null ? null : `run ${found.madeByRun}`;
  return [...all, { at: createdAt, runId: found.madeByRun, principal: null, who, requestId: null }];
}

function isSame(event: Creation, creation: Creation): boolean {
  if (creation.requestId !== null) return event.requestId === creation.requestId;
  return event.runId !== null && event.runId === creation.runId;
}

function answeredTo({ touch, call }: Subject, events: readonly TrailEvent[], trail: Trail): Answered | null {
  const entity = touch?.entity ?? null;
  const conflict = entity?.conflicts.at(-1);
  const isRead = trail.status === 'read';
  if (touch !== null && entity !== null && conflict !== undefined) {
    const { operation, code, requestId } = conflict;
    const event = events.find((one) => one.requestId !== null && one.requestId === requestId);
    const own = events.filter((one) => one.runId === touch.run.runId && one.operation === operation);
    return {
      operation,
      code,
      ...describeConflictCode(code),
      requestId,
      at: stepOf(touch, requestId)?.endedAt ?? event?.at ?? null,
      who: whoOf(touch.run),
      attempts: entity.attempts,
      sent: isRead ? own.length : null,
    };
  }
  if (call?.code == null) return null;
  const { operation, code, requestId, at, principal } = call;
  const sent = events.filter((one) => one.principal === principal && one.operation === operation).length;
  return { operation, code, ...describeConflictCode(code), requestId, at, who: principal, attempts: null, sent };
}

/** The step that met a conflict. */
function stepOf({ kept }: Touch, requestId: string | null): KeptEntityRun['steps'][number] | undefined {
  return kept?.steps.find(({ result }) => result?.conflicts.some((one) => one.requestId === requestId));
}

function remedyFor({ cause }: CauseFinding, entity: EntityReport | null): string {
  const usual = remedyForCause(cause, entity?.outcome ?? null);
  if (entity?.outcome !== 'refused' || entity.remedy === null) return usual;
  return cause === 'parallel-writer' ? `${usual}; or ${entity.remedy}` : entity.remedy;
}

/** What to type to have it as the manifest wants it. */
function commandFor({ cause }: CauseFinding, { run, entity }: Touch): string | null {
  if (cause === 'other-account') return 'iam-bootstrap doctor';
  if (entity === null || run.manifest === null) return null;
  const files = run.manifest.split(', ').map((file) => `-f ${quoted(file)}`);
  const environment = run.environment === null ? [] : ['--environment', quoted(run.environment)];
  const apply = ['iam-bootstrap apply', ...files, ...environment].join(' ');
  if (entity.remedy?.includes('--adopt foreign:') === true)
    return `${apply} --adopt foreign:${quoted(entityId(entity))}`;
  return cause === 'state-rolled-back' ? apply : null;
}

function quoted(text: string): string {
  return /^[\w./:@=+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** All that happened to the entity, oldest first. What a run and CloudTrail both tell of is one moment. */
function timelineOf(touches: readonly Touch[], events: readonly TrailEvent[]): Moment[] {
  const moments = touches.flatMap(momentsOf);
  const lone: Moment[] = [];
  for (const event of events) {
    const { at, operation, code, requestId, runId, principal, sourceIdentity } = event;
    const index = moments.findIndex(
      (one) =>
        (requestId !== null && one.requestId === requestId) ||
        (one.requestId === null && one.runId === runId && one.what === `${operation}: reply lost`),
    );
    const moment = moments[index];
    if (moment !== undefined) {
      moments[index] = { ...moment, source: 'both', requestId };
      continue;
    }
    const run = touches.find((one) => one.run.runId === runId)?.run;
    const as = sourceIdentity === null ? '' : ` (${sourceIdentity})`;
    const who = run === undefined ? `${principal}${as}` : whoOf(run);
    lone.push({ at, source: 'cloudtrail', who, what: answer(operation, code), requestId, runId });
  }
  return [...moments, ...lone].sort((a, b) => a.at.localeCompare(b.at));
}

function answer(operation: string, code: string | null): string {
  return code === null ? `${operation} accepted` : `${operation} answered ${code}`;
}

function momentsOf(touch: Touch): Moment[] {
  const { run, entity, kept } = touch;
  const { runId } = run;
  const who = whoOf(run);
  const moment = (at: string, what: string, requestId: string | null = null): Moment => {
    return { at, source: 'temporal', who, what, requestId, runId };
  };
  const planned = kept?.request.action ?? entity?.decision;
  const writes = entity?.writes ?? kept?.steps.flatMap(({ result }) => result?.writes ?? []) ?? [];
  return [
    moment(run.startedAt, planned === undefined ? 'run began' : `run began, and planned: ${planned}`),
    ...(kept?.steps ?? []).flatMap(({ name, startedAt, attempt, lastFailure }) =>
      attempt > 1 && startedAt !== null
        ? [
            moment(
              startedAt,
              `Temporal repeated ${name}, attempt ${String(attempt)}: ${lastFailure ?? 'the worker was lost'}`,
            ),
          ]
        : [],
    ),
    ...writes.map(({ at, operation, requestId }) =>
      moment(at, requestId === null ? `${operation}: reply lost` : answer(operation, null), requestId),
    ),
    ...(entity?.conflicts ?? []).map(({ operation, code, requestId }) =>
      moment(stepOf(touch, requestId)?.endedAt ?? run.startedAt, answer(operation, code), requestId),
    ),
    ...(run.endedAt === null || entity === null
      ? []
      : [moment(run.endedAt, `run ended: ${entity.outcome}${entity.reason === null ? '' : `, ${entity.reason}`}`)]),
  ];
}
