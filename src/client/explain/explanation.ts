import { type DesiredEntity, entityId } from '../../contract/entity.js';
import type { Explanation, Found, RefusedCreate, Trail, TrailEvent } from '../../contract/explain.js';
import type { EntityReport } from '../../contract/report.js';
import {
  CLOCK_TOLERANCE_MS,
  determineForeignCause,
  newestCreation,
  remedyForCause,
} from '../../engine/conflict-cause.js';
import type { CauseFinding, Creation } from '../../engine/conflict-cause.js';
import { describeConflictCode } from '../../engine/conflict-codes.js';
import { shellWord } from '../../report/shell-word.js';
import { describeRun } from '../describe.js';
import {
  activityOfConflict,
  causeOfConflict,
  CREATE_OPERATIONS,
  creationsOf,
  hasFailed,
  isKept,
} from './entity-run.js';
import type { EntityRun } from './entity-run.js';
import { timelineOf } from './timeline.js';

/** The longest time between sending a Create and the creation date that AWS records. */
const MAX_CREATE_MS = 20_000;

/** The entity to explain, with the run or the call in question. */
export interface Subject {
  readonly kind: string;
  readonly name: string;
  /** The entity as a run declared it. Only kind and name where no run did. */
  readonly declared: DesiredEntity;
  readonly entityRun: EntityRun | null;
  /** The call in question, where no run of iam-bootstrap made it. */
  readonly call: TrailEvent | null;
}

/** Explains why a run or a call met an existing entity. */
export function buildExplanation(
  subject: Subject,
  entityRuns: readonly EntityRun[],
  found: Found,
  trail: Trail,
): Explanation {
  const { kind, name, entityRun } = subject;
  const events = eventsOf(trail, subject);
  const { creations, ofFiles } = allCreations(entityRuns, events, found);
  const report = entityRun?.report ?? null;
  const finding = findCause(subject, entityRuns, creations, ofFiles);
  const creation = found.status === 'absent' ? null : newestCreation(creations);
  return {
    kind,
    name,
    ...finding,
    remedy: remedyFor(finding, report),
    command: entityRun === null ? null : commandFor(finding, entityRun),
    requestedBy:
      entityRun === null || report === null
        ? null
        : { ...entityRun.run, decision: report.decision, outcome: report.outcome },
    refusedCreate: refusalByAws(subject, events, trail),
    existing: {
      ...found,
      createdBy: creation?.caller ?? null,
      createCallAt: creation === null ? null : new Date(creation.at).toISOString(),
      requestId: creation?.requestId ?? null,
      ...(creation !== null && ofFiles.has(creation) && { source: 'audit' }),
    },
    runs: entityRuns.map(({ run, report: outcome }) => ({ ...run, outcome: outcome?.outcome ?? null })),
    timeline: timelineOf(entityRuns, events),
  };
}

/** Returns the events of CloudTrail that are about an entity. IAM compares names without case. */
export function eventsOf({ events }: Trail, entity: { readonly kind: string; readonly name: string }): TrailEvent[] {
  return events.filter((event) => event.entity?.toLowerCase() === entityId(entity).toLowerCase());
}

/** Finds the cause. What only files tell proves nothing: the same has to follow without them. */
function findCause(
  subject: Subject,
  entityRuns: readonly EntityRun[],
  creations: readonly Creation[],
  ofFiles: ReadonlySet<Creation>,
): CauseFinding {
  const finding = causeOf(subject, entityRuns, creations);
  const kept = entityRuns.filter(isKept);
  if (finding.certainty === 'inferred' || (kept.length === entityRuns.length && ofFiles.size === 0)) return finding;
  const proven = causeOf(
    subject,
    kept,
    creations.filter((creation) => !ofFiles.has(creation)),
  );
  const isProven = subject.entityRun === null || isKept(subject.entityRun);
  return isProven && proven.certainty === 'proven' && proven.headline === finding.headline
    ? finding
    : { ...finding, certainty: 'inferred' };
}

function causeOf(
  { entityRun, call }: Subject,
  entityRuns: readonly EntityRun[],
  creations: readonly Creation[],
): CauseFinding {
  if (entityRun?.report != null) return causeOfConflict(entityRun, entityRun.report, { entityRuns, creations });
  if (call !== null) return causeOfCall(call, creations);
  const headline =
    entityRun === null ? 'no run and no refused call has met it' : 'the run is still open: its outcome is unknown';
  return { cause: 'none', certainty: 'inferred', headline };
}

function causeOfCall(call: TrailEvent, known: readonly Creation[]): CauseFinding {
  if (call.code === null) {
    return { cause: 'none', certainty: 'proven', headline: `${call.operation} of ${call.principal} succeeded` };
  }
  const at = Date.parse(call.at);
  const creations = known.filter(
    (creation) => creation.at <= at + CLOCK_TOLERANCE_MS && creation.requestId !== call.requestId,
  );
  return determineForeignCause({ at, principal: call.principal, creations });
}

/** The Creates of an entity, and those that only files tell of. */
interface Creations {
  readonly creations: readonly Creation[];
  readonly ofFiles: ReadonlySet<Creation>;
}

