import type { Timestamp } from './entity.js';
import type { Proof } from './identity.js';
import type { Report } from './report.js';

/** The approvals that the guardrails of a worker demand of a plan. */
export interface ApprovalRule {
  readonly count: number;
  /** The identities whose approval counts, for people. */
  readonly by: string;
  readonly notRequester: boolean;
}

/** A plan that waits for an approval. */
export interface PendingApproval {
  /** `sha256:…` over the request, the plan's actions, and the observations that they depend on. */
  readonly plan: string;
  readonly openedAt: Timestamp;
  readonly expiresAt: Timestamp;
  readonly report: Report;
  /** Decisions have to be proven. Missing where they need no proof. */
  readonly rule?: ApprovalRule;
}

/** Names of the updates and signals that decide; both carry one {@link ApprovalDecision}. A signal gets no reply. */
export const ApprovalAction = { Approve: 'approve', Reject: 'reject' } as const;

/** One of {@link ApprovalAction}. */
export type ApprovalAction = (typeof ApprovalAction)[keyof typeof ApprovalAction];

/** A decision about a plan. */
export interface ApprovalDecision {
  /** The digest of the plan that was reviewed; a decision about another one is refused. */
  readonly plan: string;
  /** The approver's name as given, not verified: at most {@link MAX_APPROVER_LENGTH} characters. */
  readonly by: string;
  /** The reason: at most {@link MAX_REASON_LENGTH} characters. */
  readonly reason?: string | null;
  /** Proves who decides, where the worker's guardrails ask for it. */
  readonly proof?: Proof;
}

/** Argument of the activity that verifies the signature of a decision. */
export interface SignedDecisionRequest {
  readonly verdict: 'approved' | 'rejected';
  readonly decision: ApprovalDecision;
}

/** The digest of a plan. */
export const PLAN_DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Characters of an approver's name. */
export const MAX_APPROVER_LENGTH = 200;

/** Characters of a decision's reason. */
export const MAX_REASON_LENGTH = 1000;

/** Reasons for which a decision was refused: the `ApplicationFailure.type` of the update. */
export const ApprovalRefused = {
  Malformed: 'MalformedDecision',
  /** No plan waits for an approval, or not yet. */
  NoPendingApproval: 'NoPendingApproval',
  /** The plan was decided before; the failure's details have the {@link Approval}. */
  AlreadyDecided: 'AlreadyDecided',
  /** The guardrails do not let this identity decide, or it is not proven. */
  NotProven: 'NotProven',
  /** It is about another plan; the failure's details have the digest of the waiting one. */
  AnotherPlan: 'AnotherPlan',
} as const;

/** One of {@link ApprovalRefused}. */
export type ApprovalRefused = (typeof ApprovalRefused)[keyof typeof ApprovalRefused];

/** The wait for an approval that the guardrails demand and the request does not: a day. */
export const DEFAULT_APPROVAL_TIMEOUT_MS = 24 * 3600000;

/** The longest wait for an approval: thirty days. */
export const MAX_APPROVAL_TIMEOUT_MS = 30 * 24 * 3600000;
