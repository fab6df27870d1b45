import { explain as explainBy } from '../../client/explain.js';
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

/** Says why an entity is there, or why a Create of it was refused. Fails where nothing is known of it. */
export async function explain(what: string, { account, since, output }: ExplainOptions): Promise<ExitCode> {
  const session = await openSession(loadConfig(), note);
  try {
    const answer = await explainBy(session.temporal, what, {
      ...(account === undefined ? {} : { account }),
      ...(since === undefined ? {} : { sinceMs: since }),
    });
    if (output === 'json') printJson(answer);
    else print(renderExplanations(answer));
    return answer.found ? ExitCode.Converged : ExitCode.Failed;
  } finally {
    await session.close();
  }
}
