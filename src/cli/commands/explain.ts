import { explain as explainBy } from '../../client/explain/explain.js';
import { loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import { renderExplanations } from '../render/explain.js';
import { openSession } from '../session.js';
import { note, print, printJson } from '../terminal.js';

/** Options of `explain`. */
export interface ExplainOptions {
  readonly account?: string;
  /** In milliseconds. */
  readonly since?: number;
  readonly output: 'text' | 'json';
}

/** Explains who created an entity, who owns it, and why a Create was refused. Fails if nothing is found. */
export async function explain(what: string, { account, since, output }: ExplainOptions): Promise<ExitCode> {
  const session = await openSession(loadConfig(), note);
  try {
    const found = await explainBy(session.temporal, what, {
      ...(account === undefined ? {} : { account }),
      ...(since === undefined ? {} : { sinceMs: since }),
    });
    if (output === 'json') printJson(found);
    else print(renderExplanations(found));
    return found.found ? ExitCode.Converged : ExitCode.Failed;
  } finally {
    await session.close();
  }
}
