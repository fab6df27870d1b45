import type { Repair } from '../../client/audit/audit-file.js';
import type { AuditExport, LeftOutRun } from '../../contract/audit.js';
import { counted } from '../../report/text.js';
import { plain } from '../terminal.js';

/** Runs that are named in a list. */
const MAX_NAMED = 100;

/** Renders the result of an export for people. */
export function renderAuditExport({ written, known, open, unread, incomplete }: AuditExport, target: string): string {
  const { run, decision, approval, write } = written;
  const counts = `${counted(run, 'run')}, ${counted(decision, 'decision')}, ${counted(approval, 'approval')} and ${counted(write, 'write')}`;
  return [
    `Exported ${counts} to ${plain(target)}.`,
    ...(known === 0 ? [] : [`${counted(known, 'run')} had been exported before.`]),
    ...listed(open, (number) => `${counted(number, 'run')} left for the next export:`),
    ...listed(unread, (number) => `${counted(number, 'run')} could not be read, as a record says of each:`),
    ...listed(incomplete, (number) => `${counted(number, 'run')} exported without a part:`),
  ].join('\n');
}

/** Renders what was repaired at the end of a file. */
export function renderRepair(path: string, { line, bytes }: Repair): string {
  const what =
    bytes === null
      ? 'its line break was added'
      : `its ${counted(bytes, 'byte')} were removed, and its run is exported again if Temporal keeps it`;
  return plain(`${path}:${String(line)} was incomplete, as an export leaves it that was killed: ${what}.`);
}

function listed(runs: readonly LeftOutRun[], heading: (number: number) => string): string[] {
  if (runs.length === 0) return [];
  const lines = runs
    .slice(0, MAX_NAMED)
    .map(({ workflowId, runId, reason }) => `  ${plain(`${workflowId} (run ${runId}): ${reason}`)}`);
  const rest = runs.length - lines.length;
  return [heading(runs.length), ...lines, ...(rest > 0 ? [`  and ${String(rest)} more`] : [])];
}
