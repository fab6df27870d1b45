import { createInterface } from 'node:readline/promises';
import { once } from 'node:events';
import { decideApproval, ApprovalRefusedError, pendingApproval } from '../../client/approval.js';
import { loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import type { ApprovalAction, PendingApproval } from '../../contract/approval.js';
import type { Approval } from '../../contract/report.js';
import { UsageError } from '../errors.js';
import { placeOf } from '../namespace-reference.js';
import type { PlaceOptions } from '../namespace-reference.js';
import { renderReport } from '../render/report.js';
import { openSession } from '../session.js';
import { note, plain, print, printJson, wrapped } from '../terminal.js';

/** Options of `approve` and `reject`. */
export interface AnswerOptions extends PlaceOptions {
  readonly plan?: string;
  readonly as?: string;
  readonly reason?: string;
  readonly yes: boolean;
}

/** Answers a plan that waits for an approval: shows it first, unless it is named. */
export async function answer(word: ApprovalAction, options: AnswerOptions): Promise<ExitCode> {
  const config = loadConfig();
  const by = options.as ?? config.pipeline.actor;
  if (by === null) throw new UsageError('nobody is known to answer', 'add --as NAME');
  const place = await placeOf(options, config);
  if (place === null) return ExitCode.Usage;
  const session = await openSession(config, note, { worker: false });
  try {
    const plan = options.plan ?? (await seen(word, await pendingApproval(session.temporal, place), options));
    if (plan === null) {
      note('not confirmed: nothing was answered');
      return ExitCode.Refused;
    }
    const said = { plan, by, reason: options.reason ?? null };
    show(
      await decideApproval(session.temporal, place, word, said).catch((error: unknown) => repeated(word, plan, error)),
      options,
    );
    return ExitCode.Converged;
  } finally {
    await session.close();
  }
}

/** The same answer to the same plan, given before, is as good: its reply may have been lost. */
function repeated(word: ApprovalAction, plan: string, error: unknown): Approval {
  const before = error instanceof ApprovalRefusedError ? error.approval : null;
  const same = before?.plan === plan && before.verdict === (word === 'approve' ? 'approved' : 'rejected');
  if (before !== null && same) return before;
  throw error;
}

function show(approval: Approval, { output }: AnswerOptions): void {
  if (output === 'json') printJson({ version: 1, approval });
  else print(`${approval.verdict} by ${plain(approval.by ?? '')}, ${approval.at}: ${plain(approval.plan)}`);
}

/** Shows the plan, and gives its digest where a person says yes to it. */
async function seen(
  word: ApprovalAction,
  gate: PendingApproval,
  { yes, output }: AnswerOptions,
): Promise<string | null> {
  note(wrapped(renderReport(gate.report), process.stderr));
  note(`plan ${plain(gate.plan)}, waits until ${plain(gate.expiresAt)}`);
  if (yes) return gate.plan;
  if (!process.stdin.isTTY || output === 'json') {
    throw new UsageError(
      `${word} asks for confirmation, and nobody is there to give it`,
      `add --plan ${gate.plan}, or --yes`,
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const closed = once(terminal, 'close').then(() => '');
  try {
    const typed = terminal.question(`Type yes to ${word} this plan: `).catch(() => '');
    return (await Promise.race([typed, closed])).trim() === 'yes' ? gate.plan : null;
  } finally {
    terminal.close();
  }
}
