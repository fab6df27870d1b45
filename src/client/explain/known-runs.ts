import { type DesiredEntity, entityId } from '../../contract/entity.js';
import type { Found } from '../../contract/explain.js';
import type { BootstrapRequest } from '../../contract/request.js';
import { counted } from '../../report/text.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import type { Archive } from '../audit/archive.js';
import { QueryError, retentionNote } from './query.js';
import { listRunRecords, readRequest, readRetentionMs, type RunRecord } from './run-records.js';

/** Runs, newest first, and the limits of what is known. */
interface KnownRuns {
  readonly runs: readonly RunRecord[];
  readonly notes: readonly string[];
}

/** Lists the runs of a window that Temporal keeps. */
export async function listKnownRuns(
  temporal: TemporalConnection,
  window: { readonly from: Date; readonly to: Date },
  account: string | undefined,
  archive: Archive,
): Promise<KnownRuns> {
  const { from, to } = window;
  const { runs, truncated } = await listRunRecords(temporal, from, account);
  const notes = truncated ? [`only the newest ${String(runs.length)} runs of the window were read`] : [];
  if (!archive.isEmpty) return { runs, notes };
  const note = retentionNote(await readRetentionMs(temporal), to.getTime() - from.getTime());
  return { runs, notes: note === null ? notes : [...notes, note] };
}

/** Returns the runs of files that include one of some entities, without those that Temporal has listed. */
export async function archivedRuns(
  archive: Archive,
  known: readonly RunRecord[],
  account: string,
  entities: readonly DesiredEntity[],
): Promise<KnownRuns> {
  const { runs, notes } = await archive.runsOf(account, entities);
  const endOf = ({ reference: { runId, endedAt } }: RunRecord): string => `${runId}/${endedAt ?? ''}`;
  const kept = new Set(known.map(endOf));
  const others = runs.filter((run) => !kept.has(endOf(run)));
  const note = `${counted(others.length, 'run')} from files (${archive.names}): nothing proves what files tell`;
  return { runs: others, notes: others.length === 0 ? notes : [note, ...notes] };
}

/**
 * Returns the note on a run that only a file has, and that is to be explained in an account. The file does not choose
 * that account: a worker would read, with its own credentials, what the file names.
 *
 * @throws QueryError where the file names another account
 */
export function archivedRunNote(run: RunRecord, account: string, archive: Archive): string {
  if (run.account === account) return `the run is from files (${archive.names}): nothing proves what files tell`;
  throw new QueryError(
    `the file tells that run ${run.reference.runId} was in account ${run.account}, not in ${account}`,
    'name the account of the run with --account',
  );
}

/** Returns the note on an entity that nothing tells of. */
export function unknownNote(
  entity: Pick<DesiredEntity, 'kind' | 'name'>,
  account: string,
  from: Date,
  { status }: Found,
): string {
  const iam = status === 'absent' ? ', and IAM does not show it' : '';
  return `${entityId(entity)} is unknown in account ${account}: no run since ${from.toISOString()} includes it${iam}`;
}

/** Returns the request of a run. Undefined where Temporal does not keep it any more: exports have no requests. */
export async function requestOf(temporal: TemporalConnection, run: RunRecord): Promise<BootstrapRequest | undefined> {
  return run.reference.source === 'audit' ? undefined : readRequest(temporal, run.reference);
}
