import { sleep } from '@temporalio/activity';
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { pauseAfter } from '../aws/propagation.js';
import type { EntityRun, EntityRunsRequest, FoundEntityRuns } from '../contract/activities.js';
import { entityWorkflowIdPrefix, WorkflowType } from '../contract/workflow-ids.js';

/** Deadline of one call to Temporal. */
const CALL_DEADLINE_MS = 10_000;

/** Finds and ends runs of the reconcile-entity workflow. */
export class EntityRuns {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Lists the open entity runs of an account: those that earlier runs of the namespace left behind, and all others. */
  find({ account, namespace, runId }: EntityRunsRequest): Promise<FoundEntityRuns> {
    const query = [
      `WorkflowId STARTS_WITH "${entityWorkflowIdPrefix(account)}"`,
      `WorkflowType = "${WorkflowType.ReconcileEntity}"`,
      'ExecutionStatus = "Running"',
    ].join(' AND ');
    return this.#ask(async () => {
      const earlier: EntityRun[] = [];
      const others: string[] = [];
      for await (const { workflowId, runId: entityRunId, memo } of this.#client.workflow.list({ query })) {
        if (memo?.['namespace'] !== namespace) others.push(workflowId);
        else if (memo['run'] !== runId) earlier.push({ workflowId, runId: entityRunId });
      }
      return { earlier, others };
    });
  }

  /** Cancels entity runs and waits until they have closed. They end between two writes. */
  async end(runs: readonly EntityRun[]): Promise<void> {
    await Promise.all(runs.map((run) => this.#call(run, (handle) => handle.cancel())));
    let open = runs;
    for (let attempt = 1; ; attempt += 1) {
      const areOpen = await Promise.all(open.map((run) => this.#isOpen(run)));
      open = open.filter((_run, index) => areOpen[index]);
      if (open.length === 0) return;
      await sleep(pauseAfter(attempt));
    }
  }

  async #isOpen(run: EntityRun): Promise<boolean> {
    const description = await this.#call(run, (handle) => handle.describe());
    return description?.status.name === 'RUNNING';
  }

  /** Calls a run. Returns undefined where it no longer exists, or has closed. */
  async #call<T>(
    { workflowId, runId }: EntityRun,
    call: (handle: ReturnType<Client['workflow']['getHandle']>) => Promise<T>,
  ): Promise<T | undefined> {
    try {
      return await this.#ask(() => call(this.#client.workflow.getHandle(workflowId, runId)));
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
  }

  async #ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await this.#client.withDeadline(Date.now() + CALL_DEADLINE_MS, call);
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw ApplicationFailure.retryable(
        `Temporal does not answer about open entity runs: ${reason}`,
        'ServiceUnavailable',
      );
    }
  }
}