/** Merges the Creates that runs, CloudTrail and the entity itself show, and adds what only files tell. Each is counted once. */
function allCreations(entityRuns: readonly EntityRun[], events: readonly TrailEvent[], found: Found): Creations {
  const kept = entityRuns.filter(isKept);
  const shown = shownCreations(kept, events);
  const told = creationsOf(entityRuns.filter((run) => !isKept(run))).filter(
    (creation) => !shown.some((other) => isSameCreation(other, creation)),
  );
  const creations = [...shown, ...told];
  const at = Date.parse(found.createdAt ?? '');
  const isKnown = creations.some(
    (creation) => at >= creation.at - CLOCK_TOLERANCE_MS && at <= creation.at + MAX_CREATE_MS,
  );
  if (Number.isNaN(at) || isKnown) return { creations, ofFiles: new Set(told) };
  const { createdByRun: runId } = found;
  const creator = kept.find(({ run }) => run.runId === runId) ?? entityRuns.find(({ run }) => run.runId === runId);
  const caller = creator !== undefined ? describeRun(creator.run) : runId === null ? null : `run ${runId}`;
  const creation = { at, runId, principal: null, caller, requestId: null };
  const isTold = creator !== undefined && !isKept(creator);
  return { creations: [...creations, creation], ofFiles: new Set([...told, ...(isTold ? [creation] : [])]) };
}

function shownCreations(kept: readonly EntityRun[], events: readonly TrailEvent[]): readonly Creation[] {
  const ofTrail = creationsInTrail(kept, events);
  const ofRuns = creationsOf(kept).map((creation) => {
    const same = ofTrail.find((other) => isSameCreation(other, creation));
    // A run does not know the request ID of a lost reply; CloudTrail does.
    return same === undefined ? creation : { ...creation, principal: same.principal, requestId: same.requestId };
  });
  const others = ofTrail.filter((creation) => !ofRuns.some((other) => isSameCreation(creation, other)));
  return [...ofRuns, ...others];
}

function creationsInTrail(entityRuns: readonly EntityRun[], events: readonly TrailEvent[]): Creation[] {
  return events
    .filter(({ code, operation }) => code === null && CREATE_OPERATIONS.test(operation))
    .map(({ at, runId, principal, requestId }) => {
      const run = entityRuns.find((entityRun) => entityRun.run.runId === runId)?.run;
      return {
        at: Date.parse(at),
        runId,
        principal,
        caller: run === undefined ? principal : describeRun(run),
        requestId,
      };
    });
}

function isSameCreation(event: Creation, creation: Creation): boolean {
  if (creation.requestId !== null) return event.requestId === creation.requestId;
  return event.runId !== null && event.runId === creation.runId;
}

/** Returns the Create that AWS refused, of the run or the call in question. Null where none was refused. */
function refusalByAws({ entityRun, call }: Subject, events: readonly TrailEvent[], trail: Trail): RefusedCreate | null {
  const conflict = entityRun?.report?.conflicts.at(-1);
  if (entityRun?.report != null && conflict !== undefined) {
    const { operation, code, requestId } = conflict;
    const event = events.find((other) => requestId !== null && other.requestId === requestId);
    const sent = events.filter((other) => other.runId === entityRun.run.runId && other.operation === operation);
    return {
      operation,
      code,
      ...describeConflictCode(code),
      requestId,
      at: activityOfConflict(entityRun, requestId)?.endedAt ?? event?.at ?? null,
      caller: describeRun(entityRun.run),
      attempts: entityRun.report.attempts,
      sent: trail.status === 'read' ? sent.length : null,
    };
  }
  if (call?.code == null) return null;
  const { operation, code, requestId, at, principal } = call;
  const sent = events.filter((other) => other.principal === principal && other.operation === operation).length;
  return { operation, code, ...describeConflictCode(code), requestId, at, caller: principal, attempts: null, sent };
}

function remedyFor({ cause }: CauseFinding, report: EntityReport | null): string {
  if (cause === 'none' && report !== null && hasFailed(report) && report.remedy !== null) return report.remedy;
  const remedy = remedyForCause(cause, report?.outcome ?? null);
  if (report?.outcome !== 'refused' || report.remedy === null) return remedy;
  return cause === 'parallel-writer' ? `${remedy}; or ${report.remedy}` : report.remedy;
}

/** Returns the command that brings the entity to its declared state. Null where there is none to suggest. */
function commandFor({ cause }: CauseFinding, { run, report }: EntityRun): string | null {
  if (cause === 'other-account') return 'iam-bootstrap doctor';
  // No file tells a person what to type.
  if (report === null || run.manifest === null || run.source === 'audit') return null;
  const files = run.manifest.split(', ').map((file) => `-f ${shellWord(file)}`);
  const environment = run.environment === null ? [] : ['--environment', shellWord(run.environment)];
  const apply = ['iam-bootstrap apply', ...files, ...environment].join(' ');
  if (report.remedy?.includes('--adopt foreign:') === true) {
    return `${apply} --adopt foreign:${shellWord(entityId(report))}`;
  }
  return cause === 'state-rolled-back' ? apply : null;
}

/** Returns the last Create of an entity that AWS refused, from any caller. */
export function lastRefusedCreate(trail: Trail, subject: Subject): TrailEvent | null {
  const isRefusedCreate = ({ code, operation }: TrailEvent): boolean => code !== null && operation.startsWith('Create');
  return eventsOf(trail, subject).filter(isRefusedCreate).at(-1) ?? null;
}
