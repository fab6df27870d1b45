import {
  type DriftChanges,
  type DriftedEntity,
  type DriftLook,
  type DriftRecord,
  type EndedDrift,
  type FailedLook,
  type FoundCause,
  MAX_DRIFT_LINES,
  MAX_ENDED,
  MAX_LINE_LENGTH,
  MAX_LOOKS,
  MAX_RECORDED,
  MAX_SEARCHED,
  type ScheduleLook,
} from '../contract/drift-record.js';
import { withoutNumbers } from '../report/text.js';

/** The time after which a cause is no longer searched, in milliseconds. CloudTrail shows a call within 15 minutes. */
const MAX_SEARCH_AGE_MS = 24 * 3_600_000;

/** The changes of an update that is no look, or that comes too late. */
export const NO_CHANGES: DriftChanges = { begun: [], ended: [], unexplained: [], looking: null };

/** A record and what an update has changed in it. */
interface Changed {
  readonly record: DriftRecord;
  readonly changes: DriftChanges;
}

/**
 * Returns the record after a look, and what has begun and ended since the one before of the same schedule. An older look
 * changes nothing; a repeated one gets the first one's answer.
 */
export function withLook(record: DriftRecord, look: DriftLook): Changed {
  const { schedule, runId } = look.run;
  const last = record.looks.find((one) => one.schedule === schedule);
  if (last?.at === look.at && last.runId === runId) return { record, changes: repeated(record, look) };
  if (last?.at != null && look.at < last.at) return { record, changes: NO_CHANGES };
  const before = new Map(record.drifted.map((entity) => [keyOf(entity), entity]));
  // An entity that was beyond the list may have drifted for long: its start is not known.
  const notBefore = last === undefined || last.unlisted > 0 ? null : last.at;
  const seen = look.found.slice(0, MAX_RECORDED).map((found): DriftedEntity => {
    const lines = found.lines.slice(0, MAX_DRIFT_LINES).map((line) => line.slice(0, MAX_LINE_LENGTH));
    const { schedules = [], ...earlier } = before.get(keyOf(found)) ?? { since: look.at, notBefore, cause: null };
    const { kind, name, action } = found;
    const { since, cause } = earlier;
    const others = schedules.filter((id) => id !== schedule);
    return { kind, name, action, lines, since, notBefore: earlier.notBefore, schedules: [...others, schedule], cause };
  });
  const now = new Set(seen.map(keyOf));
  // Nothing is known of them but what an earlier look has seen.
  const unread = new Set(look.unread?.ids.map((id) => id.toLowerCase()));
  const corrected = new Set(look.corrected.map((id) => id.toLowerCase()));
  const unseen = record.drifted.filter((entity) => !now.has(keyOf(entity)));
  const kept = unseen
    .filter((entity) => !corrected.has(keyOf(entity)))
    .map((entity) => (unread.has(keyOf(entity)) ? entity : without(entity, schedule)))
    .filter(({ schedules }) => schedules.length > 0);
  const drifted = oldestFirst([...seen, ...kept]);
  const left = new Set(kept.map(keyOf));
  // Of a longer list, only what the run has corrected is known to be gone.
  const isComplete = look.inDrift <= seen.length;
  const ended = unseen
    .filter((entity) => !left.has(keyOf(entity)) && (isComplete || corrected.has(keyOf(entity))))
    .map(({ kind, name, since, cause }): EndedDrift => {
      const how = corrected.has(keyOf({ kind, name })) ? 'enforced' : 'gone';
      return { kind, name, since, cause, endedAt: look.at, how };
    });
  const { manifest, declared, at } = look;
  const failed = incompleteLook(look);
  const known = look.inDrift + kept.filter(({ schedules }) => schedules.includes(schedule)).length;
  const unlisted = Math.max(0, known - drifted.filter(({ schedules }) => schedules.includes(schedule)).length);
  const next = withLast(
    { ...record, lookedAt: at, lookedBy: look.run, drifted, ended: [...ended, ...record.ended].slice(0, MAX_ENDED) },
    { schedule, manifest, at, runId, declared, unlisted, failed },
  );
  const begun = drifted.filter((entity) => !before.has(keyOf(entity)));
  return {
    record: next,
    changes: { begun, ended, unexplained: unexplained(next, Date.parse(at)), looking: lookingOf(last, failed) },
  };
}

