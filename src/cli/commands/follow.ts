import { busyReport, type RunEvent, type RunOptions } from '../../client/run/events.js';
import { apply as applyRequest, plan as planRequest } from '../../client/run/start.js';
import { type Config, isDebugLevel, loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import type { Report } from '../../contract/report.js';
import type { BootstrapRequest } from '../../contract/request.js';
import { exitCodeOf } from '../../report/build.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { interruptedRun } from '../interrupted-run.js';
import { nextLines } from '../next-command.js';
import { checkOutputs, type OutputOptions, publish } from '../outputs.js';
import { openDisplay } from '../render/progress.js';
import { renderReport } from '../render/report.js';
import {
  type ApplyOptions,
  type FleetCommandOptions,
  loadManifestRequest,
  type PlanOptions,
  type RequestCommandOptions,
} from '../request.js';
import { InterruptedError, untilInterrupted, UsageError } from '../run-command.js';
import { logDecisions, openDebugLog, openSession } from '../session.js';
import { print, printJson, wrapped } from '../terminal.js';

/** The run that a command started or joined. */
type Followed = Extract<RunEvent, { type: 'started' | 'joined' }>;

type Command = (temporal: TemporalConnection, request: BootstrapRequest, options: RunOptions) => Promise<Report>;

/** Prints each decision and drift, and writes nothing. */
export async function plan(options: PlanOptions): Promise<ExitCode> {
  if (isFleetCommand(options)) return (await import('./fleet.js')).plan(options);
  return follow('plan', planRequest, {
    ...options,
    noWait: false,
    detailed: options.detailedExitcode,
    appliedBy: 'apply',
  });
}

/** Starts or joins a run, follows it, and prints its report. */
export async function apply(options: ApplyOptions): Promise<ExitCode> {
  if (isFleetCommand(options)) return (await import('./fleet.js')).apply(options);
  return follow('apply', applyRequest, { ...options, noWait: !options.wait, detailed: false });
}

/** Returns true for options that name a fleet. Throws where an option of fleets is given without one. */
function isFleetCommand<T extends FleetCommandOptions>(options: T): options is T & { readonly fleet: string } {
  const { fleet, accounts, approveWaves, retryFailed, environment, requireApproval } = options;
  if (fleet !== undefined) {
    if (environment !== undefined)
      throw new UsageError('--fleet and --environment do not go together', 'give one of them');
    if (requireApproval !== true) return true;
    throw new UsageError('--require-approval is for one account', 'use --approve-waves for a fleet');
  }
  if (accounts === undefined && approveWaves !== true && retryFailed !== true) return false;
  throw new UsageError('--accounts, --approve-waves and --retry-failed are for fleets', 'name one with --fleet');
}

/** Sends the manifest's request by `plan` or `apply`, shows progress, prints the report, and returns the exit code. */
async function follow(name: Report['command'], command: Command, options: FollowOptions): Promise<ExitCode> {
  const config = loadConfig();
  const request = await loadManifestRequest(options, config);
  if (request === null) return ExitCode.Usage;
  const report = await followRequest(name, command, request, options);
  return exitCodeOf(report.result, { detailed: options.detailed });
}

/** Options of following a request. */
export type FollowOptions = RequestCommandOptions &
  OutputOptions & {
    readonly noWait: boolean;
    readonly detailed: boolean;
    /** Also lists unchanged entities that have a reason. Default: false. */
    readonly explained?: boolean;
    /** The command that applies a plan, to name it below. Default: none is named. */
    readonly appliedBy?: 'apply' | 'release' | 'destroy' | undefined;
  };

/** Sends a request, shows progress, and prints its report. */
export async function followRequest(
  name: Report['command'],
  command: Command,
  request: BootstrapRequest,
  options: FollowOptions,
): Promise<Report> {
  const config = loadConfig();
  await checkOutputs(options);
  const display = openDisplay({ quiet: options.quiet === true, debug: isDebugLevel(config.logLevel) });
  const interrupt = untilInterrupted();
  let followed: Followed | null = null;
  let embedded = false;
  try {
    const say = (line: string): void => {
      display.say(line);
    };
    const session = await openSession(config, say, { onFull: interrupt.abort });
    ({ embedded } = session);
    if (embedded) {
      interrupt.signal.addEventListener('abort', () => {
        display.say('Stopping once the calls in flight have ended. Press Ctrl-C again to end at once.');
      });
    }
    try {
      const report = await command(session.temporal, request, {
        waitTimeoutMs: options.waitTimeout,
        noWait: options.noWait,
        signal: interrupt.signal,
        onEvent: (event) => {
          if (event.type === 'started' || event.type === 'joined') followed = event;
          if (event.type === 'applying-again') followed = null;
          display.show(embedded ? withoutLink(event) : event);
        },
      });
      display.end();
      logDecisions(await openDebugLog(config), report);
      await finish(report, embedded, options, config);
      return report;
    } catch (error) {
      throw await session.explain(error);
    } finally {
      await session.close();
    }
  } catch (error) {
    const reason: unknown = interrupt.signal.reason;
    if (reason instanceof InterruptedError) throw interruptedRun(name, reason.signal, followed, embedded);
    if (interrupt.signal.aborted) throw reason;
    const busy = busyReport(name, request, error);
    if (busy !== undefined) {
      if (options.output === 'json') printJson(busy);
      await publish(busy, options, config);
    }
    throw error;
  } finally {
    display.end();
    interrupt.dispose();
  }
}

/** Prints and publishes a report. */
async function finish(report: Report, embedded: boolean, options: FollowOptions, config: Config): Promise<void> {
  const withoutUrl = { ...report, workflow: { ...report.workflow, url: null } };
  // The UI of an embedded server stops with this command, so its link would be dead.
  const published = embedded ? withoutUrl : report;
  if (options.output === 'json') printJson(published);
  else {
    const next = options.appliedBy === undefined ? [] : nextLines(report, options.appliedBy, options);
    // The link was printed when the run started.
    const shown = options.quiet === true ? published : withoutUrl;
    print(wrapped(renderReport(shown, { explained: options.explained, next }), process.stdout));
  }
  await publish(published, options, config);
}

/** Returns an event of a run on an embedded server without the link: the UI stops with this command. */
function withoutLink(event: RunEvent): RunEvent {
  return event.type === 'started' || event.type === 'joined' ? { ...event, url: null } : event;
}
