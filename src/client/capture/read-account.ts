import { randomUUID } from 'node:crypto';
import type {
  CapturedItem,
  CapturedPage,
  CaptureFilter,
  CaptureRequest,
  EntityKey,
  ReportedUnreadPart,
} from '../../contract/capture.js';
import type { Target } from '../../contract/entity.js';
import { captureWorkflowId, WorkflowType } from '../../contract/workflow-ids.js';
import { signed } from '../../identity/signature.js';
import { withRemedy } from '../../report/refused-read.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { runRead } from '../read.js';
import { waitForWorker } from '../run/wait-for-worker.js';
import { deadlineOf, type RunOptions } from '../run/events.js';

/** The longest time that a worker may take for a page, in milliseconds. The first one needs all the calls to AWS. */
const TIMEOUT_MS = 2 * 3_600_000;

/** The end of an account that was read. */
export interface ReadAccount {
  /** Reads that AWS refused, which leave entities or kinds out. */
  readonly unread: readonly ReportedUnreadPart[];
  /** The number of calls to AWS, by operation. */
  readonly calls: Readonly<Record<string, number>>;
}

/**
 * Reads the entities of an account through a worker, page by page, in the order of kinds and names. No more than a page
 * is in memory. Returns what could not be read.
 *
 * @throws ReadError where the account cannot be read, BusyError where no worker polls
 */
export async function* readAccount(
  temporal: TemporalConnection,
  target: Target,
  filter: CaptureFilter,
  options: RunOptions,
): AsyncGenerator<CapturedItem, ReadAccount> {
  await waitForWorker(temporal, { ...options, deadline: deadlineOf(options) });
  const captureId = randomUUID();
  const calls: Record<string, number> = {};
  let after: EntityKey | null = null;
  for (let number = 1; ; number += 1) {
    const request: CaptureRequest = { target, captureId, filter, after };
    const page = await runRead<CaptureRequest, CapturedPage>(
      temporal,
      {
        type: WorkflowType.Capture,
        workflowId: captureWorkflowId(target.account, `${captureId}:${String(number)}`),
        request: signed<CaptureRequest>(temporal.requestKey, WorkflowType.Capture, request),
        summary: `capture ${target.account}, page ${String(number)}`,
        timeoutMs: TIMEOUT_MS,
      },
      options,
    );
    yield* page.items;
    for (const [operation, count] of Object.entries(page.calls)) calls[operation] = (calls[operation] ?? 0) + count;
    after = page.next;
    if (after === null) return { unread: page.unread.map((part) => withRemedy(part)), calls };
  }
}
