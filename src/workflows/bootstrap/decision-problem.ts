import { MAX_APPROVER_LENGTH, MAX_REASON_LENGTH, PLAN_DIGEST } from '../../contract/approval.js';
import type { ApprovalDecision } from '../../contract/approval.js';
import { decisionProof as proofShape } from '../../contract/request-shapes.js';

/** Returns the problem of a decision, which any client may have sent, in one line. Null if it is valid. */
export function findDecisionProblem(decision: unknown): string | null {
  if (typeof decision !== 'object' || decision === null) return 'it is not an object with "plan" and "by"';
  const { plan, by, reason, proof } = decision as Partial<Record<keyof ApprovalDecision, unknown>>;
  if (typeof plan !== 'string' || !PLAN_DIGEST.test(plan)) {
    return '"plan" is not the digest of a plan (sha256: and 64 hexadecimal digits)';
  }
  if (typeof by !== 'string' || by.trim() === '' || by.length > MAX_APPROVER_LENGTH) {
    return `"by" is not a name of 1 to ${String(MAX_APPROVER_LENGTH)} characters`;
  }
  const problem = proofShape(proof, 'proof');
  if (problem !== null) return problem;
  if (reason != null && (typeof reason !== 'string' || reason.length > MAX_REASON_LENGTH)) {
    return `"reason" is not text of at most ${String(MAX_REASON_LENGTH)} characters`;
  }
  return null;
}
