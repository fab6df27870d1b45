import pc from 'picocolors';
import { recentRuns } from '../../client/run.js';
import type { RunSummary } from '../../client/run.js';
import { loadConfig } from '../../config.js';
import { ExitCode } from '../../contract/failures.js';
import { openSession } from '../session.js';
import { note, plain, print, printError, printJson } from '../terminal.js';

/** Options of `status`. */
export interface StatusOptions {
  readonly account?: string;
  readonly namespace?: string;
  readonly limit: number;
  readonly output: 'text' | 'json';
}

/** Shows the runs under way and the last ones, newest first. */
export async function status(options: StatusOptions): Promise<ExitCode> {
  if (options.namespace !== undefined && options.account === undefined) {
    printError('--namespace names a namespace of an account', 'add --account');
    return ExitCode.Usage;
  }
  const parts = ['iam-bootstrap', options.account, options.namespace].filter((part) => part !== undefined);
  const session = await openSession(loadConfig(), note, { worker: false });
  try {
    const runs = await recentRuns(
      session.temporal,
      `${parts.join(':')}${options.namespace === undefined ? ':' : ''}`,
      options.limit,
    );
    if (options.output === 'json') printJson({ version: 1, runs });
    else print(runs.length === 0 ? 'no runs' : runs.map(render).join('\n'));
    return ExitCode.Converged;
  } finally {
    await session.close();
  }
}

const PAINT: Readonly<Record<string, (text: string) => string>> = {
  RUNNING: pc.cyan,
  COMPLETED: pc.green,
  FAILED: pc.red,
  TERMINATED: pc.red,
  CANCELLED: pc.magenta,
};

function render(run: RunSummary): string {
  const [, account = '', namespace = ''] = run.workflowId.split(':');
  const paint = PAINT[run.status] ?? pc.yellow;
  const who = run.memo.pipeline?.url ?? run.memo.pipeline?.actor ?? run.memo.pipeline?.provider ?? 'unknown';
  const where = run.url === null ? '' : `\n    ${pc.dim(plain(run.url))}`;
  const waits = run.status === 'RUNNING' && run.memo.awaitingApproval !== undefined ? '  awaiting approval' : '';
  return `${paint(run.status.toLowerCase().padEnd(10))} ${run.startedAt}  ${plain(account)}  ${plain(namespace)}${waits}  by ${plain(who)}${where}`;
}
