import { ApplicationFailure, condition, log, setHandler, upsertMemo, workflowInfo } from '@temporalio/workflow';
import type { Plan } from '../../contract/activities.js';
import { ApprovalRefused, MAX_APPROVER_LENGTH, MAX_REASON_LENGTH, PLAN_DIGEST } from '../../contract/approval.js';
import type { ApprovalDecision, PendingApproval } from '../../contract/approval.js';
import { entityId } from '../../contract/entity.js';
import { approveSignal, approveUpdate, rejectSignal, rejectUpdate } from '../../contract/messages.js';
import type { Approval, Report, Verdict } from '../../contract/report.js';
import type { BootstrapMemo, BootstrapRequest } from '../../contract/request.js';
import { AWAITING_APPROVAL } from '../../contract/search-attributes.js';
import { driftText } from '../../report/drift.js';
import type { Cancellation } from '../cancellation.js';
import type { IgnoredSignals } from '../details.js';
import { recordWaiting } from '../search-attributes.js';

const DECISIONS = [
  { update: approveUpdate, signal: approveSignal, verdict: 'approved' },
  { update: rejectUpdate, signal: rejectSignal, verdict: 'rejected' },
] as const;

/**
 * Waits until a person approves or rejects a plan. The first decision that names the plan counts. The validator refuses
 * any other update, which then leaves no trace in the history; other signals are counted and named on the run's page.
 */
export class PlanApproval {
  #requested: PendingApproval | null = null;
  #result: Approval | null = null;
  #ignored: IgnoredSignals = { count: 0, last: '' };
  readonly #onChange: () => void;

  /** Registers the handlers. `onChange` is called when the run's page has something new to show. */
  constructor(request: BootstrapRequest, onChange: () => void) {
    this.#onChange = onChange;
    for (const { update, signal, verdict } of DECISIONS) {
      setHandler(update, (decision) => this.#close(verdict, decision), {
        validator: (decision) => {
          this.#assertAccepted(decision);
        },
      });
      // A signal whose payload cannot be decoded fails the workflow task, so only runs that ask for approval take one.
      if (request.approval === undefined) continue;
      setHandler(signal, (decision: unknown) => {
        this.#handleSignal(signal.name, verdict, decision);
      });
    }
  }

  get pending(): PendingApproval | null {
    return this.#result === null ? this.#requested : null;
  }

  /** The decision, or why none was made; null as long as there is neither. */
  get result(): Approval | null {
    return this.#result;
  }

  get ignored(): IgnoredSignals {
    return this.#ignored;
  }

  /** Asks for an approval of a plan and waits for the decision, the end of the time, or cancellation of the run. */
  async wait(plan: string, report: Report, timeoutMs: number, cancellation: Cancellation): Promise<Approval> {
    const openedAt = Date.now();
    const expiresAt = new Date(openedAt + timeoutMs).toISOString();
    this.#requested = { plan, report, openedAt: new Date(openedAt).toISOString(), expiresAt };
    log.info('Approval requested', { plan, expiresAt });
    recordPending(plan);
    this.#onChange();
    const isInTime = await condition(() => this.#result !== null || cancellation.isRequested(), timeoutMs);
    const approval = this.#result ?? this.#close(isInTime ? 'cancelled' : 'expired', null);
    recordPending(null);
    return approval;
  }

  #handleSignal(name: string, verdict: Verdict, decision: unknown): void {
    try {
      this.#assertAccepted(decision);
    } catch (error) {
      if (!(error instanceof ApplicationFailure)) throw error;
      log.warn('Signal ignored', { signal: name, reason: error.message });
      this.#ignored = { count: this.#ignored.count + 1, last: `${name}: ${error.message}` };
      this.#onChange();
      return;
    }
    this.#close(verdict, decision);
  }

  #close(verdict: Verdict, decision: ApprovalDecision | null): Approval {
    const { plan, openedAt } = this.#requested ?? { plan: '', openedAt: '' };
    const [by, reason] = [decision?.by ?? null, decision?.reason ?? null];
    this.#result = { plan, verdict, by, reason, openedAt, at: new Date().toISOString() };
    log.info(`Plan ${verdict}`, { plan, by, reason });
    this.#onChange();
    return this.#result;
  }

  /** Refuses a decision that is malformed, too late, or for another plan. */
  #assertAccepted(decision: unknown): asserts decision is ApprovalDecision {
    const problem = findDecisionProblem(decision);
    if (problem !== null) throw ApplicationFailure.nonRetryable(problem, ApprovalRefused.Malformed);
    if (this.#requested === null) {
      throw ApplicationFailure.nonRetryable(
        'no plan of this run waits for an approval',
        ApprovalRefused.NoPendingApproval,
      );
    }
    if (this.#result !== null) {
      const { verdict, by } = this.#result;
      const message = `the plan is already ${verdict}${by === null ? '' : ` by ${by}`}`;
      throw ApplicationFailure.nonRetryable(message, ApprovalRefused.AlreadyDecided, this.#result);
    }
    if ((decision as ApprovalDecision).plan !== this.#requested.plan) {
      const message = `another plan waits for an approval: ${this.#requested.plan}`;
      throw ApplicationFailure.nonRetryable(message, ApprovalRefused.AnotherPlan, this.#requested.plan);
    }
  }
}

