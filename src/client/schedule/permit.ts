import { randomUUID } from 'node:crypto';
import { ExitCode } from '../../contract/failures.js';
import type { Proof } from '../../contract/identity.js';
import { isFleetRequest } from '../../contract/fleet.js';
import type { SchedulePermitRequest } from '../../contract/schedule-permit.js';
import { permitScheduleWorkflowId, WorkflowType } from '../../contract/workflow-ids.js';
import { scheduleDigest } from '../../engine/request-digest.js';
import { signed } from '../../identity/signature.js';
import { type TemporalConnection, withDeadline } from '../../temporal/connect.js';
import { isWorkflowFailed } from '../../temporal/errors.js';
import type { permitSchedule } from '../../workflows/index.js';
import { deadlineOf, type RunOptions } from '../run/events.js';
import { proofToken } from '../run/proof.js';
import { waitForWorker } from '../run/wait-for-worker.js';
import { ScheduleError } from './errors.js';

/** The longest wait for the answer of a worker, in milliseconds. */
const TIMEOUT_MS = 90_000;

/**
 * Has a worker permit the runs of a schedule what its maker may do, and returns the argument of these runs.
 *
 * @throws ScheduleError where the maker may not, BusyError where no worker polls, IdTokenError
 */
export async function permitted(
  temporal: TemporalConnection,
  scheduled: SchedulePermitRequest,
  options: RunOptions,
): Promise<SchedulePermitRequest> {
  const { client, taskQueue, requestKey } = temporal;
  const { request, command } = scheduled;
  const { namespace, environment } = request;
  const account = isFleetRequest(request) ? null : request.target.account;
  const deadline = deadlineOf(options);
  await waitForWorker(temporal, { ...options, deadline });
  const digest = scheduleDigest(scheduled);
  const question = { account, namespace, environment };
  // To detect drift needs no more than to plan.
  const token =
    command === 'enforce'
      ? await proofToken(temporal, { question, digest, what: 'request' }, { ...options, deadline })
      : undefined;
  const { signature } = signed<{ digest: string; proof?: Proof }>(requestKey, 'schedule', { digest }).proof ?? {};
  const proof = { ...(token === undefined ? {} : { token }), ...(signature === undefined ? {} : { signature }) };
  try {
    const handle = await withDeadline(client, () =>
      client.workflow.start<typeof permitSchedule>(WorkflowType.PermitSchedule, {
        taskQueue,
        workflowId: permitScheduleWorkflowId(account, randomUUID()),
        args: [withProof(scheduled, proof)],
        staticSummary: `permits ${scheduled.schedule}`,
        workflowExecutionTimeout: TIMEOUT_MS,
      }),
    );
    const permit = await handle.result();
    return permit === null ? scheduled : withProof(scheduled, { permit });
  } catch (error) {
    throw refusalOf(error);
  }
}

function withProof(scheduled: SchedulePermitRequest, proof: Proof): SchedulePermitRequest {
  return { ...scheduled, request: { ...scheduled.request, proof } } as SchedulePermitRequest;
}

/** Returns the reason that a worker gave for its refusal. */
function refusalOf(error: unknown): unknown {
  if (!isWorkflowFailed(error)) return error;
  let cause: unknown = error;
  while (cause instanceof Error && cause.cause !== undefined) ({ cause } = cause);
  const { message, type, details } = cause as { message: string; type?: string; details?: readonly unknown[] };
  const { remedy = null } = (details?.[0] ?? {}) as { readonly remedy?: string | null };
  const exitCode = type === 'NotAllowed' ? ExitCode.Refused : ExitCode.Failed;
  return new ScheduleError(`the schedule was not permitted: ${message}`, remedy, exitCode);
}
