import type { ExpectedEntity, VerifyRequest, VerifyResult } from '../../contract/activities.js';
import { isWrite } from '../../contract/actions.js';
import { FAILURES } from '../../contract/failures.js';
import type { Decision, EntityReport, RefusedCall } from '../../contract/report.js';
import { isRefusal } from '../../report/build.js';
import { driftText } from '../../report/drift.js';
import { joinFirst } from '../../report/text.js';
import { lastVerification, verification } from '../activities.js';
import { describeFailure, wasCancelled } from '../failures.js';
import { UNSUCCESSFUL, type RunState } from './run-state.js';

/** Lines of a change that a report names. */
const MAX_CHANGES = 20;

/** Lines of a change that a reason names. */
const MAX_LINES = 5;

/**
 * Reads once more what claims an outcome: an entity has converged when AWS shows it, not when a write was accepted or
 * counted as applied already. `unwritten` adds entities that were as declared when the plan read them. Those
 * that another run held then are always added: it may have written them since.
 */
export async function verifyEntities(state: RunState, unwritten: (index: number) => boolean): Promise<void> {
  const positions = [...state.reports.keys()].filter((index) => isVerified(state, index, unwritten));
  if (positions.length === 0) return;
  state.enter('verifying');
  const { cancellation } = state;
  const isCancelled = cancellation.isRequested();
  try {
    const request = verifyRequestOf(state, positions);
    const result = isCancelled
      ? await lastVerification.verifyEntities({ ...request, once: true })
      : await cancellation.endOnRequest(() => verification.verifyEntities(request));
    state.addCalls(result.calls);
    recordCreationDates(state, positions, result);
    recordDifferences(state, positions, result);
  } catch (error) {
    const failure = describeFailure(error);
    const isTransient = failure === null || FAILURES[failure.type].retry === 'retry';
    if (wasCancelled(error) || (isCancelled && isTransient)) {
      recordUnverified(state, positions, positions.keys());
      return;
    }
    if (failure === null) throw error;
    for (const index of positions) {
      const outcome = state.reports.get(index)?.outcome ?? 'pending';
      failEntity(state, index, {
        outcome: isRefusal(failure.type) ? 'refused' : 'failed',
        reason: `was ${outcome}, but could not be verified: ${failure.reason}`,
        remedy: failure.remedy,
      });
    }
  }
}

function verifyRequestOf(state: RunState, positions: readonly number[]): VerifyRequest {
  const { target, namespace, timeoutMs } = state.request;
  const { readPermit } = state.plan;
  return {
    request: { target, namespace, ...(timeoutMs === undefined ? {} : { timeoutMs }) },
    entities: positions.map((index) => expectedEntity(state, index)),
    arns: state.allArns(),
    ...(readPermit === undefined ? {} : { permit: readPermit }),
  };
}

/** Reports whether an entity was not written, because the plan found it as declared. */
function isUnwritten(state: RunState, index: number): boolean {
  return !isWrite(state.plannedAt(index).decision.action);
}

function isVerified(state: RunState, index: number, unwritten: (index: number) => boolean): boolean {
  if (UNSUCCESSFUL.has(state.reports.get(index)?.outcome ?? 'skipped')) return false;
  if (!isUnwritten(state, index)) return true;
  const { state: desired, observe } = state.desiredAt(index);
  // What is only observed, or left to its owner, makes no claim.
  return (
    !observe &&
    (desired === 'present' || desired === 'absent') &&
    (unwritten(index) || state.lockedByOthers.has(state.plannedAt(index).workflowId))
  );
}

/** Returns the entity as it should be now. What an adoption left in place is not drift of this run. */
function expectedEntity(state: RunState, index: number): ExpectedEntity {
  const entity = state.desiredAt(index);
  const isAdopted = state.reports.get(index)?.outcome === 'adopted';
  const deleted = state.deleted.get(index);
  return {
    ...entity,
    ...(isAdopted && entity.unmanagedAtAdoption !== true ? { unmanaged: 'keep' } : {}),
    ...(deleted === undefined ? {} : { deleted }),
    ...(isUnwritten(state, index) ? { isUnwritten: true } : {}),
  };
}

