import { ApplicationFailure, log, setCurrentDetails, setHandler } from '@temporalio/workflow';
import { IN_PROGRESS_STATE, OUTCOME_OF_ACTION, REMOVAL_ACTIONS } from '../contract/actions.js';
import type { CreateRequest, ReconcileActivityResult } from '../contract/activities.js';
import { entityId } from '../contract/entity.js';
import { attemptSignal } from '../contract/messages.js';
import type { EntityState } from '../contract/progress.js';
import type { DecisionAction, EntityReport } from '../contract/report.js';
import type { Incarnation, ReconcileRequest, ReconcileResult } from '../contract/request.js';
import { addCalls, isRefusal } from '../report/build.js';
import { grantsOf } from '../report/grants.js';
import { entityActivities } from './activities.js';
import { entityDetails } from './entity-details.js';
import { attemptProgress, describeAnyError, wasCancelled } from './failures.js';
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
 * whatever the namespace. Where it is cancelled, the write in flight ends and no other one starts: a newer run may write
 * the entity next. An activity that waits for its next attempt ends at once.
 *
 * Fails where a person has to look (refused, failed, cancelled); the result is then in the details of the failure.
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
  #known: Pick<CreateRequest, 'known' | 'knownPermit'> | undefined;
  /** The progress that the last failed attempt of the present activity has reported. */
  #lastAttempt: unknown;
  #state: EntityState = 'planned';
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
      grants: [],
      warnings: [],
      unmanaged: [],
      writes: [],
      conflicts: [],
      reason: null,
      remedy: null,
      attempts: 0,
      ...(entity.source === undefined ? {} : { source: entity.source }),
    };
    setHandler(attemptSignal, (progress: unknown) => {
      this.#lastAttempt = progress;
      this.#showDetails(this.#state);
    });
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
    this.#report.conflicts = conflicts;
    const deleted = this.#deleted === undefined ? {} : { deleted: this.#deleted };
    const result: ReconcileResult = { report: this.#report, calls: this.#calls, ...deleted };
    this.#showDetails(outcome);
    recordOutcome(outcome, conflicts.length);
    if (outcome !== 'failed' && outcome !== 'refused' && outcome !== 'cancelled') return result;
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
      const { known, calls, permit } = await entityActivities(`list before ${this.#id}`).listCandidates(request);
      this.#known = { known, ...(permit === undefined ? {} : { knownPermit: permit }) };
      this.#calls = addCalls(this.#calls, calls);
    }
    return { ...request, ...this.#known };
  }

  #recordActivity(result: ReconcileActivityResult): void {
    this.#lastAttempt = undefined;
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
    if (decision.cosmetic !== undefined) report.cosmetic = decision.cosmetic;
    report.reason = decision.reason ?? report.reason;
    report.remedy = decision.remedy;
  }

  #recordFailure(error: unknown): void {
    const { type, reason, remedy, calls, writes, remainingWrites, decision } = describeAnyError(
      error,
      this.#lastAttempt,
    );
    const report = this.#report;
    this.#calls = addCalls(this.#calls, calls);
    report.writes = [...report.writes, ...writes];
    if (remainingWrites.length > 0) report.remainingWrites = remainingWrites;
    if (decision !== null && decision.drift.length > 0) report.drift = decision.drift;
    if (decision !== null) report.unmanaged = decision.unmanaged;
    if (wasCancelled(error)) {
      report.outcome = 'cancelled';
      report.reason = `its run was cancelled before ${report.writes.length === 0 ? 'anything' : 'all'} of it was written`;
      report.remedy = 'apply again';
      return;
    }
    report.outcome = isRefusal(type) ? 'refused' : 'failed';
    report.reason = reason;
    report.remedy = remedy;
  }

  #showDetails(state: EntityState): void {
    this.#state = state;
    const { entity, namespace, intent, arns } = this.#request;
    const grants = grantsOf(this.#report, entity, (id) => arns[id] ?? null);
    const failedAttempt = this.#lastAttempt === undefined ? null : (attemptProgress(this.#lastAttempt).writes ?? []);
    const report = { ...this.#report, grants };
    setCurrentDetails(entityDetails({ report, state, namespace, requestedBy: intent, failedAttempt }));
  }
}

/** Reports whether an activity has found that the entity must be deleted where it did not delete, or the reverse. */
function needsOtherActivity(action: DecisionAction, decided: DecisionAction): boolean {
  if (decided === 'create' || decided === 'no-op' || decided === 'refuse') return false;
  return REMOVAL_ACTIONS.has(decided) !== REMOVAL_ACTIONS.has(action);
}
