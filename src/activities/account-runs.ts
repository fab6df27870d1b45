import {
  type Client,
  QueryNotRegisteredError,
  WorkflowFailedError,
  type WorkflowHandle,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { AccountRun, AccountRunEnd, FoundAccountRun, NamespaceHolder } from '../contract/fleet.js';
import { reportQuery } from '../contract/messages.js';
import type { Report } from '../contract/report.js';
import { isAccountRunEnd } from '../report/fleet.js';
import { lastRunIdOf } from '../temporal/chain.js';
import { describePipeline, pipelineOf } from '../report/run-description.js';

/** Deadline of one call to Temporal. */
const CALL_DEADLINE_MS = 10_000;

/** Finds the runs of accounts that a fleet has started or waits for. */
export class AccountRuns {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Follows a run to the end of its chain. Returns its report, or `isOpen` with the last run ID. */
  async find({ workflowId, runId }: AccountRun): Promise<FoundAccountRun> {
    let handle = this.#client.workflow.getHandle(workflowId, runId);
    try {
      const lastRunId = await this.#ask(() => lastRunIdOf(this.#client, { workflowId, runId }));
      handle = this.#client.workflow.getHandle(workflowId, lastRunId);
      const { status } = await this.#ask(() => handle.describe());
      if (status.name === 'RUNNING') {
        return { isOpen: true, report: null, ...(lastRunId === runId ? {} : { lastRunId }) };
      }
      return closed((await this.#ask(() => handle.result())) as AccountRunEnd);
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return { isOpen: false, report: null, reason: 'its run is gone' };
      if (!(error instanceof WorkflowFailedError)) throw error;
      // Temporal keeps no details of a cancelled run, which a worker replays to answer.
      const isCancelled = error.cause instanceof CancelledFailure;
      const report = isCancelled ? await this.#reportOfCancelled(handle) : reportOf(error);
      return report === null ? { isOpen: false, report, reason: reasonOf(error) } : closed(report);
    }
  }

  /** Returns the run that holds a namespace. Null where none does. */
  async findHolder(workflowId: string): Promise<NamespaceHolder | null> {
    try {
      const handle = this.#client.workflow.getHandle(workflowId);
      const { status, runId, startTime, memo } = await this.#ask(() => handle.describe());
      if (status.name !== 'RUNNING') return null;
      const by = describePipeline(pipelineOf(memo?.['pipeline']));
      return { workflowId, runId, by, startedAt: startTime.toISOString() };
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return null;
      throw error;
    }
  }

  /** Returns the report that a cancelled run keeps. A scheduled run has none. */
  async #reportOfCancelled(handle: WorkflowHandle): Promise<Report | null> {
    try {
      return await this.#ask(() => handle.query(reportQuery));
    } catch (error) {
      if (error instanceof QueryNotRegisteredError) return null;
      throw error;
    }
  }

  async #ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await this.#client.withDeadline(Date.now() + CALL_DEADLINE_MS, call);
    } catch (error) {
      const isAnswer = [WorkflowNotFoundError, WorkflowFailedError, QueryNotRegisteredError].some(
        (type) => error instanceof type,
      );
      if (isAnswer) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw ApplicationFailure.retryable(`Temporal does not answer about a run: ${reason}`, 'ServiceUnavailable');
    }
  }
}

function closed(report: AccountRunEnd): FoundAccountRun {
  return { isOpen: false, report };
}

function reportOf({ cause }: WorkflowFailedError): AccountRunEnd | null {
  const [report] = cause instanceof ApplicationFailure ? ((cause.details ?? []) as [unknown?]) : [];
  return isAccountRunEnd(report) ? report : null;
}

function reasonOf({ cause, message }: WorkflowFailedError): string {
  return `its run ended without a report: ${cause?.message ?? message}`;
}
