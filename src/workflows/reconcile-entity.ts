import { ApplicationFailure, log, setCurrentDetails } from '@temporalio/workflow';
import { IN_PROGRESS_STATE, OUTCOME_OF_ACTION, REMOVAL_ACTIONS } from '../contract/actions.js';
import type { CreateRequest, ReconcileActivityResult } from '../contract/activities.js';
import { entityId } from '../contract/entity.js';
import { FAILURES } from '../contract/failures.js';
import type { EntityState } from '../contract/progress.js';
import type { DecisionAction, EntityReport } from '../contract/report.js';
import type { Incarnation, ReconcileRequest, ReconcileResult } from '../contract/request.js';
import { addCalls, isRefusal } from '../report/build.js';
import { entityActivities } from './activities.js';
import { entityDetails } from './details.js';
import { describeAnyError } from './failures.js';
import { assertReconcileRequest } from './requests.js';
import { recordOutcome } from './search-attributes.js';

/** Activities in which an entity may turn out to be in another state than the last read showed. */
const MAX_ROUNDS = 5;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The next activity of an entity. */
interface Round {
  readonly action: DecisionAction;
  readonly readFirst: boolean;
}

/**
 * Brings one entity to its desired state. Its workflow ID is the lock of the entity: one run at a time in an account,
 * whatever the namespace. A bootstrap never cancels it, so a cancellation means that its bootstrap has ended or that a
 * person stops it: the write in flight ends, and no other one starts, because a newer run may write the entity next.
 *
 * Fails where a person has to look (refused, failed); the result is then in the details of the failure.
 */
export async function reconcileEntity(request: ReconcileRequest): Promise<ReconcileResult> {
  assertReconcileRequest(request);
  return new Reconciliation(request).run();
}

class Reconciliation {
  readonly #request: ReconcileRequest;
  readonly #id: string;
  readonly #report: Mutable<EntityReport>;
  #calls: Readonly<Record<string, number>> = {};
  #deleted: Incarnation | undefined;
  /** IDs that were there before the first Create, once they have been listed. */
  #known: readonly string[] | undefined;
  /** True once this run has deleted the entity in order to create it again. */
  #isReplacing = false;

