import { cancelFleet, decideWave, pendingWave } from '../../client/fleet/runs.js';
import { awaitFleetReport } from '../../client/fleet/follow.js';
import type { Config } from '../../config/config.js';
import type { ApprovalAction } from '../../contract/approval.js';
import { ExitCode } from '../../contract/failures.js';
import type { PendingWave } from '../../contract/fleet-progress.js';
import { exitCodeOf } from '../../report/build.js';
import { counted } from '../../report/text.js';
import { renderFleetReport } from '../render/fleet.js';
import { type ApprovalOptions, equalDecision, printApproval } from '../decision.js';
import { type CancelOptions, resolveFleetReference } from '../request.js';
import { requesterName } from '../requester.js';
import { UsageError } from '../run-command.js';
import { openSession } from '../session.js';
import { confirm, note, plain, print, printJson, wrapped } from '../terminal.js';

type OfFleet<T> = T & { readonly fleet: string };

/** Cancels the open run of a fleet. */
export async function cancelRun(options: OfFleet<CancelOptions>, config: Config): Promise<ExitCode> {
  const reference = await resolveFleetReference(options, config);
  if (reference === null) return ExitCode.Usage;
  const json = options.output === 'json';
  const session = await openSession(config, note);
  try {
    const run = await cancelFleet(session.temporal, reference, {
      by: requesterName(options.as, config.pipeline),
      reason: options.reason ?? null,
    });
    if (run === null) {
      if (json) printJson({ version: 1, run: null, report: null });
      else
        print(`Nothing to cancel. No run of fleet ${plain(reference.fleet)} of ${plain(reference.namespace)} is open.`);
      return ExitCode.Converged;
    }
    const { workflowId, runId, url } = run;
    if (options.quiet !== true) note(`Cancelling run ${runId}; waiting for calls in flight.`);
    const deadline = Date.now() + options.waitTimeout;
    const report = options.wait ? await awaitFleetReport(session.temporal, { workflowId, runId }, deadline, {}) : null;
    if (json) printJson({ version: 1, run: { workflowId, runId, url }, report });
    else if (report !== null) print(wrapped(renderFleetReport(report), process.stdout));
    const isCancelled = report === null || report.result === 'cancelled';
    return isCancelled ? ExitCode.Converged : exitCodeOf(report.result, { detailed: false });
  } finally {
    await session.close();
  }
}

/** Approves or rejects the wave of a fleet that waits. Shows the report of the waves before it, unless `--plan` names it. */
export async function decide(
  action: ApprovalAction,
  options: OfFleet<ApprovalOptions>,
  by: string,
  config: Config,
): Promise<ExitCode> {
  const reference = await resolveFleetReference(options, config);
  if (reference === null) return ExitCode.Usage;
  const session = await openSession(config, note, { worker: false });
  try {
    const plan = options.plan ?? (await reviewWave(action, await pendingWave(session.temporal, reference), options));
    if (plan === null) {
      note('Not confirmed. The wave still waits for approval.');
      return ExitCode.Refused;
    }
    const decision = { plan, by, reason: options.reason ?? null };
    const approval = await decideWave(session.temporal, reference, action, decision).catch((error: unknown) =>
      equalDecision(action, plan, error),
    );
    printApproval(approval, options);
    return ExitCode.Converged;
  } finally {
    await session.close();
  }
}

async function reviewWave(
  action: ApprovalAction,
  { plan, wave, accounts, expiresAt, report }: PendingWave,
  { yes, output }: ApprovalOptions,
): Promise<string | null> {
  note(wrapped(renderFleetReport(report), process.stderr));
  note(`Wave ${String(wave)} (${counted(accounts, 'account')}) waits for approval until ${plain(expiresAt)}.`);
  if (yes) return plan;
  if (!process.stdin.isTTY || output === 'json') {
    const why = output === 'json' ? 'not with --output json' : 'standard input is not a terminal';
    throw new UsageError(`cannot ask for confirmation: ${why}`, `add --plan ${plan}, or --yes`);
  }
  return (await confirm(`Type yes to ${action} this wave: `, 'yes')) ? plan : null;
}
