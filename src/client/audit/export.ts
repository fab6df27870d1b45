import type { AuditExport, AuditRecord, ExecutionReference, LeftOutRun } from '../../contract/audit.js';
import { auditSchema } from '../../report/audit-schema.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { lineProblem, problemOf } from './audit-lines.js';
import { listRuns, type ListedRun } from './list-runs.js';
import { type ClosedRun, readRun, type UnreadReason } from './read-run.js';
import { closeTimeOf, firstOfEach, recordsOf, unreadRecordOf } from './records.js';
import type { RunEnd } from './run-tally.js';

/** The runs that are read before their records are written. The memory has to hold them. */
const RUNS_AT_A_TIME = 10;

/** The longest reason of an unread run, in characters. It may have parts of what any client has made the run return. */
const MAX_REASON = 1_000;

/** Takes the records of an export. */
export interface AuditSink {
  /** True where all records of the end of a run are there already: it is not read. */
  hasRun(run: RunEnd): boolean;
  /** Adds the records of a run that are not there, and returns them. */
  add(records: readonly AuditRecord[]): readonly AuditRecord[] | Promise<readonly AuditRecord[]>;
}

/** Options of an export. */
export interface AuditOptions {
  /** Only runs that closed within this time. Default: all that Temporal keeps. */
  readonly sinceMs?: number | undefined;
}

/**
 * Exports closed runs with their decisions, approvals and writes, in the order in which the runs closed. What a run has
 * done may thereby outlast the time for which Temporal keeps it. A run that cannot be read stops no other: a record of
 * its own names it.
 *
 * @param temporal - the server that holds the histories
 * @param sink - takes the records, such as an `AuditFile`
 * @param options - the window
 * @param options.sinceMs - how long ago the runs have closed at most
 * @throws UnreachableError, and what the sink throws
 */
export async function exportAudit(
  temporal: TemporalConnection,
  sink: AuditSink,
  { sinceMs }: AuditOptions = {},
): Promise<AuditExport> {
  const { closed, open } = await listRuns(temporal, sinceMs === undefined ? null : new Date(Date.now() - sinceMs));
  const unknown = closed.filter((run) => !sink.hasRun({ runId: run.runId, closedAt: closeTimeOf(run) }));
  const written = { run: 0, decision: 0, approval: 0, write: 0 };
  const leftOpen = open.map((run) => leftOut(run, 'it is still open'));
  const unread: LeftOutRun[] = [];
  const incomplete: LeftOutRun[] = [];
  const isNewWrite = firstOfEach();
  for (let first = 0; first < unknown.length; first += RUNS_AT_A_TIME) {
    const runs = unknown.slice(first, first + RUNS_AT_A_TIME);
    const found = await Promise.all(runs.map(async (run) => ({ run, read: await recordsOrReason(temporal, run) })));
    for (const { run, read } of found) {
      if ('reason' in read) {
        (read.isOpen ? leftOpen : unread).push(leftOut(run, read.reason));
        if (!read.isOpen) await sink.add([unreadRecordOf(run, read.reason)]);
        continue;
      }
      if (read.missing.length > 0) incomplete.push(leftOut(run, missingText(read.missing)));
      for (const record of await sink.add(read.records)) {
        if (record.kind !== 'unread' && (record.kind !== 'write' || isNewWrite(record))) written[record.kind] += 1;
      }
    }
  }
  return { written, known: closed.length - unknown.length, open: leftOpen, unread, incomplete };
}

interface Records {
  readonly records: readonly AuditRecord[];
  readonly missing: readonly ExecutionReference[];
}

/** Returns the records of a run, or why it has none. */
async function recordsOrReason(temporal: TemporalConnection, run: ListedRun): Promise<Records | UnreadReason> {
  const read = await readRun(temporal, run);
  if ('reason' in read) return { ...read, reason: shortened(read.reason) };
  try {
    return { records: validRecords(read.closed), missing: read.closed.missing };
  } catch (error) {
    // Any client can have started the run, with any result.
    const reason = `it cannot be read as a run of iam-bootstrap: ${error instanceof Error ? error.message : String(error)}`;
    return { reason: shortened(reason), isOpen: false };
  }
}

function validRecords(closed: ClosedRun): readonly AuditRecord[] {
  const records = recordsOf(closed);
  for (const record of records) {
    const { error } = auditSchema.safeParse(record);
    if (error !== undefined) throw new Error(problemOf(error));
    const problem = lineProblem(record);
    if (problem !== null) throw new Error(problem);
  }
  return records;
}

function shortened(reason: string): string {
  return reason.length <= MAX_REASON ? reason : `${reason.slice(0, MAX_REASON)}…`;
}

function missingText(missing: readonly ExecutionReference[]): string {
  const names = missing.map(({ workflowId, runId }) => `${workflowId} (run ${runId})`);
  return `the history is gone of ${names.join(', ')}: its writes are not known`;
}

function leftOut({ workflowId, runId }: ListedRun, reason: string): LeftOutRun {
  return { workflowId, runId, reason };
}
