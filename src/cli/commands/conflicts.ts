import { conflicts as conflictsBy } from '../../client/explain/conflicts.js';
import { loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import { renderConflicts } from '../render/conflicts.js';
import { openSession } from '../session.js';
import { note, print, printJson } from '../terminal.js';

/** Options of `conflicts`. */
export interface ConflictsOptions {
  readonly account?: string;
  readonly namespace?: string;
  /** In milliseconds. */
  readonly since?: number;
  readonly output: 'text' | 'json';
}

/** Counts the "already exists" errors of runs. */
export async function conflicts({ account, namespace, since, output }: ConflictsOptions): Promise<ExitCode> {
  const session = await openSession(loadConfig(), note, { worker: false });
  try {
    const found = await conflictsBy(session.temporal, {
      ...(account === undefined ? {} : { account }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(since === undefined ? {} : { sinceMs: since }),
    });
    if (output === 'json') printJson(found);
    else print(renderConflicts(found));
    return ExitCode.Converged;
  } finally {
    await session.close();
  }
}
