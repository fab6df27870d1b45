import { followRun } from '../../client/run/follow.js';
import { type NamespaceReference, requestCancel } from '../../client/runs.js';
import { isDebugLevel, loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import { exitCodeOf } from '../../report/build.js';
import { openDisplay } from '../render/progress.js';
import { renderReport } from '../render/report.js';
import { type CancelOptions, resolveNamespace } from '../request.js';
import { requesterName } from '../requester.js';
import { InterruptedError, untilInterrupted } from '../run-command.js';
import { openSession } from '../session.js';
import { note, plain, print, printJson, wrapped } from '../terminal.js';

/** Cancels the open run of a namespace: calls in flight finish, no new ones start. */
export async function cancel(options: CancelOptions): Promise<ExitCode> {
  const config = loadConfig();
  const { fleet } = options;
  if (fleet !== undefined) return (await import('./fleet-control.js')).cancelRun({ ...options, fleet }, config);
  const namespace = await resolveNamespace(options, config);
  if (namespace === null) return ExitCode.Usage;
  const json = options.output === 'json';
  const session = await openSession(config, note);
  const display = openDisplay({ quiet: options.quiet === true, debug: isDebugLevel(config.logLevel) });
  const interrupt = untilInterrupted();
  try {
    const run = await requestCancel(session.temporal, namespace, {
      by: requesterName(options.as, config.pipeline),
      reason: options.reason ?? null,
    });
    if (run === null) {
      if (json) printJson({ version: 1, run: null, report: null });
      else print(`Nothing to cancel. ${describeMissingRun(namespace)}`);
      return ExitCode.Converged;
    }
    const { workflowId, runId, url } = run;
    display.say(`Cancelling run ${runId}; waiting for calls in flight.`, url);
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
    else if (report !== null) {
      // The link was printed with the line above.
      const shown = options.quiet === true ? report : { ...report, workflow: { ...report.workflow, url: null } };
      print(wrapped(renderReport(shown), process.stdout));
    }
    const isCancelled = report === null || report.result === 'cancelled';
    return isCancelled ? ExitCode.Converged : exitCodeOf(report.result, { detailed: false });
  } catch (error) {
    const reason: unknown = interrupt.signal.reason;
    if (!(reason instanceof InterruptedError)) throw error;
    throw new InterruptedError(
      reason.signal,
      '; the run ends without this command once its calls in flight have finished',
      null,
    );
  } finally {
    display.end();
    interrupt.dispose();
    await session.close();
  }
}

function describeMissingRun({ account, namespace, runId }: NamespaceReference): string {
  const run = runId === undefined ? 'No run' : `Run ${plain(runId)}`;
  return `${run} of namespace ${plain(namespace)} in account ${plain(account)} is ${runId === undefined ? '' : 'not '}open.`;
}
