import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { approvalQuery, progressQuery, reportQuery } from '../../contract/messages.js';
import type { Progress } from '../../contract/progress.js';
import type { Report } from '../../contract/report.js';
import { CONTINUED, lastRunIdOf, nextRunIdOf } from '../../temporal/chain.js';
import { type TemporalConnection, withDeadline } from '../../temporal/connect.js';
import type { bootstrap } from '../../workflows/index.js';
import { lockHolderOf, withRunUrl } from '../runs.js';
import { awaitReportOf } from './await-report.js';
import { findMissingWorker } from './missing-worker.js';
import { approvalRequiredError, deadlineOf, noWorkerError, silentHolderError } from './events.js';
import type { RunOptions } from './events.js';
import { failingActivities } from './failing-activities.js';
import { withLockHolders } from './lock-holders.js';

/**
 * Follows a run that another command has started, until it closes.
 *
 * @throws BusyError where the wait for a worker or an approval times out, RunLostError, UnreachableError
 */
export async function followRun(
  temporal: TemporalConnection,
  workflowId: string,
  runId: string,
  options: RunOptions = {},
): Promise<Report> {
  return awaitReport(temporal, { workflowId, runId }, deadlineOf(options), options);
}

/** Awaits the report of a run and shows its progress meanwhile. */
export async function awaitReport(
  temporal: TemporalConnection,
  run: RunExecution,
  deadline: number,
  options: RunOptions,
): Promise<Report> {
  const { workflow } = temporal.client;
  const report = await awaitReportOf(
    temporal,
    {
      handle: workflow.getHandle<typeof bootstrap>(run.workflowId, run.runId),
      watch: (stopped) => watchRun(temporal, run, deadline, options, stopped),
      reportOfFailure,
      reportOfCancelled: () => reportOfCancelled(temporal, run),
    },
    options,
  );
  return withRunUrl(temporal, report);
}

/** Returns the report in the details of a run's failure. Null where the failure has none. */
export function reportOfFailure(error: Error): Report | null {
  const [report] = (error.cause as { details?: unknown[] } | undefined)?.details ?? [];
  return typeof report === 'object' && report !== null && 'entities' in report ? (report as Report) : null;
}

/** Queries the report of a cancelled run, which has no result. Only once: a worker replays the run to answer. */
async function reportOfCancelled(
  { client }: TemporalConnection,
  { workflowId, runId }: RunExecution,
): Promise<Report | null> {
  const lastRunId =
    runId && (await withDeadline(client, () => lastRunIdOf(client, { workflowId, runId })).catch(() => runId));
  const handle = client.workflow.getHandle<typeof bootstrap>(workflowId, lastRunId);
  const report = await withDeadline(client, () => handle.query(reportQuery)).catch(() => null);
  if (report?.result !== 'cancelled') return report;
  const ended = { workflowId, runId: lastRunId ?? report.workflow.runId };
  const reason = await cancelReason(client, ended).catch(() => null);
  if (reason === null) return report;
  const separator = reason.startsWith('by ') ? '' : ':';
  return { ...report, reason: `${report.reason ?? 'the run was cancelled'}${separator} ${reason}` };
}

/** Returns the reason in the cancel request of a run: `by grace: wrong branch`. Null where it gives none. */
async function cancelReason(
  client: TemporalConnection['client'],
  execution: { readonly workflowId: string; readonly runId: string },
): Promise<string | null> {
  let token: Uint8Array | null = null;
  do {
    const { history, nextPageToken } = await withDeadline(client, () =>
      client.workflowService.getWorkflowExecutionHistoryReverse({
        namespace: client.options.namespace,
        execution,
        nextPageToken: token,
      }),
    );
    for (const { workflowExecutionCancelRequestedEventAttributes: request } of history?.events ?? []) {
      if (request != null) return request.cause === '' ? null : (request.cause ?? null);
    }
    token = nextPageToken;
  } while (token.length > 0);
  return null;
}

/** The delay before the first progress query: short runs close soon. */
const FIRST_PROGRESS_MS = 250;

const PROGRESS_INTERVAL_MS = 1_000;

/** The time without an answer after which the client checks for workers. */
const WORKER_CHECK_MS = 5_000;

/** The time without an answer after which a command that is past its deadline stops waiting. Workers may be busy. */
const MAX_SILENCE_MS = 30_000;

