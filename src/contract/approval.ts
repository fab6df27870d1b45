import type { Report } from './report.js';

/** A plan that waits for an approval. */
export interface PendingApproval {
  /** `sha256:…` over the request and all that the plan means to do, and what it was decided from. */
  readonly plan: string;
  /** ISO 8601. */
  readonly openedAt: string;
  readonly expiresAt: string;
  /** The plan, as `plan` would report it. */
  readonly report: Report;
}

/** Updates and signals that answer a gate, both with one {@link ApprovalDecision}. A signal gets no reply. */
export const ApprovalAction = { Approve: 'approve', Reject: 'reject' } as const;
export type ApprovalAction = (typeof ApprovalAction)[keyof typeof ApprovalAction];

/** What an answer carries. */
export interface ApprovalDecision {
  /** The plan that was seen; an answer for another one is refused. */
  readonly plan: string;
  /** Who answers, as they say themselves: at most {@link MAX_APPROVER_LENGTH} characters. */
  readonly by: string;
  /** Why; at most {@link MAX_REASON_LENGTH} characters. */
  readonly reason?: string | null;
}
export const MAX_APPROVER_LENGTH = 200;
export const MAX_REASON_LENGTH = 1000;

/** What is wrong with an answer that another client may have sent, in a line; null where it is one. */
export function approvalDecisionProblem(answer: unknown): string | null {
  if (typeof answer !== 'object' || answer === null) return 'it is no object with "plan" and "by"';
  const { plan, by, reason } = answer as Partial<Record<keyof ApprovalDecision, unknown>>;
  if (typeof plan !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(plan)) {
    return '"plan" is not the digest of a plan, sha256: and 64 digits';
  }
  if (typeof by !== 'string' || by.trim() === '' || by.length > MAX_APPROVER_LENGTH) {
    return `"by" does not say who answers, in 1 to ${String(MAX_APPROVER_LENGTH)} characters`;
  }
  if (reason != null && (typeof reason !== 'string' || reason.length > MAX_REASON_LENGTH)) {
    return `"reason" is no text of at most ${String(MAX_REASON_LENGTH)} characters`;
  }
  return null;
}

/** Why an answer was not taken, as `ApplicationFailure.type` of the update. */
export const ApprovalRefused = {
  /** It is no answer at all. */
  Malformed: 'MalformedDecision',
  /** No gate is open, or not yet. */
  NoPendingApproval: 'NoPendingApproval',
  /** It has been answered; the failure's details hold the {@link Approval}. */
  AlreadyDecided: 'AlreadyDecided',
  /** It is for another plan; the failure's details hold the digest of the one that waits. */
  AnotherPlan: 'AnotherPlan',
} as const;
export type ApprovalRefused = (typeof ApprovalRefused)[keyof typeof ApprovalRefused];

/** The longest wait for an approval: thirty days, in milliseconds. */
export const MAX_APPROVAL_TIMEOUT_MS = 30 * 24 * 3600000;
