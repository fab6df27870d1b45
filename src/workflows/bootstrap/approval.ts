import { ApplicationFailure, CancellationScope, condition, log, setHandler, upsertMemo } from '@temporalio/workflow';
import type { ApprovedPlan, Plan, VerifyDecisionRequest } from '../../contract/activities.js';
import { ApprovalRefused, DEFAULT_APPROVAL_TIMEOUT_MS } from '../../contract/approval.js';
import type { ApprovalDecision, ApprovalRule, PendingApproval } from '../../contract/approval.js';
import type { Identity, SignedIdentity } from '../../contract/identity.js';
import { approveSignal, approveUpdate, rejectSignal, rejectUpdate } from '../../contract/messages.js';
import type { Approval, Report, Verdict } from '../../contract/report.js';
import type { BootstrapMemo, BootstrapRequest } from '../../contract/request.js';
import { AWAITING_APPROVAL } from '../../contract/search-attributes.js';
import { decisionActivities } from '../activities.js';
import type { Cancellation } from '../cancellation.js';
import type { IgnoredSignals } from '../details.js';
import { describeFailure } from '../failures.js';
import { recordWaiting } from '../search-attributes.js';
import { findDecisionProblem } from './decision-problem.js';

const DECISIONS = [
  { update: approveUpdate, signal: approveSignal, verdict: 'approved' },
  { update: rejectUpdate, signal: rejectSignal, verdict: 'rejected' },
] as const;

/** A verdict that a person gives. */
type ProvableVerdict = (typeof DECISIONS)[number]['verdict'];

/** The proofs that a decision about a plan needs. */
interface DecisionTerms {
  readonly rule: ApprovalRule;
  readonly request: VerifyDecisionRequest['request'];
  readonly requester: SignedIdentity | undefined;
}

/**
 * Waits until a person approves or rejects a plan. The first decision that names the plan counts. The validator refuses
 * any other update, which then leaves no trace in the history; other signals are counted and named on the run's page.
 */
export class PlanApproval {
  #requested: PendingApproval | null = null;
  #result: Approval | null;
  #ignored: IgnoredSignals = { count: 0, last: '' };
  /** The proofs that decisions need; undefined where they need none. */
  #terms: DecisionTerms | undefined;
  #proven: readonly SignedIdentity[] = [];
  /** The signature of the worker that has verified the signature of an approval. */
  #permit: string | null = null;
  #isVerifying = false;
  /** The time is over, or the run is cancelled. */
  #isOver = false;
  /** Decisions that were accepted and are not verified yet. */
  #unverified = 0;
  /** A decision has to be signed with the request key. */
  #isSigned = false;
  readonly #request: BootstrapRequest;
  readonly #onChange: () => void;

  /**
   * @param request - the request of the run
   * @param decided - the decision that an earlier run of the chain has waited for; null where there is none
   * @param onChange - called when the run's page has something new to show
   */
  constructor(request: BootstrapRequest, decided: Approval | null, onChange: () => void) {
    this.#request = request;
    this.#result = decided;
    this.#onChange = onChange;
  }

