import { ActivityFailure, ApplicationFailure, CancellationScope, setCurrentDetails } from '@temporalio/workflow';
import { entityId } from '../contract/entity.js';
import { FAILURES, isFailureType } from '../contract/failures.js';
import type { FailureDetails } from '../contract/failures.js';
import { IN_PROGRESS_STATE, OUTCOME_OF_ACTION, REMOVAL_ACTIONS } from '../contract/actions.js';
import type { ReconcileResult, ReconcileRequest } from '../contract/request.js';
import type { EntityState } from '../contract/progress.js';
import { addCalls } from '../report/summarize.js';
import type { DecisionAction, EntityReport, WriteRecord } from '../contract/report.js';
import type { CreateRequest, ReconcileStepResult } from '../contract/activities.js';
import { code, page, plain } from '../report/markdown.js';
import { assertReconcileRequest } from './report.js';
import { recordOutcome } from './search-attributes.js';
import { MAX_ROUNDS, writing, writingOptions } from './activities.js';

/** Whether a step has found that the entity is to go where it did not delete, or to stay where it did. */
function takesAnotherStep(action: DecisionAction, decided: DecisionAction): boolean {
  if (decided === 'create' || decided === 'no-op' || decided === 'refuse') return false;
  return REMOVAL_ACTIONS.has(decided) !== REMOVAL_ACTIONS.has(action);
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Brings one entity to its desired state. Its workflow ID is the entity's lock: one run at a time in an account,
 * whatever namespace asks. A cancellation does not stop it midway, so no half-made entity is left.
 *
 * Fails where a person must look (refused, failed); the result is then in the failure's details.
 */
export async function reconcileEntity(request: ReconcileRequest): Promise<ReconcileResult> {
  assertReconcileRequest(request);
  return CancellationScope.nonCancellable(() => new Reconciliation(request).run());
}

class Reconciliation {
  readonly #request: ReconcileRequest;
  readonly #report: Mutable<EntityReport>;
  #calls: Record<string, number> = {};
  /** Set once what is there before the first Create has been listed. */
  #known: readonly string[] | undefined;

  constructor(request: ReconcileRequest) {
    const { entity, action } = request;
    this.#request = request;
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
      await this.#converge(this.#request.action);
    } catch (error) {
      this.#fail(error);
    }
    const report = this.#report;
    const conflicts = report.conflicts.map((conflict) => ({ ...conflict, resolvedAs: report.outcome }));
    const result: ReconcileResult = { report: { ...report, conflicts }, calls: this.#calls };
    this.#show(report.outcome);
    recordOutcome(report.outcome, conflicts.length);
    if (report.outcome === 'failed' || report.outcome === 'refused') {
      const type = report.outcome === 'refused' ? 'Refused' : 'RunFailed';
      throw ApplicationFailure.nonRetryable(`${entityId(report)}: ${report.reason ?? ''}`, type, result);
    }
    return result;
  }

  /** Follows the decisions: what was absent may exist by now, and what existed may be gone. */
  async #converge(planned: DecisionAction): Promise<void> {
    let action = planned;
    let readFirst = this.#request.readFirst;
    let replacing = false;
    for (let round = 1; round <= MAX_ROUNDS; round += 1) {
      this.#show(IN_PROGRESS_STATE[action]);
      const made = this.#report.confirmedBy !== null;
      const step = await this.#step(action, readFirst);
      const decided = step.decision.action;
      if (action === 'create' && decided === 'create') {
        this.#report.confirmedBy = step.confirmedBy;
        this.#settle(replacing ? 'replace' : 'create', step);
        if (!step.remaining) return;
        // What was sent beside the Create may have come to an end that nobody heard of: then the account is read.
        await this.#finish(step.confirmedBy === 'reply' && step.writes.length <= 1);
        return;
      }
      if (action === 'replace' && decided === 'replace') {
        // Gone, whatever a read may still show for a while.
        this.#settle('replace', step);
        replacing = true;
        action = 'create';
        readFirst = false;
        continue;
      }
      if (takesAnotherStep(action, decided)) {
        // What is there now is another than the last look saw, and takes another step.
        action = decided;
        continue;
      }
      if (decided === 'create') {
        // It was there when the plan looked, and is gone.
        action = 'create';
        readFirst = true;
        continue;
      }
      if (action === 'create' && step.remaining) {
        this.#settle(decided, step);
        action = 'update';
        continue;
      }
      // The second step of a create or of an adoption after a conflict decides again, and mostly calls it an update.
      this.#settle(made || this.#report.decision === 'adopt' ? this.#report.decision : decided, step);
      if (decided === 'refuse') this.#settle('refuse', step);
      return;
    }
    throw ApplicationFailure.nonRetryable('something else keeps making and removing it', 'NotConverged');
  }

  /** What the create step could not complete. */
  async #finish(fresh: boolean): Promise<void> {
    const { entity } = this.#request;
    this.#show('converging');
    const step = await writing.updateEntity.executeWithOptions(
      { ...writingOptions, summary: `complete ${entityId(entity)}` },
      [{ ...this.#request, made: true, fresh }],
    );
    this.#record(step);
    if (step.decision.action === 'refuse') this.#settle('refuse', step);
  }

  async #step(action: DecisionAction, readFirst: boolean): Promise<ReconcileStepResult> {
    const { entity } = this.#request;
    const request = { ...this.#request, action, readFirst };
    const options = { ...writingOptions, summary: `${action} ${entityId(entity)}` };
    const step =
      action === 'create'
        ? await writing.createEntity.executeWithOptions(options, [await this.#listed(request)])
        : REMOVAL_ACTIONS.has(action)
          ? await writing.deleteEntity.executeWithOptions(options, [request])
          : await writing.updateEntity.executeWithOptions(options, [{ ...request, made: false, fresh: false }]);
    this.#record(step);
    return step;
  }

  /** With what is there before the first Create: history keeps it, so that what is new later is known as this run's. */
  async #listed(request: ReconcileRequest): Promise<CreateRequest> {
    if (request.listFirst !== true) return request;
    if (this.#known === undefined) {
      const { known, calls } = await writing.listCandidates.executeWithOptions(
        { ...writingOptions, summary: `list before ${entityId(request.entity)}` },
        [request],
      );
      this.#known = known;
      this.#calls = addCalls(this.#calls, calls);
    }
    return { ...request, known: this.#known };
  }

  #record(step: ReconcileStepResult): void {
    const report = this.#report;
    report.arn = step.arn;
    report.writes = [...report.writes, ...step.writes];
    report.conflicts = [
      ...report.conflicts,
      ...step.conflicts.map((one) => ({ ...one, resolvedAs: 'failed' as const })),
    ];
    report.attempts = Math.max(report.attempts, step.attempt);
    this.#calls = addCalls(this.#calls, step.calls);
  }

  #settle(action: DecisionAction, { decision, confirmedBy }: ReconcileStepResult): void {
    const report = this.#report;
    report.decision = action;
    report.outcome = OUTCOME_OF_ACTION[action];
    report.confirmedBy = confirmedBy ?? report.confirmedBy;
    report.drift = decision.drift.length > 0 ? decision.drift : report.drift;
    report.unmanaged = decision.unmanaged;
    report.reason = decision.reason ?? report.reason;
    report.remedy = decision.remedy;
  }

  #fail(error: unknown): void {
    const cause = error instanceof ActivityFailure ? error.cause : error;
    const failure = cause instanceof ApplicationFailure ? cause : undefined;
    const type = isFailureType(failure?.type) ? failure.type : 'Unexpected';
    const [details] = (failure?.details ?? []) as [FailureDetails?];
    if (details !== undefined) this.#calls = addCalls(this.#calls, details.calls);
    const request = details?.requestId == null ? '' : ` (request ${details.requestId})`;
    this.#report.outcome = type === 'Refused' || type === 'WrongAccount' ? 'refused' : 'failed';
    this.#report.reason = `${cause instanceof Error ? cause.message : String(cause)}${request}`;
    this.#report.remedy = FAILURES[type].remedy;
  }

  /** The run's page in the Temporal UI: state, and each write with the request ID under which AWS knows it. */
  #show(state: EntityState): void {
    const { arn, writes, conflicts, reason, remedy } = this.#report;
    const lines = [
      `**${plain(entityId(this.#request.entity))}**: ${state}`,
      ...(arn === null ? [] : ['', code(arn)]),
      ...(reason === null ? [] : ['', `${plain(reason)}.`]),
      ...(remedy === null ? [] : ['', `Remedy: ${plain(remedy)}.`]),
      ...(writes.length === 0 ? [] : ['', '| write | AWS request ID | at |', '| --- | --- | --- |']),
      ...writes.map(
        ({ operation, requestId, at }: WriteRecord) => `| ${operation} | ${plain(requestId ?? 'reply lost')} | ${at} |`,
      ),
      ...conflicts.map(
        (conflict) =>
          `\nConflict: ${conflict.operation} answered ${plain(conflict.code)} (${plain(conflict.requestId ?? '')})`,
      ),
    ];
    setCurrentDetails(page(lines));
  }
}
