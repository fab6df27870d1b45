import { type DesiredEntity, entityId } from '../../contract/entity.js';
import type { Explanation, Found, RefusedCreate, Trail, TrailEvent } from '../../contract/explain.js';
import { CLOCK_TOLERANCE_MS, determineForeignCause, remedyForCause } from '../../engine/conflict-cause.js';
import type { CauseFinding, Creation } from '../../engine/conflict-cause.js';
import { describeConflictCode } from '../../engine/conflict-codes.js';
import { shellWord } from '../../report/shell-word.js';
import { describeRun } from '../describe.js';
import { type Creations, findCreations } from './creations.js';
import { activityOfConflict, causeOfConflict, hasFailed, isKept } from './entity-run.js';
import type { EntityRun } from './entity-run.js';
import { timelineOf } from './timeline.js';

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

/** An explanation, and what is to be said beside it. */
interface Explained {
  readonly explanation: Explanation;
  readonly notes: readonly string[];
}

/** Explains why a run or a call met an existing entity. */
export function buildExplanation(
  subject: Subject,
  entityRuns: readonly EntityRun[],
  found: Found,
  trail: Trail,
): Explained {
  const events = eventsOf(trail, subject);
  const creations = findCreations(entityRuns, events, found);
  const { finding, claim } = findCause(subject, entityRuns, creations);
  return {
    explanation: explanationOf({ subject, entityRuns, events, creations, finding, found, trail }),
    notes: claim === null ? [] : [`what files tell of ${entityId(subject)}, and nothing proves: ${claim}`],
  };
}

/** Everything that an explanation is made of. */
interface Known {
  readonly subject: Subject;
  readonly entityRuns: readonly EntityRun[];
  readonly events: readonly TrailEvent[];
  readonly creations: Creations;
  readonly finding: CauseFinding;
  readonly found: Found;
  readonly trail: Trail;
}

function explanationOf({ subject, entityRuns, events, creations, finding, found, trail }: Known): Explanation {
  const { kind, name, entityRun } = subject;
  const report = entityRun?.report ?? null;
  const creation = found.status === 'absent' ? null : creations.existing;
  return {
    kind,
    name,
    ...finding,
    remedy: remedyFor(finding, entityRun),
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
      ...(creation !== null && creations.isTold && { source: 'audit' }),
    },
    runs: entityRuns.map(({ run, report: outcome }) => ({ ...run, outcome: outcome?.outcome ?? null })),
    timeline: timelineOf(entityRuns, events),
  };
}

/** Returns the events of CloudTrail that are about an entity. IAM compares names without case. */
export function eventsOf({ events }: Trail, entity: { readonly kind: string; readonly name: string }): TrailEvent[] {
  return events.filter((event) => event.entity?.toLowerCase() === entityId(entity).toLowerCase());
}

/** A cause, and what files tell of it. */
interface FoundCause {
  readonly finding: CauseFinding;
  /** The cause that would follow from files, where the one that is proven is another. */
  readonly claim: string | null;
}

/** Finds the cause. What is proven without files stays. What follows from files is inferred. */
function findCause(subject: Subject, entityRuns: readonly EntityRun[], { shown, all }: Creations): FoundCause {
  const kept = entityRuns.filter(isKept);
  const finding = causeOf(subject, kept, shown);
  if (kept.length === entityRuns.length) return { finding, claim: null };
  const told = causeOf(subject, entityRuns, all);
  const isProven = finding.certainty === 'proven' && (subject.entityRun === null || isKept(subject.entityRun));
  if (!isProven) return { finding: { ...told, certainty: 'inferred' }, claim: null };
  return { finding, claim: told.headline === finding.headline ? null : told.headline };
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

function remedyFor({ cause }: CauseFinding, entityRun: EntityRun | null): string {
  const report = entityRun?.report ?? null;
  const remedy = remedyForCause(cause, report?.outcome ?? null);
  if (entityRun === null || report === null) return remedy;
  const hasFailedAlone = cause === 'none' && hasFailed(report);
  // No file tells a person what to do.
  if (!isKept(entityRun)) return hasFailedAlone ? 'apply again: that run tells what to do' : remedy;
  if (report.remedy === null) return remedy;
  if (hasFailedAlone) return report.remedy;
  if (report.outcome !== 'refused') return remedy;
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
