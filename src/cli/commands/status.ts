import { setTimeout as pause } from 'node:timers/promises';
import pc from 'picocolors';
import { findMissingWorker } from '../../client/run/missing-worker.js';
import { recentRuns, type RunSummary } from '../../client/runs.js';
import { loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import { renderRuns } from '../render/status.js';
import { untilInterrupted, UsageError } from '../run-command.js';
import { openSession, type Session } from '../session.js';
import { isPlain, note, print, printError, printJson, printJsonLine, write } from '../terminal.js';

const WATCH_INTERVAL_MS = 2_000;

interface StatusOptions {
  readonly account?: string;
  readonly namespace?: string;
  readonly fleet?: string;
  readonly limit: number;
  readonly watch: boolean;
  readonly output: 'text' | 'json';
}

/** Lists open and recent runs, newest first. */
export async function status(options: StatusOptions): Promise<ExitCode> {
  const { namespace, fleet } = options;
  if (fleet !== undefined) {
    if (namespace === undefined) throw new UsageError('--fleet needs --namespace', 'add --namespace');
    return (await import('./fleet.js')).fleetStatus({ namespace, fleet }, options.output);
  }
  if (namespace !== undefined && options.account === undefined) {
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

/** Says that no worker takes new runs: open runs do not go on, and their progress is not known. */
async function noteMissingWorker({ temporal, embedded }: Session, { watch: isWatched }: StatusOptions): Promise<void> {
  if (isWatched || embedded) return;
  const missing = await findMissingWorker(temporal);
  if (missing !== null) note(`${missing.message}; ${missing.remedy}`);
}

/** Switches to the alternate screen: the terminal restores its content afterwards. */
const ENTER_SCREEN = '\u001b[?1049h';
const LEAVE_SCREEN = '\u001b[?1049l';
const TO_START = '\u001b[H';
const ERASE_TO_END_OF_LINE = '\u001b[K';
const ERASE_BELOW = '\u001b[J';

/** Rows that are not for the list: the blank line, the help, and the cursor's. */
const OTHER_ROWS = 3;

/**
 * Refreshes the list until it is interrupted. On a terminal it uses the alternate screen. Elsewhere it prints the list
 * whenever it has changed; as JSON, one line each time.
 */
async function watch(load: () => Promise<RunSummary[]>, { output }: StatusOptions): Promise<void> {
  const interrupt = untilInterrupted();
  const live = output === 'text' && !isPlain(process.stdout);
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
      if (live) write(screenOf(shown));
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

/** Returns what draws the list over the one before, within the height of the terminal. */
function screenOf(shown: string): string {
  const lines = shown.split('\n').slice(0, Math.max(1, process.stdout.rows - OTHER_ROWS));
  const help = pc.dim('Refreshes every 2 s. Press Ctrl-C to stop.');
  return `${TO_START}${[...lines, '', help].map((line) => `${line}${ERASE_TO_END_OF_LINE}\n`).join('')}${ERASE_BELOW}`;
}

function render(runs: readonly RunSummary[]): string {
  return renderRuns(runs, Date.now(), process.stdout);
}
