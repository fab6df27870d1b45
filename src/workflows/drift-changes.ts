import {
  type DriftChanges,
  type DriftedEntity,
  type DriftLook,
  type DriftRecord,
  type EndedDrift,
  type FoundCause,
  MAX_DRIFT_LINES,
  MAX_ENDED,
  MAX_LINE_LENGTH,
  MAX_RECORDED,
  MAX_SEARCHED,
} from '../contract/drift-record.js';

/** The time after which a cause is no longer searched, in milliseconds. CloudTrail shows a call within 15 minutes. */
const MAX_SEARCH_AGE_MS = 24 * 3_600_000;

/** The changes of an update that is no look, or that comes too late. */
export const NO_CHANGES: DriftChanges = { begun: [], ended: [], unexplained: [] };

/** Returns the record after a look, and what has begun and ended since the one before. An older look changes nothing. */
export function withLook(
  record: DriftRecord,
  look: DriftLook,
): { readonly record: DriftRecord; readonly changes: DriftChanges } {
  if (record.lookedAt !== null && look.at < record.lookedAt) return { record, changes: NO_CHANGES };
  const before = new Map(record.drifted.map((entity) => [keyOf(entity), entity]));
  // An entity that was beyond the list may have drifted for long: its start is not known.
  const notBefore = record.inDrift > record.drifted.length ? null : record.lookedAt;
  const drifted = look.found
    .slice(0, MAX_RECORDED)
    .map(({ kind, name, action, lines }): DriftedEntity => {
      const { since = look.at, notBefore: earlier = notBefore, cause = null } = before.get(keyOf({ kind, name })) ?? {};
      const kept = lines.slice(0, MAX_DRIFT_LINES).map((line) => line.slice(0, MAX_LINE_LENGTH));
      return { kind, name, action, lines: kept, since, notBefore: earlier, cause };
    })
    .sort((a, b) => a.since.localeCompare(b.since));
  const now = new Set(drifted.map(keyOf));
  const corrected = new Set(look.corrected.map((id) => id.toLowerCase()));
  // Of a longer list, only what the run has corrected is known to be gone.
  const isComplete = look.inDrift <= drifted.length;
  const ended = record.drifted
    .filter((entity) => !now.has(keyOf(entity)) && (isComplete || corrected.has(keyOf(entity))))
    .map(({ kind, name, since, cause }): EndedDrift => {
      const how = corrected.has(keyOf({ kind, name })) ? 'enforced' : 'gone';
      return { kind, name, since, cause, endedAt: look.at, how };
    });
  const begun = drifted.filter((entity) => !before.has(keyOf(entity)));
  const next: DriftRecord = {
    ...record,
    lookedAt: look.at,
    lookedBy: look.run,
    declared: look.declared,
    drifted,
    inDrift: look.inDrift,
    ended: [...ended, ...record.ended].slice(0, MAX_ENDED),
    failed: null,
  };
  return { record: next, changes: { begun, ended, unexplained: unexplained(next, Date.parse(look.at)) } };
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
