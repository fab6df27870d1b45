import { entityId, entityKey, originOf } from '../contract/entity.js';
import type { ConflictRow, Conflicts } from '../contract/explain.js';
import { NAMESPACE } from '../contract/request.js';
import type { TemporalConnection } from '../temporal/connect.js';
import { assertAccount, QueryError, retentionNote, USUAL_WINDOW_MS } from './explain.js';
import { creationsOf, isRemarkable, verdictOf } from './explanation.js';
import type { Touch } from './explanation.js';
import { keptRuns, retentionMs } from './histories.js';
import type { KeptRun } from './histories.js';

const DAY_MS = 24 * 3_600_000;

/** Which runs are counted. */
export interface ConflictOptions {
  /** Twelve digits. Default: all accounts. */
  readonly account?: string;
  /** Only this namespace of the account. */
  readonly namespace?: string;
  /** How far back. Default: seven days. In milliseconds. */
  readonly sinceMs?: number;
}

/**
 * Counts where runs met what was there already: entities that were adopted or refused, Creates that AWS refused, and
 * Creates of ours whose reply was lost. From the reports of the runs alone: AWS is not asked, so that of what somebody
 * else made only the order of things tells the cause.
 *
 * @throws QueryError
 */
export async function conflicts(temporal: TemporalConnection, options: ConflictOptions = {}): Promise<Conflicts> {
  const { account, namespace, sinceMs = USUAL_WINDOW_MS } = options;
  assertAccount(account);
  if (namespace !== undefined && (account === undefined || !NAMESPACE.test(namespace))) {
    throw new QueryError(`${namespace} does not name a namespace of an account`, 'write its name, and --account');
  }
  const to = new Date();
  const from = new Date(to.getTime() - sinceMs);
  const { runs, truncated } = await keptRuns(temporal, from, account, namespace);
  const kept = await retentionMs(temporal);
  const retention = kept === null ? null : retentionNote(kept, sinceMs);
  const ended = runs.filter(({ reference }) => reference.endedAt !== null);
  const unread = ended.filter(({ report }) => report === null).length;
  return {
    ...tallied(ended, from, to),
    notes: [
      ...(retention === null ? [] : [retention]),
      ...(truncated ? [`the newest ${String(runs.length)} runs were read, and there are more in the window`] : []),
      ...(unread === 0 ? [] : [`${counted(unread, 'run')} ended without a report, and what they met is not counted`]),
      ...(ended.length === 0 ? [`no run ended since ${from.toISOString()}`] : []),
    ],
  };
}

/** Counts by entity, namespace, pipeline, cause and day. */
export function tallied(runs: readonly KeptRun[], from: Date, to: Date): Omit<Conflicts, 'notes'> {
  const touches = touchesByEntity(runs);
  const rows = runs.flatMap((run) => rowsOf(run, touches));
  const count = (of: (row: ConflictRow) => boolean): number => rows.filter(of).length;
  return {
    version: 1,
    command: 'conflicts',
    from: from.toISOString(),
    to: to.toISOString(),
    runs: runs.length,
    conflicts: rows.length,
    adopted: count(({ outcome }) => outcome === 'adopted'),
    refused: count(({ outcome }) => outcome === 'refused'),
    ownRepliesLost: count(({ cause }) => cause === 'lost-reply' || cause === 'replayed-retry'),
    rows,
    by: {
      entity: tally(rows.map(({ entity }) => entity)),
      namespace: tally(rows.map(({ namespace }) => namespace)),
      pipeline: tally(rows.map(({ pipeline }) => pipeline)),
      cause: tally(rows.map(({ cause }) => cause)),
    },
    days: daysBetween(from, to).map((day) => ({
      day,
      runs: runs.filter(({ reference }) => (reference.endedAt ?? '').startsWith(day)).length,
      conflicts: count(({ at }) => at.startsWith(day)),
    })),
  };
}

/** What runs did with each entity, newest first, by account and entity. */
function touchesByEntity(runs: readonly KeptRun[]): ReadonlyMap<string, readonly Touch[]> {
  const all = new Map<string, Touch[]>();
  for (const { account, reference, report } of runs) {
    for (const entity of report?.entities ?? []) {
      const key = `${account}/${entityKey(entity)}`;
      const touch = { run: reference, entity, kept: null, wrongAccount: false };
      const known = all.get(key);
      if (known === undefined) all.set(key, [touch]);
      else known.push(touch);
    }
  }
  return all;
}

function rowsOf({ account, reference, report }: KeptRun, all: ReadonlyMap<string, readonly Touch[]>): ConflictRow[] {
  const { namespace, pipeline, runId } = reference;
  return (report?.entities ?? []).filter(isRemarkable).map((entity) => {
    const touches = all.get(`${account}/${entityKey(entity)}`) ?? [];
    const touch = { run: reference, entity, kept: null, wrongAccount: false };
    const conflict = entity.conflicts.at(-1);
    return {
      at: reference.endedAt ?? reference.startedAt,
      entity: entityId(entity),
      account,
      namespace,
      pipeline: originOf(pipeline),
      cause: verdictOf(touch, entity, { touches, creations: creationsOf(touches) }).cause,
      operation: conflict?.operation ?? null,
      requestId: conflict?.requestId ?? null,
      outcome: entity.outcome,
      runId,
    };
  });
}

/** The greatest first. */
function tally(words: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a, left], [b, right]) => right - left || a.localeCompare(b)));
}

/** Each day of a window, UTC, oldest first. */
function daysBetween(from: Date, to: Date): string[] {
  const days: string[] = [];
  const first = Date.parse(from.toISOString().slice(0, 10));
  for (let day = first; day <= to.getTime(); day += DAY_MS) days.push(new Date(day).toISOString().slice(0, 10));
  return days;
}

function counted(count: number, what: string): string {
  return `${String(count)} ${count === 1 ? what : `${what}s`}`;
}