/** Records in memo and search attributes which plan waits; null once none does. */
function recordPending(plan: string | null): void {
  upsertMemo({ awaitingApproval: plan } satisfies Record<keyof Pick<BootstrapMemo, 'awaitingApproval'>, unknown>);
  recordWaiting(plan === null ? null : AWAITING_APPROVAL);
}

/** Explains why a run writes nothing after a plan was not approved. */
export function explainVerdict({ verdict, by, reason }: Approval): {
  readonly reason: string;
  readonly remedy: string;
} {
  if (verdict === 'rejected') {
    const why = reason === null || reason === '' ? '' : `: ${reason}`;
    return { reason: `rejected by ${by ?? ''}${why}`, remedy: 'change the manifest, and apply again' };
  }
  return { reason: 'the plan was not approved in time', remedy: 'apply again, and have the plan approved' };
}

/** Returns how a plan differs from the approved one, both of one request: a line for each entity. Orphans may come and go. */
export function changesSinceApproval(approved: Plan, planned: Plan): string[] {
  const approvedById = new Map(approved.entities.map((entity) => [entityId(entity), entity]));
  const ids = new Set(planned.entities.map(entityId));
  const missing = [...approvedById.keys()].filter((id) => !ids.has(id));
  const changes = planned.entities.flatMap((after) => {
    const id = entityId(after);
    const before = approvedById.get(id);
    if (before?.decision.action !== after.decision.action) {
      return [`${id}: approved to ${before?.decision.action ?? 'be left alone'}, now to ${after.decision.action}`];
    }
    if (before.digest === after.digest) return [];
    const approvedDrift = before.decision.drift.map(driftText);
    const newDrift = after.decision.drift.map(driftText).filter((line) => !approvedDrift.includes(line));
    return [`${id} has changed since the plan was approved${newDrift.length === 0 ? '' : `: ${newDrift.join('; ')}`}`];
  });
  return [...changes, ...missing.map((id) => `${id} is gone since the plan was approved`)];
}

/** Returns the digest of a plan. A worker that predates approvals makes plans without one, which must not be written. */
export function digestOf({ digest }: Plan): string {
  if (digest !== undefined) return digest;
  throw ApplicationFailure.nonRetryable(
    `a worker of task queue ${workflowInfo().taskQueue} is too old to plan for an approval: upgrade every worker`,
    'InvalidManifest',
  );
}

/** Returns the problem of a decision, which any client may have sent, in one line. Null if it is valid. */
function findDecisionProblem(decision: unknown): string | null {
  if (typeof decision !== 'object' || decision === null) return 'it is not an object with "plan" and "by"';
  const { plan, by, reason } = decision as Partial<Record<keyof ApprovalDecision, unknown>>;
  if (typeof plan !== 'string' || !PLAN_DIGEST.test(plan)) {
    return '"plan" is not the digest of a plan (sha256: and 64 hexadecimal digits)';
  }
  if (typeof by !== 'string' || by.trim() === '' || by.length > MAX_APPROVER_LENGTH) {
    return `"by" is not a name of 1 to ${String(MAX_APPROVER_LENGTH)} characters`;
  }
  if (reason != null && (typeof reason !== 'string' || reason.length > MAX_REASON_LENGTH)) {
    return `"reason" is not text of at most ${String(MAX_REASON_LENGTH)} characters`;
  }
  return null;
}
