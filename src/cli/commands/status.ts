import { setTimeout as pause } from 'node:timers/promises';
import pc from 'picocolors';
import { describePipeline } from '../../client/describe.js';
import { hasWorker, recentRuns, type RunSummary } from '../../client/runs.js';
import { loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import { parseBootstrapWorkflowId } from '../../contract/workflow-ids.js';
import { progressText } from '../render/progress.js';
import { durationText } from '../render/words.js';
import { untilInterrupted } from '../run-command.js';
import { openSession, type Session } from '../session.js';
import { columns, note, plain, print, printError, printJson, printJsonLine, write } from '../terminal.js';

const WATCH_INTERVAL_MS = 2_000;

interface StatusOptions {
  readonly account?: string;
  readonly namespace?: string;
  readonly limit: number;
  readonly watch: boolean;
  readonly output: 'text' | 'json';
}

/** Lists open and recent runs, newest first. */
export async function status(options: StatusOptions): Promise<ExitCode> {
  if (options.namespace !== undefined && options.account === undefined) {
    printError('--namespace needs --account', 'add --account');
    return ExitCode.Usage;
  }
  const session = await openSession(loadConfig(), note, { worker: false });
  try {
    const load = (): Promise<RunSummary[]> => recentRuns(session.temporal, { ...options, progress: true });
    if (options.watch) await watch(load, options);
    else if (options.output === 'json') printJson({ version: 1, runs: await load() });
    else print(render(await load()));
    await noteMissingWorker(session, options);
    return ExitCode.Converged;
  } finally {
    await session.close();
  }
}

/** Says that no worker polls: open runs do not go on, and their progress is not known. */
async function noteMissingWorker({ temporal, embedded }: Session, { watch: isWatched }: StatusOptions): Promise<void> {
  if (isWatched || embedded || (await hasWorker(temporal))) return;
  note(`No worker polls task queue ${temporal.taskQueue}. Start one with \`iam-bootstrap worker\`.`);
}

/** Switches to the alternate screen: the terminal restores its content afterwards. */
const ENTER_SCREEN = '\u001b[?1049h';
const LEAVE_SCREEN = '\u001b[?1049l';
const CLEAR_SCREEN = '\u001b[2J\u001b[H';

/**
 * Refreshes the list until it is interrupted. On a terminal it uses the alternate screen. Elsewhere it prints the list
 * whenever it has changed; as JSON, one line each time.
 */
async function watch(load: () => Promise<RunSummary[]>, { output }: StatusOptions): Promise<void> {
  const interrupt = untilInterrupted();
  const live = output === 'text' && process.stdout.isTTY;
  const reader = { isClosed: false };
  process.stdout.once('error', () => {
    reader.isClosed = true;
  });
  let last = '';
  let shown = '';
  if (live) write(ENTER_SCREEN);
  try {
    while (!interrupt.signal.aborted && !reader.isClosed) {
      const runs = await load();
      shown = render(runs);
      if (live) write(`${CLEAR_SCREEN}${shown}\n\n${pc.dim('Refreshes every 2 s. Press Ctrl-C to stop.')}\n`);
      else if (JSON.stringify(runs) !== last) {
        if (output === 'json') printJsonLine({ version: 1, at: new Date().toISOString(), runs });
        else print(`${last === '' ? '' : '\n'}${shown}`);
      }
      last = JSON.stringify(runs);
      await pause(WATCH_INTERVAL_MS, undefined, { signal: interrupt.signal }).catch(() => undefined);
    }
  } finally {
    if (live) write(`${LEAVE_SCREEN}${shown}\n`);
    interrupt.dispose();
  }
}

const PAINT: Readonly<Record<string, (text: string) => string>> = {
  running: pc.cyan,
  'awaiting approval': pc.yellow,
  converged: pc.green,
  completed: pc.green,
  failed: pc.red,
  refused: pc.red,
  terminated: pc.red,
  cancelled: pc.magenta,
};

function render(runs: readonly RunSummary[]): string {
  if (runs.length === 0) return 'No runs.';
  const head = ['STATE', 'STARTED', 'TOOK', 'ACCOUNT', 'NAMESPACE', 'REQUESTED BY'].map((title) => pc.dim(title));
  const lines = columns([head, ...runs.map(cells)]);
  const below = runs.map((run) => [
    ...(run.progress == null ? [] : [`    ${plain(progressText(run.progress))}`]),
    ...(run.url === null ? [] : [`    ${pc.dim(plain(run.url))}`]),
  ]);
  return lines.flatMap((line, index) => [line, ...(below[index - 1] ?? [])]).join('\n');
}

function cells(run: RunSummary): string[] {
  const { account, namespace } = parseBootstrapWorkflowId(run.workflowId);
  const state = stateOf(run);
  const took = (run.closedAt === null ? Date.now() : Date.parse(run.closedAt)) - Date.parse(run.startedAt);
  return [
    (PAINT[state] ?? pc.yellow)(plain(state)),
    run.startedAt.replace(/\.\d+Z$/, 'Z'),
    durationText(Math.max(0, took)),
    plain(account),
    plain(namespace),
    plain(describePipeline(run.memo.pipeline)),
  ];
}

/** Returns the result of the report, or Temporal's status where no report was recorded. */
function stateOf({ status, result, memo }: RunSummary): string {
  if (status === 'RUNNING') return memo.awaitingApproval === undefined ? 'running' : 'awaiting approval';
  const reported = status === 'COMPLETED' || status === 'FAILED' ? result : null;
  return reported ?? status.toLowerCase().replaceAll('_', ' ');
}
