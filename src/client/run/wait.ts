import { setTimeout as sleep } from 'node:timers/promises';
import type { TemporalConnection } from '../../temporal/connect.js';
import { lockHolderOf, progressOf } from '../runs.js';
import type { LockHolder } from '../runs.js';
import type { RunOptions } from './events.js';
import { callController, rejectOnAbort } from './retry.js';

/** The interval between two reads of the lock holder. */
const LOCK_HOLDER_INTERVAL_MS = 5_000;

/** The interval between two reports of the lock holder's progress. */
const LOCK_HOLDER_PROGRESS_MS = 60_000;

/** Waits for a run to close, by the server's long poll: it needs no worker. Returns false where the deadline comes first. */
export async function waitForLockHolder(
  temporal: TemporalConnection,
  lockHolder: LockHolder,
  deadline: number,
  { onEvent, signal }: RunOptions,
): Promise<boolean> {
  const { client } = temporal;
  const handle = client.workflow.getHandle(lockHolder.workflowId, lockHolder.runId, { followRuns: false });
  const timer = new AbortController();
  const timeout = sleep(Math.max(0, deadline - Date.now()), false, { signal: timer.signal });
  const calls = callController();
  const closed = client
    .withAbortSignal(calls.signal, () => handle.result())
    .then(
      () => true,
      () => true,
    );
  const aborted = rejectOnAbort(signal);
  const reporting = reportLockHolderProgress(temporal, lockHolder, onEvent, calls.signal);
  try {
    return await Promise.race([closed, timeout, aborted.promise]);
  } finally {
    calls.abort();
    reporting.catch(() => undefined);
    timer.abort();
    aborted.dispose();
    timeout.catch(() => undefined);
  }
}

/** Reports the progress of the lock holder at intervals, and at once when it starts or stops waiting for an approval. */
async function reportLockHolderProgress(
  temporal: TemporalConnection,
  lockHolder: LockHolder,
  onEvent: RunOptions['onEvent'],
  stopped: AbortSignal,
): Promise<void> {
  const startedAt = Date.now();
  let reportedApproval = lockHolder.memo.awaitingApproval;
  let nextReportAt = startedAt;
  for (;;) {
    await sleep(LOCK_HOLDER_INTERVAL_MS, undefined, { signal: stopped });
    const current = await lockHolderOf(temporal, lockHolder.workflowId).catch(() => lockHolder);
    if (current?.runId !== lockHolder.runId) continue;
    const isDue = Date.now() >= nextReportAt;
    if (!isDue && current.memo.awaitingApproval === reportedApproval) continue;
    reportedApproval = current.memo.awaitingApproval;
    if (isDue) nextReportAt = Date.now() + LOCK_HOLDER_PROGRESS_MS;
    const progress = await progressOf(temporal, lockHolder);
    if (stopped.aborted) return;
    onEvent?.({ type: 'waiting', lockHolder: current, progress, waitedMs: Date.now() - startedAt });
  }
}
