import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { approvalQuery, progressQuery } from '../../contract/messages.js';
import type { Progress } from '../../contract/progress.js';
import { withDeadline } from '../../temporal/connect.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import type { bootstrap } from '../../workflows/index.js';
import { hasWorker } from '../runs.js';
import { approvalRequiredError, noWorkerError } from './errors.js';
import type { RunEvent, RunOptions } from './events.js';

/** The delay before the first progress query: short runs close soon. */
const FIRST_PROGRESS_MS = 250;

/** The interval between two progress queries. */
const PROGRESS_INTERVAL_MS = 1_000;

/** The time without an answer after which the client checks for workers. */
const WORKER_CHECK_MS = 5_000;

/** Failed attempts of an activity that are not reported: IAM's eventual consistency causes a few in every run. */
const MAX_SILENT_ATTEMPTS = 2;

/** Open children whose failing activities are reported. */
const MAX_REPORTED_CHILDREN = 3;

/** A run of a workflow. Without a run ID, the newest one. */
export interface RunExecution {
  /** The ID of the workflow. */
  readonly workflowId: string;
  /** The ID of the run. */
  readonly runId?: string | undefined;
}

/**
 * Reports what an open run does, one call at a time. Never resolves: the result is awaited elsewhere.
 *
 * @throws BusyError where no worker polls or the plan is not approved until the deadline
 */
export async function watchRun(
  temporal: TemporalConnection,
  run: RunExecution,
  deadline: number,
  options: RunOptions,
  stopped: AbortSignal,
): Promise<never> {
  const watcher = new RunWatcher(temporal, run, deadline, options);
  let isOpen = await hasElapsed(FIRST_PROGRESS_MS, stopped);
  while (isOpen) isOpen = (await watcher.look()) && (await hasElapsed(PROGRESS_INTERVAL_MS, stopped));
  return new Promise<never>(() => undefined);
}

/** Waits, and returns false where the signal aborts the wait. */
async function hasElapsed(ms: number, stopped: AbortSignal): Promise<boolean> {
  return sleep(ms, true, { signal: stopped }).catch(() => false);
}

class RunWatcher {
  readonly #temporal: TemporalConnection;
  readonly #run: RunExecution;
  readonly #deadline: number;
  readonly #options: RunOptions;
  #answeredAt = Date.now();
  #hasReportedNoWorker = false;
  #reportedPlan: string | undefined;

  constructor(temporal: TemporalConnection, run: RunExecution, deadline: number, options: RunOptions) {
    this.#temporal = temporal;
    this.#run = run;
    this.#deadline = deadline;
    this.#options = options;
  }

  get #handle() {
    return this.#temporal.client.workflow.getHandle<typeof bootstrap>(this.#run.workflowId, this.#run.runId);
  }

  get #isPastDeadline(): boolean {
    return Date.now() >= this.#deadline;
  }

  /** Reports what has changed. Returns false where the run has closed. */
  async look(): Promise<boolean> {
    let progress: Progress | undefined;
    try {
      const description = await withDeadline(this.#temporal.client, () => this.#handle.describe());
      if (description.status.name !== 'RUNNING') return false;
      progress = await this.#reportProgress(description);
    } catch {
      // A failed call only means that there is nothing new to show; the result is awaited elsewhere.
    }
    await this.#checkApproval(progress?.approval?.plan);
    await this.#checkWorker();
    return true;
  }

  async #reportProgress(description: WorkflowExecutionDescription): Promise<Progress | undefined> {
    const { client } = this.#temporal;
    const retries = await failingActivities(this.#temporal, description);
    const query = withDeadline(client, () => this.#handle.query(progressQuery), WORKER_CHECK_MS);
    const progress = await query.catch(() => undefined);
    if (progress !== undefined) {
      this.#answeredAt = Date.now();
      this.#hasReportedNoWorker = false;
      this.#options.onEvent?.({ type: 'progress', progress });
    }
    // After the progress: a live display keeps the last event in view.
    for (const event of retries) this.#options.onEvent?.(event);
    return progress;
  }

  async #checkApproval(plan: string | undefined): Promise<void> {
    if (plan === undefined) return;
    if (plan !== this.#reportedPlan) await this.#reportApproval();
    if (plan === this.#reportedPlan && (this.#options.noWait === true || this.#isPastDeadline)) {
      throw approvalRequiredError(this.#temporal, this.#run, plan);
    }
  }

  async #reportApproval(): Promise<void> {
    const { client } = this.#temporal;
    const approval = await withDeadline(client, () => this.#handle.query(approvalQuery)).catch(() => null);
    if (approval === null) return;
    this.#reportedPlan = approval.plan;
    const { workflow } = approval.report;
    const url = this.#temporal.runUrl(this.#run.workflowId, workflow.runId);
    const report = { ...approval.report, workflow: { ...workflow, url } };
    this.#options.onEvent?.({ type: 'awaiting-approval', approval: { ...approval, report } });
  }

  async #checkWorker(): Promise<void> {
    if (Date.now() - this.#answeredAt < WORKER_CHECK_MS || (await hasWorker(this.#temporal))) return;
    const { taskQueue } = this.#temporal;
    if (!this.#hasReportedNoWorker) this.#options.onEvent?.({ type: 'no-worker', taskQueue });
    this.#hasReportedNoWorker = true;
    if (this.#isPastDeadline) throw noWorkerError(taskQueue);
  }
}

/** Returns the activities that keep failing, of a run and of its oldest open children. */
async function failingActivities(
  { client }: TemporalConnection,
  run: WorkflowExecutionDescription,
): Promise<Extract<RunEvent, { type: 'retrying' }>[]> {
  const pending = (run.raw.pendingChildren ?? []).slice(0, MAX_REPORTED_CHILDREN);
  const children = await Promise.all(
    pending.map(async ({ workflowId, runId }) => {
      const child = client.workflow.getHandle(workflowId ?? '', runId ?? undefined);
      return withDeadline(client, () => child.describe()).catch(() => undefined);
    }),
  );
  const events = await Promise.all(
    [run, ...children.filter((child) => child !== undefined)].map(async (description) => {
      const summary = (await description.staticSummary()) ?? description.workflowId;
      return (description.raw.pendingActivities ?? []).flatMap(({ attempt, lastFailure }) => {
        // Temporal counts the attempt that runs or is scheduled.
        const failed = (attempt ?? 1) - 1;
        if (failed <= MAX_SILENT_ATTEMPTS || !lastFailure?.message) return [];
        return [{ type: 'retrying' as const, summary, attempt: failed, message: lastFailure.message }];
      });
    }),
  );
  return events.flat();
}
