import { requestCancel } from '../../client/cancel.js';
import { followRun } from '../../client/run/run.js';
import { loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import { exitCodeOf } from '../../report/exit-code.js';
import { placeOf } from '../namespace-reference.js';
import type { PlaceOptions } from '../namespace-reference.js';
import { openDisplay } from '../render/progress.js';
import { renderReport } from '../render/report.js';
import { openSession } from '../session.js';
import { untilInterrupted } from '../signals.js';
import { note, plain, print, printJson, wrapped } from '../terminal.js';

/** Options of `cancel`. */
export interface CancelOptions extends PlaceOptions {
  readonly as?: string;
  readonly reason?: string;
  readonly waitTimeout: number;
  /** False for `--no-wait`. */
  readonly wait: boolean;
  readonly quiet?: boolean;
}

/** Ends the run under way of a namespace: what runs is finished, the rest is not begun. */
export async function cancel(options: CancelOptions): Promise<ExitCode> {
  const config = loadConfig();
  const place = await placeOf(options, config);
  if (place === null) return ExitCode.Usage;
  const json = options.output === 'json';
  const session = await openSession(config, note);
  const display = openDisplay({ quiet: options.quiet === true });
  const interrupt = untilInterrupted();
  try {
    const run = await requestCancel(session.temporal, place, {
      by: options.as ?? config.pipeline.actor,
      reason: options.reason ?? null,
    });
    if (run === null) {
      if (json) printJson({ version: 1, run: null, report: null });
      else print(`nothing to cancel: no such run of ${plain(place.namespace)} in ${plain(place.account)} is under way`);
      return ExitCode.Converged;
    }
    const { workflowId, runId, url } = run;
    display.say(`asked run ${runId} to end: it finishes the steps that it has begun`);
    const report = options.wait
      ? await followRun(session.temporal, workflowId, runId, {
          waitTimeoutMs: options.waitTimeout,
          signal: interrupt.signal,
          onEvent: (event) => {
            display.show(event);
          },
        })
      : null;
    display.end();
    if (json) printJson({ version: 1, run: { workflowId, runId, url }, report });
    else if (report !== null) print(wrapped(renderReport(report), process.stdout));
    const asAsked = report === null || report.result === 'cancelled';
    return asAsked ? ExitCode.Converged : exitCodeOf(report.result, { detailed: false });
  } finally {
    display.end();
    interrupt.dispose();
    await session.close();
  }
}
