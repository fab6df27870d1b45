import { conflicts as countConflicts } from '../../client/explain/conflicts.js';
import { explain as explainQuery } from '../../client/explain/explain.js';
import { loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import { renderConflicts } from '../render/conflicts.js';
import { renderExplanations } from '../render/explain.js';
import { openSession } from '../session.js';
import { note, print, printJson } from '../terminal.js';

interface ExplainOptions {
  readonly account?: string;
  readonly since?: number;
  readonly output: 'text' | 'json';
}

interface ExplainCommandOptions extends ExplainOptions {
  readonly audit: readonly string[];
}

/** Explains who created an entity, who owns it, and why a Create was refused. Fails if nothing is found. */
export async function explain(what: string, options: ExplainCommandOptions): Promise<ExitCode> {
  const { account, since, output, audit } = options;
  const session = await openSession(loadConfig(), note);
  try {
    const found = await explainQuery(session.temporal, what, { account, sinceMs: since, audit });
    if (output === 'json') printJson(found);
    else print(renderExplanations(found));
    return found.found ? ExitCode.Converged : ExitCode.Failed;
  } finally {
    await session.close();
  }
}

interface ConflictsOptions extends ExplainOptions {
  readonly namespace?: string;
}

/** Counts the "already exists" errors of runs. */
export async function conflicts({ account, namespace, since, output }: ConflictsOptions): Promise<ExitCode> {
  const session = await openSession(loadConfig(), note, { worker: false });
  try {
    const found = await countConflicts(session.temporal, { account, namespace, sinceMs: since });
    if (output === 'json') printJson(found);
    else print(renderConflicts(found));
    return ExitCode.Converged;
  } finally {
    await session.close();
  }
}
