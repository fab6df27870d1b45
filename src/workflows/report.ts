import { ActivityFailure, ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import { FAILURES, isFailureType } from '../contract/failures.js';
import type { FailureDetails } from '../contract/failures.js';
import { NAMESPACE, ACCOUNT } from '../contract/request.js';
import type { ReconcileRequest, BootstrapRequest } from '../contract/request.js';
import { resultOf, summarize } from '../report/summarize.js';
import { truncateToFit } from '../report/truncate.js';
import type { EntityReport, Report } from '../contract/report.js';

/** Puts a report together from what became of the entities. */
export function reportOf(
  command: Report['command'],
  request: BootstrapRequest,
  entities: readonly EntityReport[],
  calls: Readonly<Record<string, number>>,
  startedAt: number,
): Report {
  const { workflowId, runId } = workflowInfo();
  return {
    version: 1,
    command,
    result: resultOf(entities),
    account: request.target.account,
    partition: request.target.partition,
    namespace: request.namespace,
    environment: request.environment,
    digest: request.digest,
    request: { key: request.key, pipeline: request.pipeline },
    ...(request.revision === undefined ? {} : { revision: request.revision }),
    workflow: { workflowId, runId, url: null },
    entities: truncateToFit(entities),
    summary: summarize(entities),
    apiCalls: { total: Object.values(calls).reduce((sum, count) => sum + count, 0), byOperation: calls },
    startedAt: new Date(startedAt).toISOString(),
    durationMs: Date.now() - startedAt,
    reason: null,
    remedy: null,
  };
}

/** The report of a run that could not read the account: nothing is known of the entities, and nothing was written. */
export function unreadReport(
  command: Report['command'],
  request: BootstrapRequest,
  error: unknown,
  startedAt: number,
): Report {
  const failure = error instanceof ActivityFailure ? error.cause : error;
  if (!(failure instanceof ApplicationFailure)) throw error;
  const type = isFailureType(failure.type) ? failure.type : 'Unexpected';
  const [details] = (failure.details ?? []) as [FailureDetails?];
  const requestId = details?.requestId ?? null;
  return {
    ...reportOf(command, request, [], details?.calls ?? {}, startedAt),
    result: type === 'WrongAccount' ? 'refused' : 'failed',
    reason: `${failure.message}${requestId === null ? '' : ` (request ${requestId})`}`,
    remedy: FAILURES[type].remedy,
  };
}

/** Ends a run whose argument another client has sent malformed: any other error would repeat the task for ever. */
export function assertRequest(request: unknown): asserts request is BootstrapRequest {
  const { target, namespace, entities } = fieldsOf<BootstrapRequest>(request);
  if (typeof target?.account !== 'string' || typeof namespace !== 'string' || !Array.isArray(entities)) {
    throw malformed('the argument is no bootstrap request: it needs target.account, namespace and entities');
  }
  // Both become part of the ID that is the lock.
  if (!ACCOUNT.test(target.account)) throw malformed('target.account: write the twelve digits of an account');
  if (!NAMESPACE.test(namespace)) {
    throw malformed(
      'namespace: write 1 to 63 lower-case letters, digits and hyphens, beginning with a letter or digit',
    );
  }
}

/** The same for the argument of a child; the activities check what is in it. */
export function assertReconcileRequest(request: unknown): asserts request is ReconcileRequest {
  const { target, entity, action } = fieldsOf<ReconcileRequest>(request);
  const whole = [target?.account, entity?.kind, entity?.name, action].every((field) => typeof field === 'string');
  if (!whole) throw malformed('the argument is no request for an entity: it needs target.account, entity and action');
}

function fieldsOf<T>(request: unknown): Partial<T> {
  return typeof request === 'object' && request !== null ? request : {};
}

function malformed(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'InvalidManifest');
}
