import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { GrpcStatus, grpcStatusOf } from '../../temporal/errors.js';
import type { RunEvent } from './events.js';

/** The longest outage of the server that a command waits out. */
const MAX_OUTAGE_MS = 300_000;

const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 5_000;

/** Status codes of a call that a server did not answer. */
const OUTAGE_CODES: readonly (number | undefined)[] = [
  GrpcStatus.Cancelled,
  GrpcStatus.DeadlineExceeded,
  GrpcStatus.Unavailable,
];

/** Hears of outages, and ends the wait for their end. */
export interface OutageObserver {
  readonly onEvent?: (event: Extract<RunEvent, { type: 'unreachable' }>) => void;
  readonly signal?: AbortSignal;
}

/** Retries a call while the server does not answer: the server may be restarting, and its state is durable. */
export async function retryWhileUnreachable<T>(
  { onEvent, signal }: OutageObserver,
  call: () => Promise<T>,
): Promise<T> {
  const deadline = Date.now() + MAX_OUTAGE_MS;
  for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(MAX_DELAY_MS, delayMs * 2)) {
    try {
      return await call();
    } catch (error) {
      const isOutage = OUTAGE_CODES.includes(grpcStatusOf(error));
      if (!isOutage || Date.now() >= deadline || signal?.aborted === true) throw error;
      onEvent?.({ type: 'unreachable', message: error instanceof Error ? error.message : String(error) });
      await sleep(delayMs, undefined, { signal });
    }
  }
}

/** Returns a controller that ends calls to Temporal: an open long poll would keep the process alive. */
export function callController(): AbortController {
  const controller = new AbortController();
  // Every call adds a listener; the default limit would print a warning.
  setMaxListeners(0, controller.signal);
  return controller;
}

/** Returns a promise that rejects when the signal aborts. `dispose` removes the listener. */
export function rejectOnAbort(signal: AbortSignal | undefined): {
  readonly promise: Promise<never>;
  readonly dispose: () => void;
} {
  let dispose = (): void => undefined;
  const promise = new Promise<never>((_resolve, reject) => {
    if (signal === undefined) return;
    const abort = (): void => {
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    dispose = () => {
      signal.removeEventListener('abort', abort);
    };
  });
  // The race that awaits the promise may already be over.
  promise.catch(() => undefined);
  return { promise, dispose };
}
