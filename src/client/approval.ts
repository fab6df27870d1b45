import { ApprovalAction, type ApprovalDecision, ApprovalRefused, type PendingApproval } from '../contract/approval.js';
import { ExitCode } from '../contract/failures.js';
import { approvalQuery, approveUpdate, rejectUpdate } from '../contract/messages.js';
import type { Approval } from '../contract/report.js';
import { UserFacingError } from '../contract/user-facing-error.js';
import { bootstrapWorkflowId } from '../contract/workflow-ids.js';
import { decisionDigest } from '../engine/request-digest.js';
import { signed } from '../identity/signature.js';
import type { TemporalConnection } from '../temporal/connect.js';
import { isWorkflowNotFound } from '../temporal/errors.js';
import type { TokenSource } from '../identity/tokens/token-source.js';
import type { bootstrap } from '../workflows/index.js';
import { askWorker } from './run/ask-worker.js';
import { proofToken } from './run/proof.js';
import { type NamespaceReference, openRun, withRunUrl } from './runs.js';

const REMEDIES: Readonly<Record<ApprovalRefused, string>> = {
  [ApprovalRefused.Malformed]: 'correct what the message names, and send the decision again',
  [ApprovalRefused.NoPendingApproval]: 'see `iam-bootstrap status`; `apply --require-approval` asks for an approval',
  [ApprovalRefused.AlreadyDecided]: 'nothing to do: the first decision counts',
  [ApprovalRefused.NotProven]:
    'approve by an identity that the guardrails name: from its CI job, or with `iam-bootstrap approve --login`',
  [ApprovalRefused.AnotherPlan]: 'review the plan that waits, and approve or reject that one',
};

/** Reports that a decision was not accepted: no plan waits, another plan waits, or the plan was already decided. */
export class ApprovalRefusedError extends UserFacingError {
  override readonly name = 'ApprovalRefusedError';
  override readonly exitCode = ExitCode.Refused;

  constructor(
    readonly why: ApprovalRefused,
    message: string,
    /** The decision that counts, where the plan was already decided. */
    readonly approval: Approval | null = null,
  ) {
    super(message, REMEDIES[why]);
  }
}

/**
 * Returns the plan of the open run that waits for an approval.
 *
 * @throws ApprovalRefusedError where no plan waits, BusyError where no worker polls
 */
export async function pendingApproval(
  temporal: TemporalConnection,
  reference: NamespaceReference,
): Promise<PendingApproval> {
  const { handle } = await openRunHandle(temporal, reference);
  const approval = await askWorker(temporal, handle, () => handle.query(approvalQuery));
  if (approval === null) throw noPendingApproval(reference);
  return { ...approval, report: withRunUrl(temporal, approval.report) };
}

/** Options of a decision. */
export interface DecisionOptions {
  /** The source of the token that proves who decides. Default: that of the environment. */
  readonly idTokens?: TokenSource | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Approves or rejects the plan that waits. The approver's name is recorded as given; where the worker asks for it, a token
 * proves who decides.
 *
 * @throws ApprovalRefusedError, BusyError, IdTokenError
 */
export async function decideApproval(
  temporal: TemporalConnection,
  reference: NamespaceReference,
  action: ApprovalAction,
  decision: ApprovalDecision,
  options: DecisionOptions = {},
): Promise<Approval> {
  const { account, namespace } = reference;
  const { handle, environment } = await openRunHandle(temporal, reference);
  const question = { account, namespace, environment };
  const { idTokens: source, signal } = options;
  const verdict = action === ApprovalAction.Approve ? 'approved' : 'rejected';
  const proven = { question, digest: decisionDigest(verdict, decision.plan), what: 'approval' } as const;
  const token = await proofToken(temporal, proven, { source, signal, deadline: Date.now() });
  const proof = token === undefined ? decision.proof : { ...decision.proof, token };
  const sent = proof === undefined ? decision : { ...decision, proof };
  const update = action === ApprovalAction.Approve ? approveUpdate : rejectUpdate;
  return askWorker(temporal, handle, async () => {
    try {
      return await handle.executeUpdate(update, { args: [signed(temporal.requestKey, action, sent)] });
    } catch (error) {
      // The run has closed meanwhile.
      throw isWorkflowNotFound(error) ? noPendingApproval(reference) : (approvalRefusedError(error) ?? error);
    }
  });
}

/** Returns the error for an update that the workflow has refused. Undefined for any other failure. */
export function approvalRefusedError(error: unknown): ApprovalRefusedError | undefined {
  if (!(error instanceof Error) || error.name !== 'WorkflowUpdateFailedError') return undefined;
  const {
    type,
    details,
    message = error.message,
  } = (error.cause ?? {}) as {
    readonly type?: string;
    readonly details?: readonly unknown[];
    readonly message?: string;
  };
  const why = Object.values(ApprovalRefused).find((known) => known === type);
  if (why === undefined) return undefined;
  const earlier = why === ApprovalRefused.AlreadyDecided ? ((details?.[0] ?? null) as Approval | null) : null;
  return new ApprovalRefusedError(why, message, earlier);
}

function noPendingApproval({ account, namespace }: NamespaceReference): ApprovalRefusedError {
  const message = `no plan of ${namespace} in account ${account} waits for an approval`;
  return new ApprovalRefusedError(ApprovalRefused.NoPendingApproval, message);
}

/** Returns the handle of the open run, and its environment. A closed run must get no query: a worker would replay it to answer. */
async function openRunHandle(temporal: TemporalConnection, reference: NamespaceReference) {
  const run = await openRun(temporal, reference);
  if (run === null) throw noPendingApproval(reference);
  const workflowId = bootstrapWorkflowId(reference.account, reference.namespace);
  const handle = temporal.client.workflow.getHandle<typeof bootstrap>(workflowId, run.runId);
  return { handle, environment: run.memo.environment ?? '' };
}
