import { type Client, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { AccountRun, FoundAccountRun } from '../contract/fleet.js';
import { reportQuery } from '../contract/messages.js';
import type { Report } from '../contract/report.js';

/** Deadline of one call to Temporal. */
const CALL_DEADLINE_MS = 10_000;

/** Finds the runs of accounts that a fleet has started. */
export class AccountRuns {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Returns the report of a run that has closed, however it ended. */
  async find({ workflowId, runId }: AccountRun): Promise<FoundAccountRun> {
    const handle = this.#client.workflow.getHandle(workflowId, runId);
    try {
      const { status } = await this.#ask(() => handle.describe());
      if (status.name === 'RUNNING') return { isOpen: true, report: null };
      return closed((await this.#ask(() => handle.result())) as Report);
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return { isOpen: false, report: null, reason: 'its run is gone' };
      if (!(error instanceof WorkflowFailedError)) throw error;
      // Temporal keeps no details of a cancelled run, which a worker replays to answer.
      const isCancelled = error.cause instanceof CancelledFailure;
      const report = isCancelled ? await this.#ask(() => handle.query(reportQuery)) : reportOf(error);
      return report === null ? { isOpen: false, report, reason: reasonOf(error) } : closed(report);
    }
  }

  async #ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await this.#client.withDeadline(Date.now() + CALL_DEADLINE_MS, call);
    } catch (error) {
      if (error instanceof WorkflowNotFoundError || error instanceof WorkflowFailedError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw ApplicationFailure.retryable(`Temporal does not answer about a run: ${reason}`, 'ServiceUnavailable');
    }
  }
}

function closed(report: Report): FoundAccountRun {
  return { isOpen: false, report };
}

function reportOf({ cause }: WorkflowFailedError): Report | null {
  const [report] = cause instanceof ApplicationFailure ? ((cause.details ?? []) as [unknown?]) : [];
  return typeof report === 'object' && report !== null && 'entities' in report ? (report as Report) : null;
}

function reasonOf({ cause, message }: WorkflowFailedError): string {
  return `its run ended without a report: ${cause?.message ?? message}`;
}
