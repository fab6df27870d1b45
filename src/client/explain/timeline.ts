import type { TimelineEvent, TrailEvent } from '../../contract/explain.js';
import { describeRun } from '../describe.js';
import { activityOfConflict, type EntityRun, isKept } from './entity-run.js';

const MAX_EVENTS = 200;

/** Returns what happened to an entity, oldest first. A call that both a run and CloudTrail report is one event. */
export function timelineOf(entityRuns: readonly EntityRun[], trailEvents: readonly TrailEvent[]): TimelineEvent[] {
  const events = withoutRepeated(entityRuns.flatMap(eventsOfRun));
  const others: TimelineEvent[] = [];
  for (const trailEvent of trailEvents) {
    const { operation, requestId, runId } = trailEvent;
    const index = events.findIndex(
      (event) =>
        (requestId !== null && event.requestId === requestId) ||
        (event.requestId === null && event.runId === runId && event.description === lostReply(operation)),
    );
    const event = events[index];
    if (event === undefined) others.push(fromTrail(trailEvent, entityRuns));
    else if (event.source === 'audit') events[index] = fromTrail(trailEvent, entityRuns);
    else events[index] = { ...event, source: 'both', requestId };
  }
  return [...events, ...others].sort((a, b) => a.at.localeCompare(b.at)).slice(-MAX_EVENTS);
}

/** Drops the calls that a run of a reset has from the one before, and those of files that Temporal shows as well. */
function withoutRepeated(events: readonly TimelineEvent[]): TimelineEvent[] {
  const keyOf = ({ requestId, description }: TimelineEvent): string | null =>
    requestId === null ? null : `${requestId} ${description}`;
  const shown = new Map(events.filter(({ source }) => source === 'audit').map((event) => [keyOf(event), event]));
  // The oldest run, which is the last one, has made the call.
  for (const event of events) if (event.source !== 'audit') shown.set(keyOf(event), event);
  return events.filter((event) => keyOf(event) === null || shown.get(keyOf(event)) === event);
}

function fromTrail(event: TrailEvent, entityRuns: readonly EntityRun[]): TimelineEvent {
  const { at, operation, code, requestId, runId, principal, sourceIdentity } = event;
  const run = entityRuns.find((entityRun) => entityRun.run.runId === runId && isKept(entityRun))?.run;
  const identity = sourceIdentity === null ? principal : `${principal} (${sourceIdentity})`;
  const caller = run === undefined ? identity : describeRun(run);
  return { at, source: 'cloudtrail', caller, description: replyText(operation, code), requestId, runId };
}

function eventsOfRun(entityRun: EntityRun): TimelineEvent[] {
  const { run, report } = entityRun;
  const event = (at: string, description: string, requestId: string | null = null): TimelineEvent => {
    return { at, source: run.source ?? 'temporal', caller: describeRun(run), description, requestId, runId: run.runId };
  };
  return [
    event(run.startedAt, startText(entityRun)),
    ...retriesOf(entityRun).map(({ at, description }) => event(at, description)),
    ...writesOf(entityRun).map(({ at, operation, requestId }) =>
      event(at, requestId === null ? lostReply(operation) : replyText(operation, null), requestId),
    ),
    ...(report?.conflicts ?? []).map(({ operation, code, requestId }) => {
      const at = activityOfConflict(entityRun, requestId)?.endedAt ?? run.startedAt;
      return event(at, replyText(operation, code), requestId);
    }),
    ...(run.endedAt === null || report === null
      ? []
      : [event(run.endedAt, `run finished: ${report.outcome}${report.reason === null ? '' : `, ${report.reason}`}`)]),
  ];
}

function startText({ history, report }: EntityRun): string {
  const planned = history?.request.action ?? report?.decision;
  return planned === undefined ? 'run started' : `run started, planned: ${planned}`;
}

function retriesOf({ history }: EntityRun): { readonly at: string; readonly description: string }[] {
  return (history?.activities ?? []).flatMap(({ name, startedAt, attempt, lastFailure }) => {
    if (attempt === 1 || startedAt === null) return [];
    const failure = lastFailure ?? 'the worker was lost';
    return [{ at: startedAt, description: `Temporal retried ${name}, attempt ${String(attempt)}: ${failure}` }];
  });
}

function writesOf({ report, history }: EntityRun) {
  return report?.writes ?? history?.activities.flatMap(({ result }) => result?.writes ?? []) ?? [];
}

function replyText(operation: string, code: string | null): string {
  return code === null ? `${operation} succeeded` : `${operation} failed: ${code}`;
}

function lostReply(operation: string): string {
  return `${operation}: reply lost`;
}
