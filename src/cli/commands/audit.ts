import { dirname } from 'node:path';
import { AuditFile } from '../../client/audit/audit-file.js';
import { lineOf } from '../../client/audit/audit-lines.js';
import { type AuditSink, exportAudit } from '../../client/audit/export.js';
import { fileError } from '../../client/audit/file-error.js';
import { loadConfig } from '../../config/config.js';
import type { AuditExport } from '../../contract/audit.js';
import { ExitCode } from '../../contract/failures.js';
import { withLock } from '../../embedded/lock.js';
import { makeFolder } from '../../files/make-folder.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { renderAuditExport, renderRepair } from '../render/audit.js';
import { openSession } from '../session.js';
import { note, print, write } from '../terminal.js';

interface AuditOptions {
  readonly output: string;
  readonly since?: number;
}

/** Exports what runs have done. Fails where some could not be read as a whole, once the others are written. */
export async function audit(_action: 'export', { output, since }: AuditOptions): Promise<ExitCode> {
  if (output !== '-') {
    await makeFolder(dirname(output)).catch((error: unknown) => {
      throw fileError(output, 'written', error);
    });
  }
  const session = await openSession(loadConfig(), note, { worker: false });
  try {
    const { temporal } = session;
    const options = { sinceMs: since };
    if (output === '-') {
      const exported = await exportAudit(temporal, STANDARD_OUTPUT, options);
      // Standard output has the records.
      note(renderAuditExport(exported, 'standard output'));
      return exitCodeOf(exported);
    }
    const lock = `${output}.lock`;
    // A second export at the same time would add the same runs.
    const exported = await withLock(lock, () => exportToFile(temporal, output, options), {
      purpose: 'exporting to the file',
      announce: note,
    }).catch((error: unknown) => {
      throw isOfFile(error, lock) ? fileError(output, 'written', error) : error;
    });
    print(renderAuditExport(exported, output));
    return exitCodeOf(exported);
  } finally {
    await session.close();
  }
}

/** Reports whether the operating system refuses a file whose path begins like this. */
function isOfFile(error: unknown, path: string): boolean {
  return ((error as NodeJS.ErrnoException).path ?? '').startsWith(path);
}

/** Unlike text for people, records are not changed: programs read them. They are safe for a terminal. */
const STANDARD_OUTPUT: AuditSink = {
  hasRun: () => false,
  add: (records) => {
    // The lines of one run may be longer than any string.
    for (const record of records) write(lineOf(record));
    return records;
  },
};

async function exportToFile(
  temporal: TemporalConnection,
  path: string,
  options: { readonly sinceMs: number | undefined },
): Promise<AuditExport> {
  const file = await AuditFile.open(path);
  try {
    if (file.repair !== null) note(renderRepair(path, file.repair));
    return await exportAudit(temporal, file, options);
  } finally {
    await file.close();
  }
}

function exitCodeOf({ unread, incomplete }: AuditExport): ExitCode {
  return unread.length > 0 || incomplete.length > 0 ? ExitCode.Failed : ExitCode.Converged;
}
