import { setTimeout as sleep } from 'node:timers/promises';
import type { TemporalConnection } from '../../temporal/connect.js';
import { noWorkerError, type RunEvent } from './events.js';
import { findMissingWorker } from './missing-worker.js';

/** Pause between two looks for a worker, in milliseconds. */
const INTERVAL_MS = 500;

/** Options of a wait for a worker. */
export interface WorkerWait {
  /** The time until which a worker is waited for, in milliseconds since 1970. */
  readonly deadline: number;
  readonly onEvent?: ((event: Extract<RunEvent, { readonly type: 'no-worker' }>) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Waits until a worker polls that takes new runs.
 *
 * @throws BusyError where none does until the deadline
 */
export async function waitForWorker(
  temporal: TemporalConnection,
  { deadline, onEvent, signal }: WorkerWait,
): Promise<void> {
  for (let looks = 0; ; looks += 1) {
    const missing = await findMissingWorker(temporal);
    if (missing === null) return;
    if (looks === 1) onEvent?.({ type: 'no-worker', taskQueue: temporal.taskQueue, ...missing });
    if (Date.now() >= deadline) throw noWorkerError(missing);
    await sleep(INTERVAL_MS, undefined, { signal });
  }
}
