import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  ChildWorkflowFailure,
  condition,
} from '@temporalio/workflow';
import { IN_PROGRESS_STATE, isWrite } from '../../contract/actions.js';
import type { PlannedEntity } from '../../contract/activities.js';
import { entityId, refersToItself } from '../../contract/entity.js';
import type { EntityReport } from '../../contract/report.js';
import type { ReconcileRequest, ReconcileResult } from '../../contract/request.js';
import { IamAccount, IamEntity, IamNamespace } from '../../contract/search-attributes.js';
import { code, plain } from '../../report/markdown.js';
import { startOrWait, type LockedChild } from '../locked-child.js';
import { reconcileEntity } from '../reconcile-entity.js';
import { hasSearchAttributes } from '../search-attributes.js';
import { reportAtDeadline } from './deadline.js';
import { Drain } from './drain.js';
import { namesOf } from './entity-progress.js';
import { ReadyQueue } from './ready-queue.js';
import { UNSUCCESSFUL, type RunState } from './run-state.js';

/** Entities that a bootstrap reconciles at a time, each by a child workflow. */
export const CONCURRENT_ENTITIES = 20;

/**
 * Brings each entity to its desired state once those that it depends on have ended. Where `refused` names entities, their
 * refusal stops the run before its first write, and all others are skipped.
 *
 * @param state - the run
 * @param refused - the entities whose refusal stops it
 * @param goOnAsNew - goes on with an empty history once no entity is under way. Returns only where the run was cancelled
 */
export async function reconcileEntities(
  state: RunState,
  refused: readonly PlannedEntity[],
  goOnAsNew: () => Promise<void>,
): Promise<void> {
  const queue = new ReadyQueue(unfinishedOf(state));
  const drain = new Drain(state.cancellation);
  state.refreshDetails();
  const runLane = async (): Promise<void> => {
    while (!queue.isDone && !drain.isDue()) {
      await condition(() => queue.isDone || queue.isReady || drain.isRequested());
      if (drain.isRequested()) return;
      const index = queue.take();
      if (index === undefined) continue;
      const reason = skipReason(state, index, refused);
      const report = reason === null ? await reconcile(state, index, drain) : state.skippedReport(index, reason);
      if (report === null) {
        queue.putBack(index);
        return;
      }
      state.lockWaits.delete(index);
      state.record(index, reportAtDeadline(state, state.plannedAt(index).workflowId, report));
      state.refreshDetailsThrottled();
      queue.finish(index);
    }
  };
  const runLanes = async (): Promise<boolean> => {
    await Promise.all(Array.from({ length: Math.min(CONCURRENT_ENTITIES, queue.size) }, runLane));
    return queue.isDone;
  };
  while (!(await runLanes())) await goOnAsNew();
}

/** Returns what is to be written, with what it waits for. What waits for a lock comes first. What is not written ends here. */
function unfinishedOf(state: RunState): ReadonlyMap<number, readonly number[]> {
  const after = new Map([...state.lockWaits.keys()].map((index) => [index, state.plannedAt(index).after]));
  for (const [index, planned] of state.plan.entities.entries()) {
    if (state.reports.has(index)) continue;
    if (isWrite(planned.decision.action)) after.set(index, planned.after);
    else state.record(index, state.plannedReport(index));
  }
  return after;
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

/**
 * Has a child workflow reconcile one entity. Failures of the child are in the report that it returns. Null where the entity
 * waits for its lock, and the drain has ended the wait.
 */
async function reconcile(state: RunState, index: number, drain: Drain): Promise<EntityReport | null> {
  const planned = state.plannedAt(index);
  const request = reconcileRequest(state, index);
  const stateInProgress = IN_PROGRESS_STATE[request.action];
  state.setEntityState(index, stateInProgress);
  try {
    const scope = new CancellationScope();
    const locked = {
      lock: 'entity',
      workflowId: planned.workflowId,
      request: (hasWaited: boolean) => {
        drain.noteTry();
        return { ...request, readFirst: hasWaited };
      },
      options: childOptions(planned, request),
      onWait: () => {
        state.setEntityState(index, 'waiting');
        state.refreshDetails();
      },
      cancellation: state.cancellation,
    } as const;
    const started = await scope.run(() => startOrWait(reconcileEntity, locked, drain, state.lockWaits.get(index)));
    if ('wait' in started) {
      state.lockWaits.set(index, started.wait);
      return null;
    }
    state.setEntityState(index, stateInProgress);
    // The scope ends with the run from here on: a child must have started before it is cancelled.
    const result = await state.cancellation.endOnRequest(() => started.child.result(), scope);
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
    intent: state.run.runId,
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
