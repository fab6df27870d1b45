import type { BootstrapRequest } from '../../contract/request.js';
import { counted } from '../../report/text.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import type { Archive } from '../audit/archive.js';
import { retentionNote } from './query.js';
import { listRunRecords, readRequest, readRetentionMs, type RunRecord } from './run-records.js';

/** Runs, newest first, and the limits of what is known. */
interface KnownRuns {
  readonly runs: readonly RunRecord[];
  readonly notes: readonly string[];
}

/** Lists the runs of a window that Temporal keeps, and the exported ones that it does not keep any more. */
export async function listKnownRuns(
  temporal: TemporalConnection,
  window: { readonly from: Date; readonly to: Date },
  account: string | undefined,
  archive: Archive | null,
): Promise<KnownRuns> {
  const { from, to } = window;
  const { runs, truncated } = await listRunRecords(temporal, from, account);
  const notes = truncated ? [`only the newest ${String(runs.length)} runs of the window were read`] : [];
  if (archive === null) {
    const note = retentionNote(await readRetentionMs(temporal), to.getTime() - from.getTime());
    return { runs, notes: note === null ? notes : [...notes, note] };
  }
  const kept = new Set(runs.map(({ reference }) => reference.runId));
  const archived = archive.runs.filter(
    (run) => !kept.has(run.reference.runId) && (account === undefined || run.account === account),
  );
  const note = `${counted(archived.length, 'run')} that Temporal does not keep any more: read from ${archive.files.join(', ')}`;
  return {
    runs: [...runs, ...archived].sort((a, b) => b.reference.startedAt.localeCompare(a.reference.startedAt)),
    notes: archived.length === 0 ? notes : [...notes, note],
  };
}

/** Finds the exported run with a run ID, or the newest one with a workflow ID. Null where no file has it. */
export function findArchived(archive: Archive | null, id: string): RunRecord | null {
  return archive?.runs.find(({ reference }) => reference.runId === id || reference.workflowId === id) ?? null;
}

/** Returns the request of a run. Undefined where Temporal does not keep it any more: exports have no requests. */
export async function requestOf(temporal: TemporalConnection, run: RunRecord): Promise<BootstrapRequest | undefined> {
  return run.archived === undefined ? readRequest(temporal, run.reference) : undefined;
}
