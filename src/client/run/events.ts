import type { PendingApproval } from '../../contract/approval.js';
import type { Progress } from '../../contract/progress.js';
import type { LockHolder } from '../runs.js';

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
      /** The duration of this wait so far. */
      readonly waitedMs: number;
    }
  | { readonly type: 'awaiting-approval'; readonly approval: PendingApproval }
  | { readonly type: 'progress'; readonly progress: Progress }
  | {
      /** Sent when an activity has failed several times and will be retried. */
      readonly type: 'retrying';
      /** The summary of the workflow that runs the activity: `create Role/deploy for ci`. */
      readonly summary: string;
      /** The attempt that failed last, from 1. */
      readonly attempt: number;
      /** The failure of that attempt. */
      readonly message: string;
    }
  | { readonly type: 'no-worker'; readonly taskQueue: string }
  | { readonly type: 'unreachable'; readonly message: string };

/** Options of a command that starts or follows a run. */
export interface RunOptions {
  /** The longest wait for the namespace, for a worker or for an approval; the run stays open after it. Default: 30 minutes. */
  readonly waitTimeoutMs?: number;
  /** Fails with `BusyError` at once where another request holds the namespace or an approval is required. Default: false. */
  readonly noWait?: boolean;
  /** Receives each event. */
  readonly onEvent?: (event: RunEvent) => void;
  /** Stops following. A request that still waits is withdrawn; a run that has started continues. */
  readonly signal?: AbortSignal;
}

/** Returns the time at which a command stops waiting, in milliseconds since 1970. */
export function deadlineOf({ waitTimeoutMs = DEFAULT_WAIT_MS }: RunOptions): number {
  return Date.now() + waitTimeoutMs;
}