  constructor(request: ReconcileRequest) {
    const { entity, action } = request;
    this.#request = request;
    this.#id = entityId(entity);
    this.#report = {
      kind: entity.kind,
      name: entity.name,
      arn: null,
      decision: action,
      outcome: 'failed',
      confirmedBy: null,
      drift: [],
      unmanaged: [],
      writes: [],
      conflicts: [],
      reason: null,
      remedy: null,
      attempts: 0,
      ...(entity.source === undefined ? {} : { source: entity.source }),
    };
  }

  async run(): Promise<ReconcileResult> {
    try {
      await this.#converge();
    } catch (error) {
      this.#recordFailure(error);
    }
    const { outcome, reason, remedy } = this.#report;
    const { planned } = this.#request;
    if (this.#report.decision !== planned.action) this.#report.planned = planned.action;
    const conflicts = this.#report.conflicts.map((conflict) => ({ ...conflict, resolvedAs: outcome }));
    const deleted = this.#deleted === undefined ? {} : { deleted: this.#deleted };
    const result: ReconcileResult = { report: { ...this.#report, conflicts }, calls: this.#calls, ...deleted };
    this.#showDetails(outcome);
    recordOutcome(outcome, conflicts.length);
    if (outcome !== 'failed' && outcome !== 'refused') return result;
    log.warn(`Entity ${outcome}`, { entity: this.#id, reason, remedy });
    const type = outcome === 'refused' ? 'Refused' : 'RunFailed';
    throw ApplicationFailure.nonRetryable(`${this.#id}: ${reason ?? ''}`, type, result);
  }

  /** Follows the decisions of the activities: an entity may have been created or deleted since the plan read it. */
  async #converge(): Promise<void> {
    const { action, readFirst } = this.#request;
    let next: Round | null = { action, readFirst };
    for (let round = 1; round <= MAX_ROUNDS && next !== null; round += 1) {
      this.#showDetails(IN_PROGRESS_STATE[next.action]);
      next = await this.#follow(next, await this.#runActivity(next));
    }
    if (next === null) return;
    throw ApplicationFailure.nonRetryable('something else keeps creating and deleting the entity', 'NotConverged');
  }

  /** Records what an activity did, and returns the next round; null where there is nothing left to do. */
  async #follow(round: Round, result: ReconcileActivityResult): Promise<Round | null> {
    const { action } = round;
    const decided = result.decision.action;
    if (action === 'create' && decided === 'create') {
      await this.#takeCreated(result);
      return null;
    }
    if (action === 'replace' && decided === 'replace') {
      // It is deleted, even if AWS still shows it for a while.
      this.#recordDecision('replace', result);
      this.#isReplacing = true;
      return { action: 'create', readFirst: false };
    }
    if (needsOtherActivity(action, decided)) return { ...round, action: decided };
    // It existed when the plan read it, and is gone.
    if (decided === 'create') return { action: 'create', readFirst: true };
    if (action === 'create' && result.remaining) {
      this.#recordDecision(decided, result);
      return { ...round, action: 'update' };
    }
    // After a create or an adoption, the update activity decides again, and calls the rest of its work an update.
    const isContinued = this.#report.confirmedBy !== null || this.#report.decision === 'adopt';
    this.#recordDecision(decided !== 'refuse' && isContinued ? this.#report.decision : decided, result);
    return null;
  }

  async #takeCreated(result: ReconcileActivityResult): Promise<void> {
    this.#report.confirmedBy = result.confirmedBy;
    this.#recordDecision(this.#isReplacing ? 'replace' : 'create', result);
    if (!result.remaining) return;
    // The outcome of other writes may be unknown; only a Create that was confirmed alone makes a read unnecessary.
    const fresh = result.confirmedBy === 'reply' && result.writes.length <= 1;
    this.#showDetails('converging');
    const completed = await entityActivities(`complete ${this.#id}`).updateEntity({
      ...this.#request,
      made: true,
      fresh,
    });
    this.#recordActivity(completed);
    if (completed.decision.action === 'refuse') this.#recordDecision('refuse', completed);
  }

  async #runActivity({ action, readFirst }: Round): Promise<ReconcileActivityResult> {
    const request = { ...this.#request, action, readFirst };
    const activities = entityActivities(`${action} ${this.#id}`);
    const result =
      action === 'create'
        ? await activities.createEntity(await this.#withKnown(request))
        : REMOVAL_ACTIONS.has(action)
          ? await activities.deleteEntity(request)
          : await activities.updateEntity({ ...request, made: false, fresh: false });
    this.#recordActivity(result);
    return result;
  }

  /** Adds what is there before the first Create. It is kept in history, so that what is new later is this run's. */
  async #withKnown(request: ReconcileRequest): Promise<CreateRequest> {
    if (request.listFirst !== true) return request;
    if (this.#known === undefined) {
      const { known, calls } = await entityActivities(`list before ${this.#id}`).listCandidates(request);
      this.#known = known;
      this.#calls = addCalls(this.#calls, calls);
    }
    return { ...request, known: this.#known };
  }

  #recordActivity(result: ReconcileActivityResult): void {
    const report = this.#report;
    const conflicts = result.conflicts.map((conflict) => ({ ...conflict, resolvedAs: 'failed' as const }));
    report.arn = result.arn;
    report.writes = [...report.writes, ...result.writes];
    report.conflicts = [...report.conflicts, ...conflicts];
    report.attempts = Math.max(report.attempts, result.attempt);
    const changed = [...(report.changedSincePlan ?? []), ...(result.changedSincePlan ?? [])];
    if (changed.length > 0) report.changedSincePlan = [...new Set(changed)];
    if (result.deleted !== undefined) this.#deleted = result.deleted;
    this.#calls = addCalls(this.#calls, result.calls);
  }

  #recordDecision(action: DecisionAction, { decision, confirmedBy }: ReconcileActivityResult): void {
    const report = this.#report;
    report.decision = action;
    report.outcome = OUTCOME_OF_ACTION[action];
    report.confirmedBy = confirmedBy ?? report.confirmedBy;
    report.drift = decision.drift.length > 0 ? decision.drift : report.drift;
    report.unmanaged = decision.unmanaged;
    report.reason = decision.reason ?? report.reason;
    report.remedy = decision.remedy;
  }

  #recordFailure(error: unknown): void {
    const { type, reason, calls, writes, remainingWrites, decision } = describeAnyError(error);
    const report = this.#report;
    this.#calls = addCalls(this.#calls, calls);
    report.writes = [...report.writes, ...writes];
    if (remainingWrites.length > 0) report.remainingWrites = remainingWrites;
    if (decision !== null && decision.drift.length > 0) report.drift = decision.drift;
    if (decision !== null) report.unmanaged = decision.unmanaged;
    report.outcome = isRefusal(type) ? 'refused' : 'failed';
    report.reason = reason;
    report.remedy = FAILURES[type].remedy;
  }

  #showDetails(state: EntityState): void {
    setCurrentDetails(entityDetails(this.#report, state));
  }
}

/** Reports whether an activity has found that the entity must be deleted where it did not delete, or the reverse. */
function needsOtherActivity(action: DecisionAction, decided: DecisionAction): boolean {
  if (decided === 'create' || decided === 'no-op' || decided === 'refuse') return false;
  return REMOVAL_ACTIONS.has(decided) !== REMOVAL_ACTIONS.has(action);
}
