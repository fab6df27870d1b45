import { ApprovalRefusedError } from '../client/approval.js';
import { ApprovalAction } from '../contract/approval.js';
import type { Approval } from '../contract/report.js';
import { counted } from '../report/text.js';
import type { NamespaceOptions } from './request.js';
import { plain, print, printJson } from './terminal.js';

/** Options of `approve` and `reject`. */
export interface ApprovalOptions extends NamespaceOptions {
  readonly plan?: string;
  readonly as?: string;
  readonly reason?: string;
  readonly yes: boolean;
  /** Logs in at the issuer of the company, to prove who decides. */
  readonly login: boolean;
}

/** Returns an equal decision that was made before: its reply may have been lost. Throws the error otherwise. */
export function equalDecision(action: ApprovalAction, plan: string, error: unknown): Approval {
  const before = error instanceof ApprovalRefusedError ? error.approval : null;
  const isEqual =
    before?.plan === plan && before.verdict === (action === ApprovalAction.Approve ? 'approved' : 'rejected');
  if (before !== null && isEqual) return before;
  throw error;
}

/** Prints a decision that was made. */
export function printApproval(approval: Approval, { output }: ApprovalOptions): void {
  if (output === 'json') printJson({ version: 1, approval });
  else {
    const verdict = approval.verdict === 'approved' ? 'Approved' : 'Rejected';
    const { by, at, plan, missing = 0 } = approval;
    print(`${verdict} by ${plain(by ?? '')} at ${at}: plan ${plain(plan)}`);
    if (missing > 0) print(`The approval counts. The plan still waits for ${counted(missing, 'more approval')}.`);
  }
}
