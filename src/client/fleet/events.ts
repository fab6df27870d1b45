import type { FleetProgress, PendingWave } from '../../contract/fleet-progress.js';
import type { MissingWorker } from '../run/missing-worker.js';
import type { LockHolder } from '../runs.js';

/** An event of a command that starts or follows a fleet, for a display. */
export type FleetEvent =
  | {
      readonly type: 'started' | 'joined';
      readonly workflowId: string;
      readonly runId: string;
      readonly url: string | null;
    }
  /** Another request for the fleet is under way. */
  | { readonly type: 'waiting'; readonly lockHolder: LockHolder }
  | { readonly type: 'progress'; readonly progress: FleetProgress }
  | { readonly type: 'awaiting-approval'; readonly wave: PendingWave }
  | ({ readonly type: 'no-worker'; readonly taskQueue: string } & MissingWorker)
  | { readonly type: 'unreachable'; readonly message: string };

/** Options of a command that starts or follows a fleet. */
export interface FleetOptions {
  /** The longest wait for another run of the fleet, a worker or an approval; the run stays open after it. Default: 30 minutes. */
  readonly waitTimeoutMs?: number;
  /** Fails with `BusyError` at once where another request holds the fleet or an approval is required. Default: false. */
  readonly noWait?: boolean;
  readonly onEvent?: (event: FleetEvent) => void;
  /** Stops following. A run that has started continues. */
  readonly signal?: AbortSignal;
}
