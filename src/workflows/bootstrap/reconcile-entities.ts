import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  ChildWorkflowFailure,
  condition,
  workflowInfo,
} from '@temporalio/workflow';
import { IN_PROGRESS_STATE, isWrite } from '../../contract/actions.js';
import type { PlannedEntity } from '../../contract/activities.js';
import { entityId, refersToItself } from '../../contract/entity.js';
import type { EntityReport } from '../../contract/report.js';
import type { ReconcileRequest, ReconcileResult } from '../../contract/request.js';
import { IamAccount, IamEntity, IamNamespace } from '../../contract/search-attributes.js';
import { code, plain } from '../../report/markdown.js';
import { startLocked, type LockedChild } from '../locked-child.js';
import { reconcileEntity } from '../reconcile-entity.js';
import { hasSearchAttributes } from '../search-attributes.js';
import { reportAtDeadline } from './deadline.js';
import { ReadyQueue } from './ready-queue.js';
import { namesOf, UNSUCCESSFUL, type RunState } from './run-state.js';

/** Entities that a bootstrap reconciles at a time, each by a child workflow. */
export const CONCURRENT_ENTITIES = 20;

/**
 * Brings each entity to its desired state once those that it depends on have ended. Where `refused` names entities, their
 * refusal stops the run before its first write, and all others are skipped.
 */
export async function reconcileEntities(state: RunState, refused: readonly PlannedEntity[]): Promise<void> {
  const after = new Map<number, readonly number[]>();
  for (const [index, planned] of state.plan.entities.entries()) {
    if (isWrite(planned.decision.action)) after.set(index, planned.after);
    else state.record(index, state.plannedReport(index));
  }
  state.refreshDetails();
  const queue = new ReadyQueue(after);
  const runLane = async (): Promise<void> => {
    while (!queue.isDone) {
      await condition(() => queue.isDone || queue.isReady);
      const index = queue.take();
      if (index === undefined) continue;
      const reason = skipReason(state, index, refused);
      const report = reason === null ? await reconcile(state, index) : state.skippedReport(index, reason);
      state.record(index, reportAtDeadline(state, state.plannedAt(index).workflowId, report));
      state.refreshDetailsThrottled();
      queue.finish(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENT_ENTITIES, after.size) }, runLane));
}

/** Returns why an entity must not be written; null where it may. */
function skipReason(state: RunState, index: number, refused: readonly PlannedEntity[]): string | null {
  if (refused.length > 0) {
    return `nothing was written, because ${namesOf(refused)} ${refused.length === 1 ? 'is' : 'are'} refused`;
  }
  const unsuccessful = state
    .plannedAt(index)
    .after.filter((other) => UNSUCCESSFUL.has(state.reports.get(other)?.outcome ?? 'unchanged'));
  if (unsuccessful.length > 0) {
    return `depends on ${namesOf(unsuccessful.map((other) => state.plannedAt(other)))}, which did not converge`;
  }
  return state.cancellation.reason;
}

/** Has a child workflow reconcile one entity. Failures of the child are in the report that it returns. */
async function reconcile(state: RunState, index: number): Promise<EntityReport> {
  const planned = state.plannedAt(index);
  const request = reconcileRequest(state, index);
  const stateInProgress = IN_PROGRESS_STATE[request.action];
  state.setEntityState(index, stateInProgress);
  try {
    const scope = new CancellationScope();
    const child = await scope.run(() =>
      startLocked(reconcileEntity, {
        lock: 'entity',
        workflowId: planned.workflowId,
        request: (hasWaited) => ({ ...request, readFirst: hasWaited }),
        options: childOptions(planned, request),
        onWait: () => {
          state.setEntityState(index, 'waiting');
          state.refreshDetails();
        },
        cancellation: state.cancellation,
      }),
    );
    state.setEntityState(index, stateInProgress);
    // The scope ends with the run from here on: a child must have started before it is cancelled.
    const result = await state.cancellation.endOnRequest(() => child.result(), scope);
    return takeResult(state, index, result);
  } catch (error) {
    return failedReport(state, index, error);
  }
}

function childOptions(
  { arn }: PlannedEntity,
  { action, entity, namespace, intent, target: { account } }: ReconcileRequest,
): LockedChild<ReconcileRequest>['options'] {
  const id = entityId(entity);
  return {
    staticSummary: plain(`${action} ${id} for ${namespace}`),
    staticDetails: code(arn),
    // A later run finds by it what this one leaves behind where it is terminated.
    memo: { namespace, run: intent },
    ...(hasSearchAttributes() && {
      typedSearchAttributes: [
        { key: IamAccount, value: account },
        { key: IamNamespace, value: namespace },
        { key: IamEntity, value: id },
      ],
    }),
  };
}

function reconcileRequest(state: RunState, index: number): ReconcileRequest {
  const { target, namespace, environment, timeoutMs } = state.request;
  const entity = state.desiredAt(index);
  const {
    decision,
    lines = [],
    holdings,
    uniqueId,
    listFirst,
    detachable,
    newPrincipals,
    permit,
  } = state.plannedAt(index);
  const { installation } = state.plan;
  return {
    target,
    namespace,
    environment,
    entity,
    action: decision.action,
    planned: {
      action: decision.action,
      lines,
      ...(holdings === undefined ? {} : { holdings }),
      ...(uniqueId === undefined ? {} : { uniqueId }),
    },
    approved: state.request.approval !== undefined || state.plan.approvalRule !== undefined,
    arns: state.arnsOf(refersToItself(entity) ? [...entity.dependsOn, entityId(entity)] : entity.dependsOn),
    intent: workflowInfo().runId,
    readFirst: false,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(installation === undefined ? {} : { installation }),
    ...(listFirst === undefined ? {} : { listFirst }),
    ...(detachable === undefined ? {} : { detachable }),
    ...(newPrincipals === undefined ? {} : { newPrincipals }),
    ...(permit === undefined ? {} : { permit }),
  };
}

function takeResult(state: RunState, index: number, { report, calls, deleted }: ReconcileResult): EntityReport {
  if (deleted !== undefined) state.deleted.set(index, deleted);
  state.addCalls(calls);
  return withPlannedLines(state, index, report);
}

/**
 * Adds what the plan showed to a report that does not tell all: an activity that failed tells only what it has sent, and
 * an attempt that repeats another one finds only what that one had left to do.
 */
function withPlannedLines(state: RunState, index: number, report: EntityReport): EntityReport {
  const isUnfinished = report.outcome === 'failed' || report.outcome === 'cancelled';
  if (!isUnfinished && report.attempts <= 1) return report;
  const { drift } = state.plannedReport(index);
  const known = new Set(report.drift.map((line) => JSON.stringify(line)));
  const done = drift.filter((line) => !known.has(JSON.stringify(line)));
  return done.length === 0 ? report : { ...report, drift: [...done, ...report.drift] };
}

function failedReport(state: RunState, index: number, error: unknown): EntityReport {
  if (error instanceof CancelledFailure) return state.skippedReport(index, error.message);
  const failure = error instanceof ChildWorkflowFailure ? error.cause : error;
  // A child that failed or refused has its result in the details of its failure.
  const [result] = failure instanceof ApplicationFailure ? ((failure.details ?? []) as [ReconcileResult?]) : [];
  if (result !== undefined) return takeResult(state, index, result);
  const reason = failure instanceof Error ? failure.message : String(failure);
  return { ...state.plannedReport(index), outcome: 'failed', reason };
}
