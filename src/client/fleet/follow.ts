import { setTimeout as sleep } from 'node:timers/promises';
import type { FleetProgress } from '../../contract/fleet-progress.js';
import type { FleetReport } from '../../contract/fleet.js';
import { fleetProgressQuery, fleetReportQuery, waveApprovalQuery } from '../../contract/messages.js';
import { approveWaveCommand } from '../../report/fleet.js';
import { type TemporalConnection, withDeadline } from '../../temporal/connect.js';
import type { fleet } from '../../workflows/index.js';
import { awaitReportOf } from '../run/await-report.js';
import { BusyError, deadlineOf, noWorkerError } from '../run/events.js';
import type { RunExecution } from '../run/follow.js';
import { findMissingWorker } from '../run/missing-worker.js';
import { withAccountWaits } from './account-waits.js';
import type { FleetOptions } from './events.js';

/** The time between two questions for the progress. */
const PROGRESS_INTERVAL_MS = 1_000;

/** The time without an answer after which the client checks for workers. */
const WORKER_CHECK_MS = 5_000;

/**
 * Follows a run of a fleet that another command has started, until it closes.
 *
 * @throws BusyError where the wait for a worker or an approval times out, RunLostError, UnreachableError
 */
export async function followFleet(
  temporal: TemporalConnection,
  workflowId: string,
  runId: string,
  options: FleetOptions = {},
): Promise<FleetReport> {
  return awaitFleetReport(temporal, { workflowId, runId }, deadlineOf(options), options);
}

/** Awaits the report of a fleet's run, through all runs that go on from it, and shows its progress meanwhile. */
export async function awaitFleetReport(
  temporal: TemporalConnection,
  { workflowId, runId }: RunExecution,
  deadline: number,
  options: FleetOptions,
): Promise<FleetReport> {
  return awaitReportOf(
    temporal,
    {
      handle: temporal.client.workflow.getHandle<typeof fleet>(workflowId, runId),
      watch: (stopped) => watch(temporal, workflowId, deadline, options, stopped),
      reportOfFailure,
      reportOfCancelled: () => reportOfCancelled(temporal, workflowId),
    },
    options,
  );
}

function reportOfFailure(error: Error): FleetReport | null {
  const [report] = (error.cause as { details?: unknown[] } | undefined)?.details ?? [];
  return typeof report === 'object' && report !== null && 'accounts' in report ? (report as FleetReport) : null;
}

/** Queries the report of a cancelled run, which has no result. Only once: a worker replays the run to answer. */
async function reportOfCancelled({ client }: TemporalConnection, workflowId: string): Promise<FleetReport | null> {
  const handle = client.workflow.getHandle<typeof fleet>(workflowId);
  return withDeadline(client, () => handle.query(fleetReportQuery)).catch(() => null);
}

/** Returns the progress of an open fleet run, with what its accounts wait for. Null where no worker answers in time. */
export async function fleetProgressOf(
  temporal: TemporalConnection,
  workflowId: string,
  timeoutMs = WORKER_CHECK_MS,
): Promise<FleetProgress | null> {
  const { client } = temporal;
  const handle = client.workflow.getHandle<typeof fleet>(workflowId);
  const progress = await withDeadline(client, () => handle.query(fleetProgressQuery), timeoutMs).catch(() => null);
  const [, namespace = ''] = workflowId.split(':');
  return progress === null ? null : withAccountWaits(temporal, namespace, progress);
}

/**
 * Reports what an open fleet run does, one call at a time. Never resolves: the result is awaited elsewhere.
 *
 * @throws BusyError where no worker polls, or where a wave is not approved until the deadline
 */
async function watch(
  temporal: TemporalConnection,
  workflowId: string,
  deadline: number,
  options: FleetOptions,
  stopped: AbortSignal,
): Promise<never> {
  const handle = temporal.client.workflow.getHandle<typeof fleet>(workflowId);
  let reportedPlan: string | undefined;
  let hasReportedNoWorker = false;
  const isOpen = async (): Promise<boolean> =>
    withDeadline(temporal.client, () => handle.describe()).then(
      ({ status }) => status.name === 'RUNNING',
      () => true,
    );
  while (await sleep(PROGRESS_INTERVAL_MS, true, { signal: stopped }).catch(() => false)) {
    // A closed run must get no query: a worker would replay it to answer.
    if (!(await isOpen())) break;
    const isPast = options.noWait === true || Date.now() >= deadline;
    const progress = await fleetProgressOf(temporal, workflowId);
    if (progress === null) {
      const missing = await findMissingWorker(temporal, { workflowId });
      if (missing === null) continue;
      if (Date.now() >= deadline) throw noWorkerError(missing);
      if (!hasReportedNoWorker) options.onEvent?.({ type: 'no-worker', taskQueue: temporal.taskQueue, ...missing });
      hasReportedNoWorker = true;
      continue;
    }
    hasReportedNoWorker = false;
    options.onEvent?.({ type: 'progress', progress });
    const { approval } = progress;
    if (approval === undefined) continue;
    if (approval.plan !== reportedPlan) {
      const wave = await withDeadline(temporal.client, () => handle.query(waveApprovalQuery)).catch(() => null);
      if (wave !== null) options.onEvent?.({ type: 'awaiting-approval', wave });
      reportedPlan = approval.plan;
    }
    if (isPast) throw await approvalError(temporal, workflowId, approval.plan);
  }
  return new Promise<never>(() => undefined);
}

async function approvalError(temporal: TemporalConnection, workflowId: string, plan: string): Promise<BusyError> {
  const { runId } = await temporal.client.workflow.getHandle(workflowId).describe();
  const [, namespace = '', name = ''] = workflowId.split(':');
  return new BusyError(
    'the next wave requires an approval; the run stays open without this command',
    `approve it with \`${approveWaveCommand(namespace, name, plan)}\`; then run the same command again to follow the run`,
    { workflowId, runId, url: temporal.runUrl(workflowId, runId) },
  );
}
