import type { PendingApproval } from '../../contract/approval.js';
import { bugText, ExitCode, FAILURES, PROGRAMMING_ERRORS } from '../../contract/failures.js';
import type { Progress } from '../../contract/progress.js';
import type { Report } from '../../contract/report.js';
import type { BootstrapRequest } from '../../contract/request.js';
import { UserFacingError } from '../../contract/user-facing-error.js';
import { parseBootstrapWorkflowId, terminateCommand, WorkflowType } from '../../contract/workflow-ids.js';
import { buildReport } from '../../report/build.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { UnreachableError } from '../../temporal/diagnose.js';
import { describePipeline } from '../../report/run-description.js';
import { approveCommand } from '../describe.js';
import type { LockHolder } from '../runs.js';
import type { FailingActivity } from './failing-activities.js';
import type { MissingWorker } from './missing-worker.js';

/** The default of {@link RunOptions.waitTimeoutMs}: 30 minutes. */
const DEFAULT_WAIT_MS = 30 * 60_000;

/** An event of a command that starts or follows a run, for a display. */
export type RunEvent =
  | {
      readonly type: 'started' | 'joined';
      readonly workflowId: string;
      readonly runId: string;
      readonly url: string | null;
    }
  | {
      /** Sent when the wait begins, then at intervals. */
      readonly type: 'waiting';
      readonly lockHolder: LockHolder;
      /** The progress of the lock holder. Null when the wait begins, and where no worker answers. */
      readonly progress: Progress | null;
      readonly waitedMs: number;
    }
  | {
      readonly type: 'awaiting-approval';
      readonly approval: PendingApproval;
      /** The command goes on to wait. If not, it ends with a `BusyError`, whose remedy tells how to approve. */
      readonly isAwaited: boolean;
    }
  | {
      /** Sent when the report of a joined run does not hold for the request that joined it. */
      readonly type: 'applying-again';
      /** Entities that the run had found as declared and that another caller has changed since, as `Kind/name`. */
      readonly changed: readonly string[];
      /** Entities that were refused or had failed before the request was made. */
      readonly outdated: readonly string[];
    }
  | { readonly type: 'progress'; readonly progress: Progress }
  | ({ readonly type: 'retrying' } & FailingActivity)
  | ({ readonly type: 'no-worker'; readonly taskQueue: string } & MissingWorker)
  | { readonly type: 'unreachable'; readonly message: string };

/** Options of a command that starts or follows a run. */
export interface RunOptions {
  /** The longest wait for the namespace, for a worker or for an approval; the run stays open after it. Default: 30 minutes. */
  readonly waitTimeoutMs?: number;
  /** Fails with `BusyError` at once where another request holds the namespace or an approval is required. Default: false. */
  readonly noWait?: boolean;
  readonly onEvent?: (event: RunEvent) => void;
  /** Stops following. A request that still waits is withdrawn; a run that has started continues. */
  readonly signal?: AbortSignal;
}

/** Returns the time at which a command stops waiting, in milliseconds since 1970. */
export function deadlineOf({ waitTimeoutMs = DEFAULT_WAIT_MS }: Pick<RunOptions, 'waitTimeoutMs'>): number {
  return Date.now() + waitTimeoutMs;
}

/** Reports that a request cannot go on now: another run holds the namespace, no worker polls, or an approval is required. */
export class BusyError extends UserFacingError {
  override readonly name = 'BusyError';
  override readonly exitCode = ExitCode.Busy;

  constructor(
    message: string,
    remedy: string,
    /** The run that the request waits for. Null where no worker polls. */
    readonly lockHolder: Pick<LockHolder, 'workflowId' | 'runId' | 'url'> | null,
  ) {
    super(message, remedy);
  }
}

/** Reports that an open run with another request uses the same request key. */
export class RequestKeyError extends UserFacingError {
  override readonly name = 'RequestKeyError';
  override readonly exitCode = ExitCode.Usage;

