import { activityInfo } from '@temporalio/activity';
import { WithStartWorkflowOperation, type Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { claimUpdate } from '../contract/messages.js';
import { ledgerWorkflowId, WorkflowType } from '../contract/workflow-ids.js';
import type { ClaimAnswer, Ledger } from '../contract/revision.js';
import type { ClaimRequest } from '../contract/activities.js';
import { holdLease, type ActivityContext } from './runtime/activity-context.js';

/** Deadline of one call to Temporal. */
const UPDATE_DEADLINE_MS = 10_000;

/** Gives access to the ledgers of the namespaces. Each ledger is a workflow that stays open. */
export class Ledgers {
  readonly #client: Client;
  readonly #taskQueue: string;

  constructor(client: Client, taskQueue: string) {
    this.#client = client;
    this.#taskQueue = taskQueue;
  }

  /** Asks the ledger of a namespace whether a run may write, and starts the ledger if it does not run. */
  async claim({ account, namespace, ...claim }: ClaimRequest, context: ActivityContext): Promise<ClaimAnswer> {
    // A suspended attempt that resumes after another one took over must not claim the revision.
    await holdLease(context);
    const startWorkflowOperation = new WithStartWorkflowOperation<(ledger?: Ledger) => Promise<void>>(
      WorkflowType.Ledger,
      {
        workflowId: ledgerWorkflowId(account, namespace),
        taskQueue: this.#taskQueue,
        args: [],
        workflowIdConflictPolicy: 'USE_EXISTING',
        staticSummary: `revisions that were applied to ${namespace} in ${account}`,
      },
    );
    try {
      return await this.#client.withDeadline(Date.now() + UPDATE_DEADLINE_MS, () =>
        this.#client.workflow.executeUpdateWithStart(claimUpdate, {
          startWorkflowOperation,
          args: [claim],
          // A claim that is repeated after a lost answer gets the same answer.
          updateId: activityInfo().workflowExecution?.runId ?? claim.revision.runId,
        }),
      );
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw ApplicationFailure.retryable(
        `the ledger of namespace ${namespace} does not answer: ${reason}`,
        'ServiceUnavailable',
      );
    }
  }
}
