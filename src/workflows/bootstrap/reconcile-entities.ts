import {
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  condition,
  workflowInfo,
} from '@temporalio/workflow';
import { IN_PROGRESS_STATE, isWrite } from '../../contract/actions.js';
import type { PlannedEntity } from '../../contract/activities.js';
import { entityId } from '../../contract/entity.js';
import type { EntityReport } from '../../contract/report.js';
import type { ReconcileRequest, ReconcileResult } from '../../contract/request.js';
import { IamAccount, IamEntity, IamNamespace } from '../../contract/search-attributes.js';
import { code } from '../../report/markdown.js';
import { startLocked } from '../locked-child.js';
import { reconcileEntity } from '../reconcile-entity.js';
import { hasSearchAttributes } from '../search-attributes.js';
import { ReadyQueue } from './ready-queue.js';
import { namesOf, UNSUCCESSFUL, type RunState } from './run-state.js';

/** Entities that a bootstrap reconciles at a time, each by a child workflow. */
export const CONCURRENT_ENTITIES = 20;

const CANCELLED = 'the run was cancelled';

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
      state.record(index, reason === null ? await reconcile(state, index) : state.skippedReport(index, reason));
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
  return state.cancellation.isRequested() ? CANCELLED : null;
}

/** Has a child workflow reconcile one entity. Failures of the child are in the report that it returns. */
async function reconcile(state: RunState, index: number): Promise<EntityReport> {
  const planned = state.plannedAt(index);
  const request = reconcileRequest(state, index);
  const { account } = state.request.target;
  const id = entityId(request.entity);
  const stateInProgress = IN_PROGRESS_STATE[request.action];
  state.setEntityState(index, stateInProgress);
  try {
    const child = await startLocked(reconcileEntity, {
      lock: 'entity',
      workflowId: planned.workflowId,
      request: (hasWaited) => ({ ...request, readFirst: hasWaited }),
      options: {
        staticSummary: `${request.action} ${id} for ${request.namespace}`,
        staticDetails: code(planned.arn),
        // A later run finds by it what this one leaves behind where it is terminated.
        memo: { namespace: request.namespace, run: request.intent },
        ...(hasSearchAttributes() && {
          typedSearchAttributes: [
            { key: IamAccount, value: account },
            { key: IamNamespace, value: request.namespace },
            { key: IamEntity, value: id },
          ],
        }),
      },
      onWait: () => {
        state.setEntityState(index, 'waiting');
        state.refreshDetails();
      },
      cancellation: state.cancellation,
    });
    state.setEntityState(index, stateInProgress);
    return takeResult(state, index, await child.result());
  } catch (error) {
    return failedReport(state, index, error);
  }
}

function reconcileRequest(state: RunState, index: number): ReconcileRequest {
  const { target, namespace, timeoutMs } = state.request;
  const entity = state.desiredAt(index);
  const { decision, lines = [], listFirst, detachable } = state.plannedAt(index);
  const { installation } = state.plan;
  return {
    target,
    namespace,
    entity,
    action: decision.action,
    planned: { action: decision.action, lines },
    approved: state.request.approval !== undefined,
    arns: state.arnsOf(entity.dependsOn),
    intent: workflowInfo().runId,
    readFirst: false,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(installation === undefined ? {} : { installation }),
    ...(listFirst === undefined ? {} : { listFirst }),
    ...(detachable === undefined ? {} : { detachable }),
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
  if (report.outcome !== 'failed' && report.attempts <= 1) return report;
  const { drift } = state.plannedReport(index);
  const known = new Set(report.drift.map((line) => JSON.stringify(line)));
  const done = drift.filter((line) => !known.has(JSON.stringify(line)));
  return done.length === 0 ? report : { ...report, drift: [...done, ...report.drift] };
}

function failedReport(state: RunState, index: number, error: unknown): EntityReport {
  if (error instanceof CancelledFailure) return state.skippedReport(index, CANCELLED);
  const failure = error instanceof ChildWorkflowFailure ? error.cause : error;
  // A child that failed or refused has its result in the details of its failure.
  const [result] = failure instanceof ApplicationFailure ? ((failure.details ?? []) as [ReconcileResult?]) : [];
  if (result !== undefined) return takeResult(state, index, result);
  const reason = failure instanceof Error ? failure.message : String(failure);
  return { ...state.plannedReport(index), outcome: 'failed', reason };
}