  constructor(key: string) {
    super(`request key ${key} belongs to an open run with a different request`, 'use a new request key, or omit it');
  }
}

/** Reports that a run ended without a report: it was terminated, or it timed out. */
export class RunLostError extends UserFacingError {
  override readonly name = 'RunLostError';
  override readonly exitCode = ExitCode.Failed;

  constructor(cause: Error) {
    const { message, type = '' } = (cause.cause ?? cause) as { readonly message: string; readonly type?: string };
    if (PROGRAMMING_ERRORS.includes(type)) {
      super(`the run failed: ${bugText(`${type}: ${message}`)}`, FAILURES.Unexpected.remedy, { cause });
    } else {
      super(
        `the run ended without a report: ${message}`,
        'apply again: existing entities are found, and nothing is created twice',
        { cause },
      );
    }
  }
}

/** Returns the error for a namespace that another run holds. */
export function namespaceHeldError(lockHolder: LockHolder, { noWait = false }: RunOptions): BusyError {
  const { memo, startedAt, url, workflowId, runId } = lockHolder;
  const held = `the namespace is held by a run of ${describePipeline(memo.pipeline)} since ${startedAt}`;
  return new BusyError(
    noWait ? held : `${held}, which did not finish in time`,
    `apply again when it has finished: ${url ?? `${workflowId}, run ${runId}`}`,
    lockHolder,
  );
}

/** Returns the error for a namespace that is held by a run that no worker answers for, though workers poll. */
export function silentHolderError(temporalNamespace: string, lockHolder: LockHolder): BusyError {
  const { workflowId, runId, startedAt, type } = lockHolder;
  const run = type === WorkflowType.Bootstrap ? 'a run' : `a run of the foreign workflow type ${JSON.stringify(type)}`;
  return new BusyError(
    `the namespace is held by ${run} since ${startedAt}, which does not answer`,
    `look at who started it; if nobody needs it, end it and apply again: ${terminateCommand(temporalNamespace, workflowId, runId)}`,
    lockHolder,
  );
}

/** Returns the error for a run whose tasks no worker takes. */
export function noWorkerError({ message, remedy }: MissingWorker): BusyError {
  return new BusyError(message, remedy, null);
}

/** Returns the error for a run that no worker has answered for in time, though the server knows workers of its task queue. */
export function silentWorkersError(taskQueue: string): BusyError {
  return new BusyError(
    `no worker of task queue ${taskQueue} has answered in time`,
    `see which pollers and builds \`temporal task-queue describe --task-queue ${taskQueue}\` lists, and start \`iam-bootstrap worker\` with the build of the run; nothing is lost meanwhile`,
    null,
  );
}

/** Returns the error for a run whose plan requires an approval that the command does not wait for. */
export function approvalRequiredError(
  temporal: TemporalConnection,
  { workflowId, runId = '' }: { readonly workflowId: string; readonly runId?: string | undefined },
  plan: string,
): BusyError {
  return new BusyError(
    'the plan requires an approval; the run stays open without this command',
    `approve it with \`${approveCommand(parseBootstrapWorkflowId(workflowId), plan)}\`; then run the same command again to follow the run`,
    { workflowId, runId, url: temporal.runUrl(workflowId, runId) },
  );
}

/** Returns the report of a request that found the namespace or the server busy. Undefined for other errors. */
export function busyReport(command: Report['command'], request: BootstrapRequest, error: unknown): Report | undefined {
  if (!(error instanceof BusyError || error instanceof UnreachableError)) return undefined;
  const lockHolder = error instanceof BusyError ? error.lockHolder : null;
  const { workflowId = '', runId = '', url = null } = lockHolder ?? {};
  const now = Date.now();
  return {
    ...buildReport({ command, request, workflowId, runId, startedAt: now }, [], {}, now),
    result: 'busy',
    workflow: { workflowId, runId, url },
    reason: error.message,
    remedy: error.remedy,
  };
}
