import { applyFleet, planFleet } from '../../client/fleet/apply.js';
import type { FleetOptions } from '../../client/fleet/events.js';
import { failedAccounts, fleetRun } from '../../client/fleet/runs.js';
import { type Config, isDebugLevel, loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import type { FleetReport, FleetRequest } from '../../contract/fleet.js';
import { exitCodeOf } from '../../report/build.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { checkOutputs, publishFleet } from '../outputs.js';
import { renderFleetProgress, renderFleetReport } from '../render/fleet.js';
import { openFleetDisplay } from '../render/progress.js';
import { type ApplyOptions, loadFleetManifest, type PlanOptions } from '../request.js';
import { InterruptedError, untilInterrupted, UsageError } from '../run-command.js';
import { openSession } from '../session.js';
import { note, print, printJson, wrapped } from '../terminal.js';

type OfFleet<T> = T & { readonly fleet: string };

/** Plans every account of a fleet, and writes nothing. */
export async function plan(options: OfFleet<PlanOptions>): Promise<ExitCode> {
  return follow('plan', options, { noWait: false, detailed: options.detailedExitcode });
}

/** Applies the manifest to the accounts of a fleet, wave by wave. */
export async function apply(options: OfFleet<ApplyOptions>): Promise<ExitCode> {
  if (options.retryFailed === true && options.accounts !== undefined) {
    throw new UsageError('--retry-failed and --accounts do not go together', 'give one of them');
  }
  return follow('apply', options, { noWait: !options.wait, detailed: false });
}

interface Following {
  readonly noWait: boolean;
  readonly detailed: boolean;
}

async function follow(
  command: FleetRequest['command'],
  options: OfFleet<PlanOptions | ApplyOptions>,
  { noWait, detailed }: Following,
): Promise<ExitCode> {
  const config = loadConfig();
  const first = await loadFleetManifest(options, config, command);
  if (first === null) return ExitCode.Usage;
  await checkOutputs(options);
  const display = openFleetDisplay({ quiet: options.quiet === true, debug: isDebugLevel(config.logLevel) });
  const interrupt = untilInterrupted();
  try {
    const say = (line: string): void => {
      display.say(line);
    };
    const session = await openSession(config, say, { onFull: interrupt.abort });
    try {
      const request = options.retryFailed === true ? await retried(session.temporal, first, options, config) : first;
      if (request === null) return ExitCode.Converged;
      const run = command === 'plan' ? planFleet : applyFleet;
      const following: FleetOptions = {
        waitTimeoutMs: options.waitTimeout,
        noWait,
        signal: interrupt.signal,
        onEvent: (event) => {
          display.show(event);
        },
      };
      const report = await run(session.temporal, request, following);
      display.end();
      await finish(report, options, config);
      return exitCodeOf(report.result, { detailed });
    } catch (error) {
      throw await session.explain(error);
    } finally {
      await session.close();
    }
  } catch (error) {
    const reason: unknown = interrupt.signal.reason;
    if (reason instanceof InterruptedError) throw interrupted(reason.signal, command, first);
    if (interrupt.signal.aborted) throw reason;
    throw error;
  } finally {
    display.end();
    interrupt.dispose();
  }
}

/** Returns the request for the accounts that did not converge in the last run. Null where all did. */
async function retried(
  temporal: TemporalConnection,
  { namespace, fleet }: FleetRequest,
  options: OfFleet<PlanOptions | ApplyOptions>,
  config: Config,
): Promise<FleetRequest | null> {
  const accounts = await failedAccounts(temporal, { namespace, fleet });
  if (accounts === null) {
    throw new UsageError(`fleet ${fleet} has no closed run whose report could be read`, 'apply without --retry-failed');
  }
  if (accounts.length > 0) return loadFleetManifest({ ...options, accounts, quiet: true }, config, 'apply');
  note('Nothing to do: every account converged in the last run.');
  return null;
}

async function finish(
  report: FleetReport,
  options: OfFleet<PlanOptions | ApplyOptions>,
  config: Config,
): Promise<void> {
  if (options.output === 'json') printJson(report);
  else print(wrapped(renderFleetReport(report), process.stdout));
  await publishFleet(report, options, config);
}

function interrupted(
  signal: InterruptedError['signal'],
  command: FleetRequest['command'],
  { namespace, fleet }: FleetRequest,
): InterruptedError {
  if (command === 'plan') return new InterruptedError(signal, '; nothing was written', 'plan again');
  const flags = `--namespace ${namespace} --fleet ${fleet}`;
  return new InterruptedError(
    signal,
    '; the run of the fleet goes on in Temporal without this command',
    `look at it with \`iam-bootstrap status ${flags}\`, end it with \`iam-bootstrap cancel ${flags}\`, or apply again to follow it`,
  );
}

/** Shows the last run of a fleet: its progress, or its report. */
export async function fleetStatus(
  reference: { readonly namespace: string; readonly fleet: string },
  output: 'text' | 'json',
): Promise<ExitCode> {
  const session = await openSession(loadConfig(), note, { worker: false });
  try {
    const run = await fleetRun(session.temporal, reference);
    if (output === 'json') printJson({ version: 1, run });
    else if (run === null) print(`Fleet ${reference.fleet} of namespace ${reference.namespace} has no run.`);
    else if (run.report !== null) print(wrapped(renderFleetReport(run.report), process.stdout));
    else {
      print(`Run ${run.runId} of fleet ${reference.fleet} is ${run.status.toLowerCase()}, since ${run.startedAt}.`);
      if (run.progress !== null) print(wrapped(renderFleetProgress(run.progress, Date.now()), process.stdout));
    }
    return ExitCode.Converged;
  } finally {
    await session.close();
  }
}
