import { activityInfo } from '@temporalio/activity';
import { WithStartWorkflowOperation } from '@temporalio/client';
import type { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { claimUpdate } from '../contract/messages.js';
import { ledgerWorkflowId, WorkflowType } from '../contract/workflow-ids.js';
import type { ClaimAnswer, Ledger } from '../contract/revision.js';
import type { ClaimRequest } from '../contract/activities.js';
import { holdLease } from './runtime/activity-context.js';
import type { ActivityContext } from './runtime/activity-context.js';

/** Temporal is given so long for one answer, in milliseconds. */
const ANSWER_MS = 10_000;

/** The ledgers of the namespaces, each an open workflow. */
export class Ledgers {
  readonly #client: Client;
  readonly #taskQueue: string;

  constructor(client: Client, taskQueue: string) {
    this.#client = client;
    this.#taskQueue = taskQueue;
  }

  /** Asks the ledger of a namespace whether a run may write, and starts it where there is none. */
  async claim({ account, namespace, ...claim }: ClaimRequest, work: ActivityContext): Promise<ClaimAnswer> {
    // An attempt that was given up elsewhere, and wakes, must not speak for the namespace.
    await holdLease(work);
    const startWorkflowOperation = new WithStartWorkflowOperation<(kept?: Ledger) => Promise<void>>(
      WorkflowType.Ledger,
      {
        workflowId: ledgerWorkflowId(account, namespace),
        taskQueue: this.#taskQueue,
        args: [],
        workflowIdConflictPolicy: 'USE_EXISTING',
        staticSummary: `which revisions ${namespace} in ${account} was given`,
      },
    );
    try {
      return await this.#client.withDeadline(Date.now() + ANSWER_MS, () =>
        this.#client.workflow.executeUpdateWithStart(claimUpdate, {
          startWorkflowOperation,
          args: [claim],
          // What is asked again after a lost answer is answered as before.
          updateId: activityInfo().workflowExecution?.runId ?? claim.revision.runId,
        }),
      );
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw ApplicationFailure.retryable(`the ledger of ${namespace} does not answer: ${reason}`, 'ServiceUnavailable');
    }
  }
}
