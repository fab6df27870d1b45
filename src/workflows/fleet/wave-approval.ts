import { ApplicationFailure, CancellationScope, condition, log, setHandler } from '@temporalio/workflow';
import { ApprovalRefused, DEFAULT_APPROVAL_TIMEOUT_MS } from '../../contract/approval.js';
import type { ApprovalDecision, SignedDecisionRequest } from '../../contract/approval.js';
import type { PendingWave } from '../../contract/fleet-progress.js';
import { approveUpdate, rejectUpdate, waveApprovalQuery } from '../../contract/messages.js';
import type { Approval, Verdict } from '../../contract/report.js';
import { decisionActivities } from '../activities.js';
import { findDecisionProblem } from '../bootstrap/decision-problem.js';
import type { Cancellation } from '../cancellation.js';
import { describeFailure } from '../failures.js';
import { recordWaiting } from '../search-attributes.js';
import { AWAITING_APPROVAL } from '../../contract/search-attributes.js';

const DECISIONS = [
  { update: approveUpdate, verdict: 'approved' },
  { update: rejectUpdate, verdict: 'rejected' },
] as const;

/** A wave that is about to be asked for. */
export type AskedWave = Pick<PendingWave, 'plan' | 'wave' | 'accounts' | 'report'>;

/** Waits between two waves until a person approves the next one. The first decision that names the wave counts. */
export class WaveApproval {
  #pending: PendingWave | null = null;
  #result: Approval | null = null;
  /** Decisions whose signature is not verified yet. */
  #unverified = 0;
  readonly #isSigned: () => boolean;

  /**
   * Registers the handlers.
   *
   * @param isSigned - reports whether decisions have to be signed with the request key
   */
  constructor(isSigned: () => boolean) {
    this.#isSigned = isSigned;
    setHandler(waveApprovalQuery, () => this.pending);
    for (const { update, verdict } of DECISIONS) {
      setHandler(update, (decision) => this.#decide(verdict, decision), {
        validator: (decision) => {
          this.#assertAccepted(decision);
        },
      });
    }
  }

  /** The wave that waits; null while none does. */
  get pending(): PendingWave | null {
    return this.#result === null ? this.#pending : null;
  }

  /** Asks for an approval of a wave and waits for the decision, the end of the time, or cancellation of the run. */
  async wait(asked: AskedWave, cancellation: Cancellation, onAsked: (pending: PendingWave) => void): Promise<Approval> {
    const now = Date.now();
    const expiresAt = new Date(now + DEFAULT_APPROVAL_TIMEOUT_MS).toISOString();
    this.#result = null;
    this.#pending = { ...asked, openedAt: new Date(now).toISOString(), expiresAt };
    log.info('Approval of a wave requested', { wave: asked.wave, plan: asked.plan, expiresAt });
    recordWaiting(AWAITING_APPROVAL);
    onAsked(this.#pending);
    const isDecided = (): boolean => this.#result !== null || cancellation.isRequested();
    const isInTime = await condition(isDecided, DEFAULT_APPROVAL_TIMEOUT_MS);
    // A decision that came in time counts.
    if (this.#unverified > 0) await condition(() => this.#unverified === 0);
    recordWaiting(null);
    return this.#decision() ?? this.#close(isInTime ? 'cancelled' : 'expired', null);
  }

  #decide(verdict: SignedDecisionRequest['verdict'], decision: ApprovalDecision): Approval | Promise<Approval> {
    return this.#isSigned() ? this.#checkSignature(verdict, decision) : this.#close(verdict, decision);
  }

  /** Has a worker verify that a decision was signed. The first one that was counts. */
  async #checkSignature(verdict: SignedDecisionRequest['verdict'], decision: ApprovalDecision): Promise<Approval> {
    this.#unverified += 1;
    try {
      await CancellationScope.nonCancellable(() => decisionActivities.verifySignature({ verdict, decision }));
    } catch (error) {
      const reason = describeFailure(error)?.reason ?? 'it was not verified in time: send it again';
      throw ApplicationFailure.nonRetryable(`the decision does not count: ${reason}`, ApprovalRefused.NotProven);
    } finally {
      this.#unverified -= 1;
    }
    this.#assertAccepted(decision);
    return this.#close(verdict, decision);
  }

  /** Returns the decision, if one was made while the run waited. */
  #decision(): Approval | null {
    return this.#result;
  }

  #close(verdict: Verdict, decision: ApprovalDecision | null): Approval {
    const { plan = '', openedAt = '' } = this.#pending ?? {};
    const [by, reason] = [decision?.by ?? null, decision?.reason ?? null];
    this.#result = { plan, verdict, by, reason, openedAt, at: new Date().toISOString() };
    log.info(`Wave ${verdict}`, { plan, by, reason });
    return this.#result;
  }

  /** Refuses a decision that is malformed, too late, or for another wave. */
  #assertAccepted(decision: unknown): asserts decision is ApprovalDecision {
    const problem = findDecisionProblem(decision);
    if (problem !== null) throw ApplicationFailure.nonRetryable(problem, ApprovalRefused.Malformed);
    if (this.#pending === null) {
      throw ApplicationFailure.nonRetryable('no wave waits for an approval', ApprovalRefused.NoPendingApproval);
    }
    if ((decision as ApprovalDecision).plan !== this.#pending.plan) {
      const message = `another wave waits for an approval: ${this.#pending.plan}`;
      throw ApplicationFailure.nonRetryable(message, ApprovalRefused.AnotherPlan, this.#pending.plan);
    }
    if (this.#result !== null) {
      const message = `the wave is ${this.#result.verdict} already`;
      throw ApplicationFailure.nonRetryable(message, ApprovalRefused.AlreadyDecided, this.#result);
    }
  }
}

/** The hexadecimal digits at the end of what names a wave: those of its run, and of the wave. */
const [RUN_DIGITS, WAVE_DIGITS] = [32, 4];

/**
 * Returns what names a wave in a decision, so that a decision counts for this wave of this run alone: the digest of the
 * request, in which the ID of the run and the wave take the place of the end.
 */
export function waveDigest(digest: string, runId: string, wave: number): string {
  const run = runId.replaceAll('-', '').padStart(RUN_DIGITS, '0');
  return digest.slice(0, -(RUN_DIGITS + WAVE_DIGITS)) + run + wave.toString(16).padStart(WAVE_DIGITS, '0');
}