/** Returns the record after a run that could not look, and whether that is news. */
export function withFailure(record: DriftRecord, failed: FailedLook): Changed {
  const { schedule } = failed.run;
  const none = { schedule, manifest: '', at: null, runId: null, declared: 0, unlisted: 0, failed: null };
  const last = record.looks.find((one) => one.schedule === schedule) ?? none;
  const looking = isNews(last.failed, failed) ? 'stopped' : null;
  return { record: withLast(record, { ...last, failed }), changes: { ...NO_CHANGES, looking } };
}

/** Returns the record without what a schedule has seen, once that is deleted. */
export function withoutSchedule(record: DriftRecord, schedule: string): DriftRecord {
  const drifted = record.drifted
    .map((entity) => without(entity, schedule))
    .filter(({ schedules }) => schedules.length > 0);
  return withLooks(
    { ...record, drifted },
    record.looks.filter((look) => look.schedule !== schedule),
  );
}

function withLast(record: DriftRecord, look: ScheduleLook): DriftRecord {
  const others = record.looks.filter(({ schedule }) => schedule !== look.schedule);
  return withLooks(record, [...others, look].slice(-MAX_LOOKS));
}

/** Returns the record with these last looks, and what follows from them for the environment. */
function withLooks(record: DriftRecord, looks: DriftRecord['looks']): DriftRecord {
  // Schedules of one manifest look at the same entities.
  const declared = new Map(looks.map((look) => [look.manifest, look.declared]));
  const failures = looks.flatMap(({ failed }) => failed ?? []).sort((a, b) => a.at.localeCompare(b.at));
  return {
    ...record,
    looks,
    declared: sum([...declared.values()]),
    inDrift: record.drifted.length + sum(looks.map(({ unlisted }) => unlisted)),
    failed: failures.at(-1) ?? null,
  };
}

/** Returns the changes that a look has made which is told again, as its answer was lost. */
function repeated(record: DriftRecord, { at, run }: DriftLook): DriftChanges {
  const begun = record.drifted.filter(({ since, schedules }) => since === at && schedules.includes(run.schedule));
  const ended = record.ended.filter(({ endedAt }) => endedAt === at);
  return { begun, ended, unexplained: unexplained(record, Date.parse(at)), looking: null };
}

function oldestFirst(drifted: readonly DriftedEntity[]): readonly DriftedEntity[] {
  return [...drifted].sort((a, b) => a.since.localeCompare(b.since)).slice(0, MAX_RECORDED);
}

function without(entity: DriftedEntity, schedule: string): DriftedEntity {
  return { ...entity, schedules: entity.schedules.filter((id) => id !== schedule) };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

/** Returns why a look has not seen all entities. Null where it has. */
function incompleteLook({ at, run, unread }: DriftLook): FailedLook | null {
  return unread === undefined ? null : { at, result: 'failed', reason: unread.reason, run };
}

/** Returns what is news about a schedule that has looked: that it cannot see all entities, or that it can again. */
function lookingOf(last: ScheduleLook | undefined, failed: FailedLook | null): DriftChanges['looking'] {
  if (failed !== null) return isNews(last?.failed, failed) ? 'stopped' : null;
  return last === undefined || last.failed === null ? null : 'resumed';
}

function isNews(last: FailedLook | null | undefined, failed: FailedLook): boolean {
  return last == null || troubleOf(last) !== troubleOf(failed);
}

/** Returns what is the same in the next run that cannot look for the same reason: without numbers, times and IDs. */
function troubleOf({ result, reason }: FailedLook): string {
  return `${result} ${withoutNumbers(reason)}`;
}

/** Returns the record with causes that were found for entities that still are in drift. */
export function withCauses(record: DriftRecord, causes: readonly FoundCause[]): DriftRecord {
  const found = new Map(causes.map((one) => [`${keyOf(one)} ${one.since}`, one.cause]));
  const drifted = record.drifted.map((entity) => ({
    ...entity,
    cause: entity.cause ?? found.get(`${keyOf(entity)} ${entity.since}`) ?? null,
  }));
  return { ...record, drifted };
}

function unexplained({ drifted }: DriftRecord, now: number): DriftChanges['unexplained'] {
  return drifted
    .filter(({ cause, since }) => cause === null && now - Date.parse(since) <= MAX_SEARCH_AGE_MS)
    .slice(-MAX_SEARCHED)
    .map(({ kind, name, since, notBefore }) => ({ kind, name, since, notBefore }));
}

/** IAM ignores case in names. */
function keyOf({ kind, name }: Pick<DriftedEntity, 'kind' | 'name'>): string {
  return `${kind}/${name}`.toLowerCase();
}
