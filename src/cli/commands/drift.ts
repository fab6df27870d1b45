import { drift as driftOf } from '../../client/drift.js';
import { loadConfig } from '../../config/config.js';
import type { DriftState } from '../../contract/drift-record.js';
import { ExitCode } from '../../contract/failures.js';
import { isIncomplete } from '../../report/drift-record.js';
import { renderDrift } from '../render/drift.js';
import { openSession } from '../session.js';
import { note, print, printJson, wrapped } from '../terminal.js';

interface DriftOptions {
  readonly account?: string;
  readonly namespace?: string;
  readonly output: 'text' | 'json';
}

/** Shows the present drift of everything that schedules look at. */
export async function drift({ account, namespace, output }: DriftOptions): Promise<ExitCode> {
  const session = await openSession(loadConfig(), note, { worker: false });
  try {
    const state = await driftOf(session.temporal, { account, namespace });
    if (output === 'json') printJson(state);
    else print(wrapped(renderDrift(state), process.stdout));
    return exitCodeOf(state);
  } finally {
    await session.close();
  }
}

/** Returns 2 where something drifts, and 1 where nothing that was read does and not all could be read. */
export function exitCodeOf({ environments }: Pick<DriftState, 'environments'>): ExitCode {
  if (environments.some(({ state }) => state === 'drift')) return ExitCode.Pending;
  return environments.some(({ record }) => record !== null && isIncomplete(record))
    ? ExitCode.Failed
    : ExitCode.Converged;
}
