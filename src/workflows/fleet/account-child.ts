import { ApplicationFailure, ChildWorkflowFailure, isCancellation, ParentClosePolicy } from '@temporalio/workflow';
import type { ChildWorkflowOptions } from '@temporalio/workflow';
import type { AccountReport, AccountRun, AccountRunEnd, FleetCommand } from '../../contract/fleet.js';
import { type BootstrapRequest, workflowTaskTimeoutMs } from '../../contract/request.js';
import { IamAccount, IamNamespace } from '../../contract/search-attributes.js';
import type { ScheduledRun } from '../../contract/schedule.js';
import {
  bootstrapWorkflowId,
  planWorkflowId,
  scheduledAccountWorkflowId,
  WorkflowType,
} from '../../contract/workflow-ids.js';
import { isAccountRunEnd } from '../../report/fleet.js';
import { resultOfFailure } from '../../report/build.js';
import { memoOf, requestDetails, requestSummary } from '../../report/run-description.js';
import { accountRuns, namespaceHolders } from '../activities.js';
import { bootstrap } from '../bootstrap/bootstrap.js';
import { describeAnyError } from '../failures.js';
import { startUnlessLocked } from '../locked-child.js';
import { plan } from '../plan.js';
import { scheduledRun } from '../scheduled-run.js';
import { hasSearchAttributes } from '../search-attributes.js';

/** The run of an account. */
interface AccountChild {
  readonly workflowId: string;
  readonly firstExecutionRunId: string;
  result(): Promise<AccountRunEnd>;
}

/** Starts the run of an account as a client would. Returns null where another run holds the namespace. */
export function startAccount(command: FleetCommand, request: BootstrapRequest): Promise<AccountChild | null> {
  const { account } = request.target;
  if (command === 'detect' || command === 'enforce') {
    const argument: ScheduledRun = { version: 1, schedule: request.key, command, request };
    const workflowId = scheduledAccountWorkflowId(request.key);
    return startUnlessLocked(scheduledRun, workflowId, argument, childOptions(WorkflowType.ScheduledRun, request));
  }
  if (command === 'plan') {
    const workflowId = planWorkflowId(account, request.namespace, request.key);
    return startUnlessLocked(plan, workflowId, request, childOptions(WorkflowType.Plan, request));
  }
  const workflowId = bootstrapWorkflowId(account, request.namespace);
  return startUnlessLocked(bootstrap, workflowId, request, childOptions(WorkflowType.Bootstrap, request));
}

function childOptions(
  type: string,
  request: BootstrapRequest,
): Omit<ChildWorkflowOptions, 'args' | 'workflowId' | 'typeInfo'> {
  const { account } = request.target;
  return {
    // The fleet goes on with an empty history while its children are open, and finds them again.
    parentClosePolicy: ParentClosePolicy.ABANDON,
    workflowTaskTimeout: workflowTaskTimeoutMs(request.entities.length),
    memo: { ...memoOf(request) },
    staticSummary: requestSummary(type, request),
    staticDetails: requestDetails(request),
    priority: { fairnessKey: account },
    ...(hasSearchAttributes() && {
      typedSearchAttributes: [
        { key: IamAccount, value: account },
        { key: IamNamespace, value: request.namespace },
      ],
    }),
  };
}

/** The result of an account whose run has no report. */
export type Ended = Pick<AccountReport, 'result' | 'reason' | 'remedy'>;

/** Returns the end of an account that has waited for its namespace in vain: it names the run that holds it. */
export async function busyEnd({ target, namespace }: BootstrapRequest): Promise<Ended> {
  const workflowId = bootstrapWorkflowId(target.account, namespace);
  const holder = await namespaceHolders.findNamespaceHolder(workflowId).catch(() => null);
  const held =
    holder === null
      ? 'another run held the namespace in this account'
      : `the namespace is held by a run of ${holder.by} since ${holder.startedAt} (${workflowId}, run ${holder.runId})`;
  return {
    result: 'busy',
    reason: `${held}, which did not finish in time`,
    remedy: 'see `iam-bootstrap status`; apply again with --retry-failed when it has finished',
  };
}

/**
 * Returns what an account ended with: the report of its run, or what went wrong without one.
 *
 * @param error - what its request, its start or its run has failed with
 * @param run - null where none was started
 * @param cancelReason - the reason of the fleet's end
 */
export async function endOf(
  error: unknown,
  run: AccountRun | null,
  cancelReason: string,
): Promise<AccountRunEnd | Ended> {
  const report = reportOf(error);
  if (report !== null) return report;
  if (!isCancellation(error)) {
    const { type, reason, remedy } = describeAnyError(error instanceof ChildWorkflowFailure ? error.cause : error);
    return { result: resultOfFailure(type), reason, remedy };
  }
  if (run === null) return { result: 'skipped', reason: cancelReason, remedy: null };
  // It ends without a result, and keeps its report for queries.
  const found = await accountRuns.findAccountRun(run).catch(() => null);
  return found?.report ?? { result: 'cancelled', reason: cancelReason, remedy: null };
}

/** Returns the report in the failure of an account's run. Null where it has none. */
function reportOf(error: unknown): AccountRunEnd | null {
  const cause = error instanceof ChildWorkflowFailure ? error.cause : error;
  const [report] = cause instanceof ApplicationFailure ? ((cause.details ?? []) as [unknown?]) : [];
  return isAccountRunEnd(report) ? report : null;
}
