import type { AuditExport, AuditRecord, LeftOutRun } from '../../contract/audit.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { inBatches } from '../explain/run-records.js';
import { listRuns, type ListedRun } from './list-runs.js';
import { readRun } from './read-run.js';
import { recordsOf } from './records.js';

/** The runs that are read before their records are written. */
const RUNS_AT_A_TIME = 50;

/** Takes the records of an export. */
export interface AuditSink {
  /** True where all records of a run are there already: it is not read. */
  hasRun(runId: string): boolean;
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
 * done may thereby outlast the time for which Temporal keeps it.
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
  const unknown = closed.filter(({ runId }) => !sink.hasRun(runId));
  const written = { run: 0, decision: 0, approval: 0, write: 0 };
  const leftOpen = open.map((run) => leftOut(run, 'it is still open'));
  const unread: LeftOutRun[] = [];
  for (let first = 0; first < unknown.length; first += RUNS_AT_A_TIME) {
    const runs = unknown.slice(first, first + RUNS_AT_A_TIME);
    const found = await inBatches(runs, async (run) => ({ run, read: await readRun(temporal, run) }));
    for (const { run, read } of found) {
      if ('reason' in read) (read.isOpen ? leftOpen : unread).push(leftOut(run, read.reason));
      else for (const { kind } of await sink.add(recordsOf(read.closed))) written[kind] += 1;
    }
  }
  return { written, known: closed.length - unknown.length, open: leftOpen, unread };
}

function leftOut({ workflowId, runId }: ListedRun, reason: string): LeftOutRun {
  return { workflowId, runId, reason };
}