  /** Registers the handlers. Those of signals that came before the run's first step are called at once. */
  listen(): void {
    for (const { update, signal, verdict } of DECISIONS) {
      setHandler(update, (decision) => this.#decide(verdict, decision), {
        validator: (decision) => {
          this.#assertAccepted(decision, this.#isOver);
        },
      });
      // A signal whose payload cannot be decoded fails the workflow task, so only runs that ask for approval take one.
      if (this.#request.approval === undefined) continue;
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

  /** Adds the signals that an earlier run of the chain has ignored. */
  countIgnored({ count, last }: IgnoredSignals): void {
    const { ignored } = this;
    this.#ignored = { count: ignored.count + count, last: ignored.count === 0 ? last : ignored.last };
  }

  /** Returns a plan that was approved, with what workers have verified for it, for the activity that makes it again. */
  approvedPlan({ requester }: Plan, plan: string): ApprovedPlan {
    const permit = this.#permit ?? undefined;
    return { plan, approvals: this.#proven, ...(requester && { requester }), ...(permit && { permit }) };
  }

  /** Asks for an approval of a plan and waits for the decision, the end of the time, or cancellation of the run. */
  async wait(
    { approvalRule: rule, requester, signedDecisions }: Plan,
    plan: string,
    report: Report,
    cancellation: Cancellation,
  ): Promise<Approval> {
    const { target, namespace, environment, approval: asked } = this.#request;
    const timeoutMs = asked?.timeoutMs ?? DEFAULT_APPROVAL_TIMEOUT_MS;
    const terms = rule && { rule, requester, request: { target, namespace, environment } };
    const openedAt = Date.now();
    this.#terms = terms;
    // Where the guardrails say whose token counts, that decides.
    this.#isSigned = signedDecisions === true && terms === undefined;
    const expiresAt = new Date(openedAt + timeoutMs).toISOString();
    this.#requested = {
      plan,
      report,
      openedAt: new Date(openedAt).toISOString(),
      expiresAt,
      ...(rule === undefined ? {} : { rule }),
    };
    log.info('Approval requested', { plan, expiresAt });
    recordPending(plan);
    this.#onChange();
    const isInTime = await condition(() => this.#result !== null || cancellation.isRequested(), timeoutMs);
    // Later decisions are refused before they are accepted: no client holds the lock of the namespace by sending them.
    this.#isOver = true;
    // A decision that came in time counts, however long its verification takes.
    if (this.#unverified > 0) await condition(() => this.#unverified === 0);
    const approval = this.#result ?? this.#close(isInTime ? 'cancelled' : 'expired', null);
    recordPending(null);
    return approval;
  }

  #handleSignal(name: string, verdict: Verdict, decision: unknown): void {
    try {
      this.#assertAccepted(decision, this.#isOver);
      if (this.#terms !== undefined || this.#isSigned) {
        const message = 'a proven decision is sent as an update, which tells whether it counts';
        throw ApplicationFailure.nonRetryable(message, ApprovalRefused.NotProven);
      }
    } catch (error) {
      if (!(error instanceof ApplicationFailure)) throw error;
      log.warn('Signal ignored', { signal: name, reason: error.message });
      this.#ignored = { count: this.#ignored.count + 1, last: `${name}: ${error.message}` };
      this.#onChange();
      return;
    }
    this.#close(verdict, decision);
  }

  /** Takes a decision that was accepted. It counts at once where nobody has to prove who decides. */
  #decide(verdict: ProvableVerdict, decision: ApprovalDecision): Approval | Promise<Approval> {
    const terms = this.#terms;
    if (terms !== undefined) return this.#inTurn(decision, () => this.#prove(verdict, decision, terms));
    if (this.#isSigned) return this.#inTurn(decision, () => this.#checkSignature(verdict, decision));
    return this.#close(verdict, decision);
  }

  /** Verifies one decision at a time, since each counts those before it and may be the last. */
  async #inTurn(decision: ApprovalDecision, verify: () => Promise<Approval>): Promise<Approval> {
    this.#unverified += 1;
    try {
      // Several decisions may wake at once.
      while (this.#isVerifying) await condition(() => !this.#isVerifying);
      this.#isVerifying = true;
      try {
        this.#assertAccepted(decision);
        return await verify();
      } finally {
        this.#isVerifying = false;
      }
    } finally {
      this.#unverified -= 1;
    }
  }

  /** Has a worker verify who decides. */
  async #prove(verdict: ProvableVerdict, decision: ApprovalDecision, terms: DecisionTerms): Promise<Approval> {
    const { plan, proof = {} } = decision;
    const { request, requester } = terms;
    const asked = requester === undefined ? {} : { requester };
    const sent = { request, plan, verdict, proof, approvals: this.#proven, ...asked };
    const { missing, ...approval } = await this.#verified(decision, () => decisionActivities.verifyDecision(sent));
    if (verdict === 'rejected') return this.#close(verdict, decision, [approval.identity]);
    this.#proven = [...this.#proven, approval];
    const approvers = this.#proven.map(({ identity }) => identity);
    if (missing === 0) return this.#close(verdict, decision, approvers);
    log.info('Approval counted', { plan, missing });
    this.#onChange();
    return { ...this.#resultOf(verdict, decision, approvers), missing };
  }

  /** Has a worker verify that a decision was signed. The first one that was counts. */
  async #checkSignature(verdict: ProvableVerdict, decision: ApprovalDecision): Promise<Approval> {
    this.#permit = await this.#verified(decision, () => decisionActivities.verifySignature({ verdict, decision }));
    return this.#close(verdict, decision);
  }

  async #verified<T>(decision: ApprovalDecision, verify: () => Promise<T>): Promise<T> {
    let result: T;
    try {
      result = await CancellationScope.nonCancellable(verify);
    } catch (error) {
      const reason = describeFailure(error)?.reason ?? 'it was not verified in time: send it again';
      throw ApplicationFailure.nonRetryable(`the decision does not count: ${reason}`, ApprovalRefused.NotProven);
    }
    this.#assertAccepted(decision);
    return result;
  }

  #close(verdict: Verdict, decision: ApprovalDecision | null, approvers?: readonly Identity[]): Approval {
    this.#result = this.#resultOf(verdict, decision, approvers);
    const { plan, by, reason } = this.#result;
    log.info(`Plan ${verdict}`, { plan, by, reason });
    this.#onChange();
    return this.#result;
  }

  #resultOf(verdict: Verdict, decision: ApprovalDecision | null, approvers?: readonly Identity[]): Approval {
    const { plan, openedAt } = this.#requested ?? { plan: '', openedAt: '' };
    const [by, reason] = [decision?.by ?? null, decision?.reason ?? null];
    return { plan, verdict, by, ...(approvers && { approvers }), reason, openedAt, at: new Date().toISOString() };
  }

