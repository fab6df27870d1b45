import { decideApproval, pendingApproval } from '../../client/approval.js';
import { loginSource } from '../../client/login.js';
import { type Config, loadConfig } from '../../config/config.js';
import { ApprovalAction, type PendingApproval } from '../../contract/approval.js';
import { ExitCode } from '../../contract/failures.js';
import type { Approval } from '../../contract/report.js';
import { renderReport } from '../render/report.js';
import { type ApprovalOptions, equalDecision, printApproval } from '../decision.js';
import { resolveNamespace } from '../request.js';
import { requireRequesterName } from '../requester.js';
import { InterruptedError, untilInterrupted, UsageError } from '../run-command.js';
import { openSession } from '../session.js';
import { confirm, note, plain, wrapped } from '../terminal.js';

/** Approves the plan of a run that waits for it. */
export function approve(options: ApprovalOptions): Promise<ExitCode> {
  return decide(ApprovalAction.Approve, options);
}

/** Rejects the plan of a run that waits for it. */
export function reject(options: ApprovalOptions): Promise<ExitCode> {
  return decide(ApprovalAction.Reject, options);
}

/** Sends the decision. Shows the plan first, unless `--plan` names it. */
async function decide(action: ApprovalAction, options: ApprovalOptions): Promise<ExitCode> {
  const config = loadConfig();
  if (options.login && config.login === undefined) throw loginUsageError();
  const by = requireRequesterName(options.as, config.pipeline);
  const { fleet } = options;
  if (fleet !== undefined)
    return (await import('./fleet-control.js')).decide(action, { ...options, fleet }, by, config);
  const namespace = await resolveNamespace(options, config);
  if (namespace === null) return ExitCode.Usage;
  const session = await openSession(config, note, { worker: false });
  try {
    const plan =
      options.plan ?? (await reviewPlan(action, await pendingApproval(session.temporal, namespace), options));
    if (plan === null) {
      note('Not confirmed. The plan still waits for approval.');
      return ExitCode.Refused;
    }
    const decision = { plan, by, reason: options.reason ?? null };
    const send = options.login && config.login !== undefined ? sendAfterLogin(config.login, config) : decideApproval;
    const approval = await send(session.temporal, namespace, action, decision).catch((error: unknown) =>
      equalDecision(action, plan, error),
    );
    printApproval(approval, options);
    return ExitCode.Converged;
  } finally {
    await session.close();
  }
}

type Send = (...args: Parameters<typeof decideApproval>) => Promise<Approval>;

/** Returns a function that sends a decision, for which the person at the terminal logs in where the worker asks for proof. */
function sendAfterLogin(login: NonNullable<Config['login']>, { network }: Config): Send {
  return async (temporal, namespace, action, decision) => {
    const interrupt = untilInterrupted();
    const prompts: string[] = [];
    const idTokens = loginSource({
      login,
      network,
      onPrompt: ({ url, completeUrl, code }) => {
        prompts.push(code);
        note(`Log in at ${plain(url)} with the code ${plain(code)}`);
        if (completeUrl !== undefined) note(`or open ${plain(completeUrl)} and compare the code.`);
      },
    });
    try {
      const approval = await decideApproval(temporal, namespace, action, decision, {
        idTokens,
        signal: interrupt.signal,
      });
      if (prompts.length === 0) note('The worker asks for no proof here: your name is recorded as claimed.');
      return approval;
    } catch (error) {
      const reason: unknown = interrupt.signal.reason;
      if (!(reason instanceof InterruptedError)) throw error;
      throw new InterruptedError(reason.signal, '; nothing was decided', `${action} again`);
    } finally {
      interrupt.dispose();
    }
  };
}

function loginUsageError(): UsageError {
  return new UsageError(
    '--login needs an issuer at which people log in',
    'set IAM_BOOTSTRAP_LOGIN_ISSUER and IAM_BOOTSTRAP_LOGIN_CLIENT_ID; see docs/identity.md',
  );
}

/** Shows the plan. Returns its digest once it is confirmed, null otherwise. */
async function reviewPlan(
  action: ApprovalAction,
  { plan, expiresAt, report }: PendingApproval,
  { yes, output }: ApprovalOptions,
): Promise<string | null> {
  note(wrapped(renderReport(report), process.stderr));
  note(`Plan ${plain(plan)} waits for approval until ${plain(expiresAt)}.`);
  if (yes) return plan;
  if (!process.stdin.isTTY || output === 'json') {
    const why = output === 'json' ? 'not with --output json' : 'standard input is not a terminal';
    throw new UsageError(`cannot ask for confirmation: ${why}`, `add --plan ${plan}, or --yes`);
  }
  return (await confirm(`Type yes to ${action} this plan: `, 'yes')) ? plan : null;
}
