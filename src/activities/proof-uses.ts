import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { proofUseWorkflowId, WorkflowType } from '../contract/workflow-ids.js';
import type { Permits } from './runtime/permits.js';

/** Deadline of one call to Temporal. */
const CALL_DEADLINE_MS = 10_000;

/** The permits that tell a memory of a worker from one that a client has made. */
type UsePermits = Pick<Permits, 'permitUse' | 'isUse'>;

/**
 * Remembers which run a proof was used for, so that a copy from a history starts nothing. The memory is a workflow that
 * ends at once: Temporal starts no second one of its ID for us, for as long as it keeps closed runs. A client can start
 * one of that ID with other options, but cannot sign what it remembers.
 */
export class ProofUses {
  readonly #client: Client;
  readonly #taskQueue: string;

  constructor(client: Client, taskQueue: string) {
    this.#client = client;
    this.#taskQueue = taskQueue;
  }

  /**
   * Uses a proof for a run, unless it was used for another one.
   *
   * @param id - identifies the proof
   * @param runId - the first run of the chain, so that a run that was reset is the same
   * @returns true if this run has the proof, now or since before; false if the memory is not signed, too
   */
  async use(id: string, runId: string, permits: UsePermits): Promise<boolean> {
    const workflowId = proofUseWorkflowId(id);
    return this.#ask(async () => {
      try {
        await this.#client.workflow.start(WorkflowType.ProofUse, {
          workflowId,
          taskQueue: this.#taskQueue,
          args: [],
          memo: { runId, permit: permits.permitUse(id, runId) },
          staticSummary: `remembers that a proof was used for run ${runId}`,
          workflowIdReusePolicy: 'REJECT_DUPLICATE',
          workflowIdConflictPolicy: 'FAIL',
        });
        return true;
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
        const { memo } = await this.#client.workflow.getHandle(workflowId).describe();
        return memo?.['runId'] === runId && permits.isUse(id, runId, memo['permit']);
      }
    });
  }

  async #ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await this.#client.withDeadline(Date.now() + CALL_DEADLINE_MS, call);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw ApplicationFailure.retryable(
        `Temporal does not tell whether a proof was used: ${reason}`,
        'ServiceUnavailable',
      );
    }
  }
}
