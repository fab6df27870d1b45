/** The two sorts of policies: one says what its entity may do, the other who may use it. */
export type PolicyType = 'identity' | 'trust';

/** One finding of AWS IAM Access Analyzer about a policy. */
export interface PolicyFinding {
  /** AWS's issue code, as in `PASS_ROLE_WITH_STAR_IN_RESOURCE`, {@link NEW_ACCESS} or {@link NOT_CHECKABLE}. */
  readonly code: string;
  /** AWS's class of the finding. Access that is new counts as a security warning. */
  readonly type: 'ERROR' | 'SECURITY_WARNING' | 'WARNING' | 'SUGGESTION';
  readonly message: string;
  /** The position in the document: `Statement[0].Resource`. Empty for the document as a whole. */
  readonly path: string;
  /** AWS's page about the finding. Null where there is none. */
  readonly link: string | null;
}

/** The form of codes, of AWS's own and ours. */
export const FINDING_CODE = /^[A-Z][A-Z0-9_]{0,99}$/;

/** The code of access that the live policy does not allow. AWS has no code for it. */
export const NEW_ACCESS = 'NEW_ACCESS';

/** The code of a policy that Access Analyzer cannot read, whatever IAM does with it. AWS has no code for it. */
export const NOT_CHECKABLE = 'NOT_CHECKABLE';

/** A finding that the manifest declares to be accepted, for one entity. */
export interface FindingSuppression {
  readonly code: string;
  readonly reason: string;
}