  /** Refuses a decision that is malformed, too late, or for another plan. */
  #assertAccepted(decision: unknown, isLate = false): asserts decision is ApprovalDecision {
    const problem = findDecisionProblem(decision);
    if (problem !== null) throw ApplicationFailure.nonRetryable(problem, ApprovalRefused.Malformed);
    if (this.#result !== null) {
      const { verdict, by } = this.#result;
      const message = `the plan is already ${verdict}${by === null ? '' : ` by ${by}`}`;
      throw ApplicationFailure.nonRetryable(message, ApprovalRefused.AlreadyDecided, this.#result);
    }
    if (this.#requested === null || isLate) {
      const message = 'no plan of this run waits for an approval';
      throw ApplicationFailure.nonRetryable(message, ApprovalRefused.NoPendingApproval);
    }
    if ((decision as ApprovalDecision).plan !== this.#requested.plan) {
      const message = `another plan waits for an approval: ${this.#requested.plan}`;
      throw ApplicationFailure.nonRetryable(message, ApprovalRefused.AnotherPlan, this.#requested.plan);
    }
    if (this.#terms !== undefined && (decision as ApprovalDecision).proof?.token === undefined) {
      const message = `a decision about this plan needs an OIDC token: only that of ${this.#terms.rule.by} counts`;
      throw ApplicationFailure.nonRetryable(message, ApprovalRefused.NotProven);
    }
  }
}

/** Records in memo and search attributes which plan waits; null once none does. */
function recordPending(plan: string | null): void {
  upsertMemo({ awaitingApproval: plan } satisfies Record<keyof Pick<BootstrapMemo, 'awaitingApproval'>, unknown>);
  recordWaiting(plan === null ? null : AWAITING_APPROVAL);
}