/** A run of a workflow. Without a run ID, the newest one. */
export interface RunExecution {
  readonly workflowId: string;
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
  private answeredAt = Date.now();
  private hasReportedNoWorker = false;
  private reportedPlan: string | undefined;

  constructor(
    private readonly temporal: TemporalConnection,
    private run: RunExecution,
    private readonly deadline: number,
    private readonly options: RunOptions,
  ) {}

  private get handle() {
    return this.temporal.client.workflow.getHandle<typeof bootstrap>(this.run.workflowId, this.run.runId);
  }

  private get isPastDeadline(): boolean {
    return Date.now() >= this.deadline;
  }

  /** Reports what has changed. Returns false where the run has closed. */
  async look(): Promise<boolean> {
    let progress: Progress | undefined;
    try {
      const description = await withDeadline(this.temporal.client, () => this.handle.describe());
      if (description.status.name === CONTINUED) return await this.followNextRun(description.runId);
      if (description.status.name !== 'RUNNING') return false;
      progress = await this.reportProgress(description);
    } catch {
      // A failed call only means that there is nothing new to show; the result is awaited elsewhere.
    }
    await this.checkApproval(progress?.approval?.plan);
    await this.checkWorker();
    await this.checkSilence();
    return true;
  }

  /** Follows a run that has continued as new. */
  private async followNextRun(runId: string): Promise<boolean> {
    const { client } = this.temporal;
    const { workflowId } = this.run;
    const next = await withDeadline(client, () => nextRunIdOf(client, { workflowId, runId }));
    this.run = { workflowId, runId: next };
    return next !== undefined;
  }

  private async reportProgress(description: WorkflowExecutionDescription): Promise<Progress | undefined> {
    const { client } = this.temporal;
    const retries = await failingActivities(client, description);
    // Without a worker the query has no answer: it must not outlast the wait.
    const leftMs = Math.max(FIRST_PROGRESS_MS, this.deadline - Date.now());
    const query = withDeadline(client, () => this.handle.query(progressQuery), Math.min(WORKER_CHECK_MS, leftMs));
    const progress = await query.catch((error: unknown) => {
      // A plan has no progress, but its worker answers.
      if ((error as Error).name === 'QueryNotRegisteredError') this.answeredAt = Date.now();
      return undefined;
    });
    if (progress !== undefined) {
      this.answeredAt = Date.now();
      this.hasReportedNoWorker = false;
      this.options.onEvent?.({ type: 'progress', progress: await withLockHolders(client, progress) });
    }
    // After the progress: a live display keeps the last event in view.
    for (const retry of retries) this.options.onEvent?.({ type: 'retrying', ...retry });
    return progress;
  }

  private async checkApproval(plan: string | undefined): Promise<void> {
    if (plan === undefined) return;
    if (plan !== this.reportedPlan) await this.reportApproval();
    if (plan === this.reportedPlan && (this.options.noWait === true || this.isPastDeadline)) {
      throw approvalRequiredError(this.temporal, this.run, plan);
    }
  }

  private async reportApproval(): Promise<void> {
    const { client } = this.temporal;
    const approval = await withDeadline(client, () => this.handle.query(approvalQuery)).catch(() => null);
    if (approval === null) return;
    this.reportedPlan = approval.plan;
    const report = withRunUrl(this.temporal, approval.report);
    const isAwaited = this.options.noWait !== true && !this.isPastDeadline;
    this.options.onEvent?.({ type: 'awaiting-approval', approval: { ...approval, report }, isAwaited });
  }

  private async checkWorker(): Promise<void> {
    if (Date.now() - this.answeredAt < WORKER_CHECK_MS) return;
    const missing = await findMissingWorker(this.temporal, this.run);
    if (missing === null) return;
    const { taskQueue } = this.temporal;
    if (!this.hasReportedNoWorker) this.options.onEvent?.({ type: 'no-worker', taskQueue, ...missing });
    this.hasReportedNoWorker = true;
    if (this.isPastDeadline) throw noWorkerError(missing);
  }

  /** Ends the wait for a run that workers do not answer for: it may be no run of ours. */
  private async checkSilence(): Promise<void> {
    if (!this.isPastDeadline || Date.now() - this.answeredAt < MAX_SILENCE_MS) return;
    const lockHolder = await lockHolderOf(this.temporal, this.run.workflowId).catch(() => null);
    if (lockHolder !== null) throw silentHolderError(this.temporal.client.options.namespace, lockHolder);
  }
}
