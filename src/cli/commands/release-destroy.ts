import { apply, plan } from '../../client/run/start.js';
import { loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import type { Report } from '../../contract/report.js';
import type { BootstrapRequest } from '../../contract/request.js';
import { exitCodeOf } from '../../report/build.js';
import type { OutputOptions } from '../outputs.js';
import { loadManifestRequest, type RequestCommandOptions } from '../request.js';
import { UsageError } from '../run-command.js';
import { confirm, note } from '../terminal.js';
import { type FollowOptions, followRequest } from './follow.js';

interface ReleaseOptions extends RequestCommandOptions, OutputOptions {
  readonly yes: boolean;
  readonly plan: boolean;
  /** False for `--no-wait`. */
  readonly wait: boolean;
}

type CommandName = 'release' | 'destroy';

/** Removes the ownership of what the manifest declares. */
export function release(options: ReleaseOptions): Promise<ExitCode> {
  return releaseOrDestroy('release', options);
}

/** Deletes what the namespace created, and releases what it adopted. */
export function destroy(options: ReleaseOptions): Promise<ExitCode> {
  return releaseOrDestroy('destroy', options);
}

/**
 * Releases or deletes what the manifest declares. Shows the plan first, and asks for the account and the namespace as a
 * confirmation. Each entity is decided again right before it is written.
 */
async function releaseOrDestroy(command: CommandName, options: ReleaseOptions): Promise<ExitCode> {
  const request = await loadManifestRequest(options, loadConfig(), command);
  if (request === null) return ExitCode.Usage;
  // An approval replaces the confirmation.
  const needsConfirmation = !options.yes && !options.plan && options.requireApproval !== true;
  if (needsConfirmation) requireTerminal(command, options);
  const following = { ...options, noWait: false, detailed: false, explained: true };
  if (needsConfirmation || options.plan) {
    const exitCode = await reviewPlan(command, request, options, following);
    if (exitCode !== null) return exitCode;
  }
  return toExitCode(await followRequest(command, apply, request, { ...following, noWait: !options.wait }));
}

function requireTerminal(command: CommandName, { output }: ReleaseOptions): void {
  if (process.stdin.isTTY && output === 'text') return;
  const why = output === 'json' ? 'not with --output json' : 'standard input is not a terminal';
  throw new UsageError(
    `${command} cannot ask for confirmation: ${why}`,
    'add --yes to go ahead, or --plan to see what would be done',
  );
}

/** Shows the plan and has it confirmed. Returns the exit code if the command ends here, or null if it continues. */
async function reviewPlan(
  command: CommandName,
  request: BootstrapRequest,
  options: ReleaseOptions,
  following: FollowOptions,
): Promise<ExitCode | null> {
  const appliedBy = options.plan ? command : undefined;
  const planned = await followRequest('plan', plan, request, { ...following, appliedBy });
  const { result } = planned;
  const isBlocked = result === 'failed' || (result === 'refused' && !options.keepGoing);
  if (options.plan || isBlocked) return toExitCode(planned);
  if (result === 'converged') return ExitCode.Converged;
  const namespace = `${request.target.account}/${request.namespace}`;
  if (await confirm(`Type ${namespace} to ${command} what is listed above: `, namespace)) return null;
  note('Not confirmed. Nothing was written.');
  return ExitCode.Refused;
}

function toExitCode({ result }: Report): ExitCode {
  return exitCodeOf(result, { detailed: false });
}
