import { entityId, entityKey } from '../../contract/entity.js';
import type { ConflictRow, Conflicts } from '../../contract/explain.js';
import type { EntityReport } from '../../contract/report.js';
import { NAMESPACE } from '../../contract/request.js';
import { counted } from '../../report/text.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { describeOrigin } from '../../report/run-description.js';
import { causeOfConflict, creationsOf, type EntityRun, needsExplanation } from './entity-run.js';
import { assertAccount, DEFAULT_WINDOW_MS, QueryError, retentionNote } from './query.js';
import { listRunRecords, readRetentionMs, type RunRecord } from './run-records.js';

const DAY_MS = 24 * 3_600_000;

/** Selects the runs that `conflicts` counts. */
export interface ConflictOptions {
  /** Twelve digits. Default: all accounts. */
  readonly account?: string | undefined;
  /** The name of a namespace. Requires an account. */
  readonly namespace?: string | undefined;
  readonly sinceMs?: number | undefined;
}

/**
 * Counts where runs met existing entities: entities that were adopted or refused, Creates that AWS refused, and Creates
 * whose reply was lost. Reads the reports of the runs only. For what other callers created, the cause is inferred from
 * the order of the runs.
 *
 * @throws QueryError
 */
export async function conflicts(temporal: TemporalConnection, options: ConflictOptions = {}): Promise<Conflicts> {
  const { account, namespace, sinceMs = DEFAULT_WINDOW_MS } = options;
  assertAccount(account);
  if (namespace !== undefined && (account === undefined || !NAMESPACE.test(namespace))) {
    throw new QueryError(
      `${namespace} is not a valid namespace, or the account is missing`,
      'give --account and --namespace',
    );
  }
  const to = new Date();
  const from = new Date(to.getTime() - sinceMs);
  const { runs, truncated } = await listRunRecords(temporal, from, account, namespace);
  const retention = retentionNote(await readRetentionMs(temporal), sinceMs);
  const closed = runs.filter(({ reference }) => reference.endedAt !== null);
  const unread = closed.filter(({ report }) => report === null).length;
  return {
    ...countConflicts(closed, from, to),
    notes: [
      ...(retention === null ? [] : [retention]),
      ...(truncated ? [`only the newest ${String(runs.length)} runs of the window were read`] : []),
      ...(unread === 0 ? [] : [`${counted(unread, 'run')} ended without a report and could not be counted`]),
      ...(closed.length === 0 ? [`no run finished since ${from.toISOString()}`] : []),
    ],
  };
}

/** Counts the conflicts of runs by entity, namespace, pipeline, cause and day. */
export function countConflicts(runs: readonly RunRecord[], from: Date, to: Date): Omit<Conflicts, 'notes'> {
  const entityRuns = groupByEntity(runs);
  const rows = runs.flatMap((run) => rowsOf(run, entityRuns));
  const count = (matches: (row: ConflictRow) => boolean): number => rows.filter(matches).length;
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
      runsWithConflicts: new Set(rows.filter(({ at }) => at.startsWith(day)).map(({ runId }) => runId)).size,
      conflicts: count(({ at }) => at.startsWith(day)),
    })),
  };
}

/** Groups what runs did by account and entity, newest first. */
function groupByEntity(runs: readonly RunRecord[]): ReadonlyMap<string, readonly EntityRun[]> {
  const groups = new Map<string, EntityRun[]>();
  for (const { account, reference, report } of runs) {
    for (const entity of report?.entities ?? []) {
      const key = `${account}/${entityKey(entity)}`;
      const entityRun = { run: reference, report: entity, history: null, isWrongAccount: false };
      groups.set(key, [...(groups.get(key) ?? []), entityRun]);
    }
  }
  return groups;
}

function rowsOf(
  { account, reference, report }: RunRecord,
  groups: ReadonlyMap<string, readonly EntityRun[]>,
): ConflictRow[] {
  const { namespace, pipeline, runId } = reference;
  const isRemoval = report?.command === 'release' || report?.command === 'destroy';
  // A refusal to delete or to release is no conflict: nothing was to be created.
  const explained = (report?.entities ?? []).filter(isRemoval ? hasConflict : needsExplanation);
  return explained.map((entity) => {
    const entityRuns = groups.get(`${account}/${entityKey(entity)}`) ?? [];
    const entityRun = { run: reference, report: entity, history: null, isWrongAccount: false };
    const conflict = entity.conflicts.at(-1);
    return {
      at: reference.endedAt ?? reference.startedAt,
      entity: entityId(entity),
      account,
      namespace,
      pipeline: describeOrigin(pipeline),
      cause: causeOfConflict(entityRun, entity, { entityRuns, creations: creationsOf(entityRuns) }).cause,
      operation: conflict?.operation ?? null,
      requestId: conflict?.requestId ?? null,
      outcome: entity.outcome,
      runId,
    };
  });
}

function hasConflict({ conflicts }: EntityReport): boolean {
  return conflicts.length > 0;
}

/** Counts how often each word occurs, the most frequent first. */
function tally(words: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a, left], [b, right]) => right - left || a.localeCompare(b)));
}

/** Returns each day of a window, UTC, oldest first. */
function daysBetween(from: Date, to: Date): string[] {
  const days: string[] = [];
  const first = Date.parse(from.toISOString().slice(0, 10));
  for (let day = first; day <= to.getTime(); day += DAY_MS) days.push(new Date(day).toISOString().slice(0, 10));
  return days;
}
