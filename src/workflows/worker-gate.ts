import { ApplicationFailure, setCurrentDetails, sleep, workflowInfo } from '@temporalio/workflow';
import {
  DEFAULT_GATE_WAIT_SECONDS,
  MAX_GATE_WAIT_SECONDS,
  type WorkerCheck,
  type WorkerGateRequest,
  type WorkerGateResult,
} from '../contract/worker-gate.js';
import { gateDetails } from './details.js';
import { gateActivities } from './activities.js';

/** The pause between two rounds of checks. */
const PAUSE_MS = 10_000;

/**
 * Checks the worker that runs it, so that a new build gets no runs before it can do its work. Failed checks are repeated
 * for a while, because a gate that has failed is not started again for the same build.
 */
export async function workerGate(request: WorkerGateRequest = {}): Promise<WorkerGateResult> {
  const waitMs = waitSecondsOf(request) * 1_000;
  const started = workflowInfo().startTime.getTime();
  for (;;) {
    const result = await gateActivities.checkWorker();
    setCurrentDetails(gateDetails(result));
    const failed = result.checks.filter(({ status }) => status === 'fail');
    if (failed.length === 0) return result;
    if (Date.now() - started >= waitMs) throw gateFailure(failed, result);
    await sleep(PAUSE_MS);
  }
}

function waitSecondsOf(request: unknown): number {
  const { waitSeconds = DEFAULT_GATE_WAIT_SECONDS } = (request ?? {}) as { readonly waitSeconds?: unknown };
  if (typeof waitSeconds === 'number' && waitSeconds >= 0 && waitSeconds <= MAX_GATE_WAIT_SECONDS) return waitSeconds;
  throw ApplicationFailure.nonRetryable(
    `the argument of workerGate has to be {"waitSeconds": 0 to ${String(MAX_GATE_WAIT_SECONDS)}}, or nothing`,
    'InvalidManifest',
  );
}

function gateFailure(failed: readonly WorkerCheck[], result: WorkerGateResult): ApplicationFailure {
  const reasons = failed.map(
    ({ name, message, remedy }) => `${name}: ${message}${remedy === null ? '' : ` (${remedy})`}`,
  );
  return ApplicationFailure.nonRetryable(`this build gets no runs: ${reasons.join('; ')}`, 'WorkerGateFailed', result);
}
