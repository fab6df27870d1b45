import { drift as driftOf } from '../../client/drift.js';
import { loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
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
    return state.environments.some((one) => one.state === 'drift') ? ExitCode.Pending : ExitCode.Converged;
  } finally {
    await session.close();
  }
}