function recordCreationDates(state: RunState, positions: readonly number[], { createdAt = [] }: VerifyResult): void {
  for (const shown of createdAt) {
    const position = positions[shown.index];
    if (position !== undefined) state.createdAt.set(position, shown.createdAt);
  }
}

/** Fails the entities that differ. `positions` are those of the entities that were verified, in their order. */
function recordDifferences(
  state: RunState,
  positions: readonly number[],
  { differing, recreated = [], unverified = [] }: VerifyResult,
): void {
  recordUnverified(state, positions, unverified);
  for (const { index, owner } of recreated) {
    const position = positions[index];
    const report = position === undefined ? undefined : state.reports.get(position);
    if (position === undefined || report === undefined) continue;
    const reason = `deleted; another caller has created a new one of this name since, ${owner === null ? 'without an owner' : `owned by ${owner}`}`;
    state.record(position, { ...report, reason });
  }
  for (const { index, decision } of differing) {
    const position = positions[index];
    const report = position === undefined ? undefined : state.reports.get(position);
    if (position === undefined || report === undefined) continue;
    if (decision.unread !== undefined) {
      failEntity(state, position, unreadSince(report, decision, decision.unread));
      continue;
    }
    failEntity(state, position, {
      drift: decision.drift,
      ...(isUnwritten(state, position) ? changeSince(decision) : { reason: differenceIn(report, decision) }),
      remedy: FAILURES.NotConverged.remedy,
    });
  }
}

/** Records that AWS has not shown entities as written before the run was cancelled. They keep their outcomes. */
function recordUnverified(state: RunState, positions: readonly number[], unverified: Iterable<number>): void {
  const indexes = [...unverified].flatMap((position) => positions[position] ?? []);
  state.unverified = new Set(indexes);
  for (const index of indexes) {
    const report = state.reports.get(index);
    if (report === undefined) continue;
    state.record(index, { ...report, reason: `not verified: ${state.cancellation.reason ?? ''} before AWS showed it` });
  }
}

function differenceIn({ outcome }: EntityReport, decision: Decision): string {
  return `was ${outcome}, but AWS shows otherwise: ${joinFirst(differencesIn(decision), MAX_LINES, '; ')}`;
}

/** Names each property that differs, or what else AWS shows. */
function differencesIn({ action, drift, reason }: Decision): readonly string[] {
  if (drift.length > 0) return drift.slice(0, MAX_CHANGES).map(driftText);
  switch (action) {
    case 'create':
      return ['does not exist'];
    case 'delete':
      return ['still exists'];
    case 'update':
      return [reason ?? 'its ownership tags differ'];
    default:
      return [reason ?? `now to ${action}`];
  }
}

/** Describes that AWS refused to show what a run claims of an entity. */
function unreadSince(
  { outcome }: EntityReport,
  { reason, remedy }: Decision,
  unread: RefusedCall,
): Pick<EntityReport, 'reason' | 'remedy' | 'unread'> {
  return { reason: `was ${outcome}, but could not be verified: ${reason ?? ''}`, remedy, unread };
}

/** Describes the change of an entity that this run has not written. */
function changeSince(decision: Decision): Pick<EntityReport, 'reason' | 'changedSince'> {
  const changedSince = differencesIn(decision);
  return {
    reason: `has changed since this run read it, and this run did not write it: ${joinFirst(changedSince, MAX_LINES, '; ')}`,
    changedSince,
  };
}

function failEntity(
  state: RunState,
  index: number,
  why: Pick<EntityReport, 'reason' | 'remedy'> &
    Partial<Pick<EntityReport, 'outcome' | 'drift' | 'changedSince' | 'unread'>>,
): void {
  const report = state.reports.get(index);
  if (report !== undefined) state.record(index, { ...report, outcome: 'failed', ...why });
}
