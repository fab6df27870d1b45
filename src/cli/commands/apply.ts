import { apply as run } from '../../client/run.js';
import { loadConfig } from '../../config.js';
import { ExitCode } from '../../contract/failures.js';
import { exitCodeOf } from '../../contract/report.js';
import { InterruptedError } from '../errors.js';
import { openDisplay } from '../render/progress.js';
import { renderReport } from '../render/report.js';
import { requestOf } from '../request.js';
import type { RequestOptions } from '../request.js';
import { openSession } from '../session.js';
import { print, printJson } from '../terminal.js';
import { untilInterrupted } from '../signals.js';

/** Options of `apply`. */
export interface ApplyOptions extends RequestOptions {
  /** False for `--no-wait`. */
  readonly wait: boolean;
}

/** Starts or joins a run, follows it, and prints its report. */
export async function apply(options: ApplyOptions): Promise<ExitCode> {
  const config = loadConfig();
  const request = await requestOf(options, config);
  if (request === null) return ExitCode.Usage;

  const display = openDisplay({ quiet: options.quiet === true });
  const interrupt = untilInterrupted();
  let started: { readonly workflowId: string; readonly runId: string; readonly url: string | null } | null = null;
  try {
    const session = await openSession(config, (line) => {
      display.say(line);
    });
    try {
      const report = await run(session.temporal, request, {
        waitTimeoutMs: options.waitTimeout,
        noWait: !options.wait,
        signal: interrupt.signal,
        onEvent: (event) => {
          if (event.type === 'started' || event.type === 'joined') started = event;
          display.show(event);
        },
      });
      display.end();
      if (options.output === 'json') printJson(report);
      else print(renderReport(report));
      return exitCodeOf(report.result, { detailed: false });
    } catch (error) {
      if (!interrupt.signal.aborted) throw error;
      throw interrupted(started, session.embedded);
    } finally {
      await session.close();
    }
  } finally {
    display.end();
    interrupt.dispose();
  }
}

function interrupted(
  run: { readonly workflowId: string; readonly runId: string; readonly url: string | null } | null,
  embedded: boolean,
): InterruptedError {
  if (run === null) return new InterruptedError('interrupted while waiting: nothing was asked for', 'apply again');
  const place = run.url ?? `${run.workflowId}, run ${run.runId}`;
  return embedded
    ? new InterruptedError('interrupted: the run is kept, and goes on with the next apply', 'apply again')
    : new InterruptedError(
        'interrupted: the run goes on without this command',
        `apply again to follow it, or see ${place}`,
      );
}
