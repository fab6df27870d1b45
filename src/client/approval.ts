import type { ApprovalDecision, ApprovalAction, PendingApproval } from '../contract/approval.js';
import { approvalQuery } from '../contract/messages.js';
import { ApprovalRefused } from '../contract/approval.js';
import { ExitCode } from '../contract/failures.js';
import { UserFacingError } from '../contract/user-facing-error.js';
import { bootstrapWorkflowId } from '../contract/workflow-ids.js';
import type { Approval } from '../contract/report.js';
import { within } from '../temporal/connect.js';
import type { TemporalConnection } from '../temporal/connect.js';
import { BusyError } from './run/run.js';
import { hasWorker, openRun } from './runs.js';
import type { NamespaceReference } from './runs.js';

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
 * The plan that waits for an approval.
 *
 * @throws ApprovalRefusedError where none does, BusyError where no worker answers
 */
export async function pendingApproval(
  temporal: TemporalConnection,
  place: NamespaceReference,
): Promise<PendingApproval> {
  const { client } = temporal;
  const runId = await runOf(temporal, place);
  const workflowId = bootstrapWorkflowId(place.account, place.namespace);
  const handle = client.workflow.getHandle(workflowId, runId);
  const gate = await asked(temporal, () => within(client, () => handle.query(approvalQuery)));
  if (gate === null) throw noPendingApproval(place);
  const url = temporal.runUrl(workflowId, runId);
  return { ...gate, report: { ...gate.report, workflow: { ...gate.report.workflow, url } } };
}

/**
 * Approves or rejects the plan that waits. Who answers is recorded as it is claimed here.
 *
 * @throws ApprovalRefusedError, BusyError
 */
export async function decideApproval(
  temporal: TemporalConnection,
  place: NamespaceReference,
  answer: ApprovalAction,
  said: ApprovalDecision,
): Promise<Approval> {
  const { client } = temporal;
  const runId = await runOf(temporal, place);
  const handle = client.workflow.getHandle(bootstrapWorkflowId(place.account, place.namespace), runId);
  return asked(temporal, async () => {
    try {
      return await within(client, () => handle.executeUpdate<Approval, [ApprovalDecision]>(answer, { args: [said] }));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      // The run ended meanwhile.
      if (error.name === 'WorkflowNotFoundError') throw noPendingApproval(place);
      const { type, details, message } = (error.cause ?? {}) as {
        type?: string;
        details?: unknown[];
        message?: string;
      };
      const why = Object.values(ApprovalRefused).find((one) => one === type);
      if (error.name !== 'WorkflowUpdateFailedError' || why === undefined) throw error;
      const before = why === ApprovalRefused.AlreadyDecided ? ((details?.[0] ?? null) as Approval | null) : null;
      throw new ApprovalRefusedError(why, message ?? error.message, before);
    }
  });
}

const REMEDIES: Readonly<Record<ApprovalRefused, string>> = {
  [ApprovalRefused.Malformed]: 'mend what is named',
  [ApprovalRefused.NoPendingApproval]: 'see `iam-bootstrap status`; `apply --require-approval` opens one',
  [ApprovalRefused.AlreadyDecided]: 'nothing: the first answer counts',
  [ApprovalRefused.AnotherPlan]: 'look at the plan that waits, and answer that one',
};

function noPendingApproval({ account, namespace }: NamespaceReference): ApprovalRefusedError {
  const message = `no plan of ${namespace} in account ${account} waits for an approval`;
  return new ApprovalRefusedError(ApprovalRefused.NoPendingApproval, message);
}

/** The run that is meant, which has to be open: a closed one must not be asked, for a worker would replay it. */
async function runOf(temporal: TemporalConnection, place: NamespaceReference): Promise<string> {
  const run = await openRun(temporal, place);
  if (run === null) throw noPendingApproval(place);
  return run.runId;
}

/** What a worker has to answer, told from what none is there to answer. */
async function asked<T>(temporal: TemporalConnection, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ApprovalRefusedError || (await hasWorker(temporal))) throw error;
    throw new BusyError(
      `no worker polls the task queue ${temporal.taskQueue}`,
      'start one: iam-bootstrap worker',
      null,
    );
  }
}
