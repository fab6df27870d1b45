import type { Moment, TrailEvent } from '../../contract/explain.js';
import { describeRun } from '../describe.js';
import { activityOfConflict } from './entity-run.js';
import type { EntityRun } from './entity-run.js';

/** Moments of a timeline, the newest ones. */
const MAX_MOMENTS = 200;

/** Returns what happened to an entity, oldest first. A call that both a run and CloudTrail report is one moment. */
export function timelineOf(entityRuns: readonly EntityRun[], events: readonly TrailEvent[]): Moment[] {
  const moments = entityRuns.flatMap(momentsOfRun);
  const others: Moment[] = [];
  for (const event of events) {
    const { operation, requestId, runId } = event;
    const index = moments.findIndex(
      (moment) =>
        (requestId !== null && moment.requestId === requestId) ||
        (moment.requestId === null && moment.runId === runId && moment.what === lostReply(operation)),
    );
    const moment = moments[index];
    if (moment === undefined) others.push(momentOfEvent(event, entityRuns));
    else moments[index] = { ...moment, source: 'both', requestId };
  }
  return [...moments, ...others].sort((a, b) => a.at.localeCompare(b.at)).slice(-MAX_MOMENTS);
}

function momentOfEvent(event: TrailEvent, entityRuns: readonly EntityRun[]): Moment {
  const { at, operation, code, requestId, runId, principal, sourceIdentity } = event;
  const run = entityRuns.find((entityRun) => entityRun.run.runId === runId)?.run;
  const caller = sourceIdentity === null ? principal : `${principal} (${sourceIdentity})`;
  const who = run === undefined ? caller : describeRun(run);
  return { at, source: 'cloudtrail', who, what: replyText(operation, code), requestId, runId };
}

function momentsOfRun(entityRun: EntityRun): Moment[] {
  const { run, report } = entityRun;
  const moment = (at: string, what: string, requestId: string | null = null): Moment => {
    return { at, source: 'temporal', who: describeRun(run), what, requestId, runId: run.runId };
  };
  return [
    moment(run.startedAt, startText(entityRun)),
    ...retriesOf(entityRun).map(({ at, what }) => moment(at, what)),
    ...writesOf(entityRun).map(({ at, operation, requestId }) =>
      moment(at, requestId === null ? lostReply(operation) : replyText(operation, null), requestId),
    ),
    ...(report?.conflicts ?? []).map(({ operation, code, requestId }) => {
      const at = activityOfConflict(entityRun, requestId)?.endedAt ?? run.startedAt;
      return moment(at, replyText(operation, code), requestId);
    }),
    ...(run.endedAt === null || report === null
      ? []
      : [moment(run.endedAt, `run finished: ${report.outcome}${report.reason === null ? '' : `, ${report.reason}`}`)]),
  ];
}

function startText({ history, report }: EntityRun): string {
  const planned = history?.request.action ?? report?.decision;
  return planned === undefined ? 'run started' : `run started, planned: ${planned}`;
}

function retriesOf({ history }: EntityRun): { readonly at: string; readonly what: string }[] {
  return (history?.activities ?? []).flatMap(({ name, startedAt, attempt, lastFailure }) => {
    if (attempt === 1 || startedAt === null) return [];
    const failure = lastFailure ?? 'the worker was lost';
    return [{ at: startedAt, what: `Temporal retried ${name}, attempt ${String(attempt)}: ${failure}` }];
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
