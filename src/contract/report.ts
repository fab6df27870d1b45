import type { DeclaringManifest, LastDeclaration } from './declarations.js';
import type { DesiredEntity, Json, Pipeline, Timestamp } from './entity.js';
import type { Identity, Principal } from './identity.js';
import type { AppliedRevision, Revision } from './revision.js';

/** The planned action for an entity. */
export type DecisionAction = 'create' | 'adopt' | 'update' | 'replace' | 'release' | 'delete' | 'no-op' | 'refuse';

/** The results for an entity. */
export const OUTCOMES = [
  'created',
  'adopted',
  'updated',
  'replaced',
  'released',
  'deleted',
  'unchanged',
  'refused',
  'failed',
  'cancelled',
  'skipped',
  'pending',
] as const;
/** The result for an entity. */
export type Outcome = (typeof OUTCOMES)[number];

/** The proof that a Create was ours. `unconfirmed`: the entity exists, and nothing proves who created it. */
export type Confirmation = 'reply' | 'intent-tag' | 'recorded-attempt' | 'unconfirmed';

/** One difference between desired and observed state. Values are cut: a report contains no documents. */
export interface Drift {
  /** The property path in the manifest: `inlinePolicies.state.Statement[Sid=Read].Action`. */
  readonly path: string;
  readonly observed: Json;
  readonly desired: Json;
  /** A line for people, if the values alone do not explain the difference. */
  readonly summary?: string;
  /** AWS has no call that changes it. Only `replace: true` allows to delete the entity and create it again. */
  readonly immutable?: boolean;
}

/** One write that AWS accepted. `requestId` is null if the reply was lost. */
export interface WriteRecord {
  readonly operation: string;
  readonly requestId: string | null;
  readonly at: Timestamp;
}

/** A Create that AWS answered with "already exists", and the result. */
export interface Conflict {
  readonly operation: string;
  readonly code: string;
  readonly requestId: string | null;
  readonly resolvedAs: Outcome;
}

/** A call that AWS refused: it denied it, does not know it, or does not take its input. */
export interface RefusedCall {
  /** Null where it is not known. */
  readonly operation: string | null;
  readonly code: string;
  readonly requestId: string | null;
  /**
   * The action that the plan takes once the entities that this one depends on can be read. Missing if this entity itself
   * could not be read.
   */
  readonly waiting?: DecisionAction;
}

/** The decision about an entity, in the plan and in the report. */
export interface Decision {
  readonly action: DecisionAction;
  readonly drift: readonly Drift[];
  /** Content that is not declared and is kept: `managedPolicyArns: arn:…`. Content to remove is drift. */
  readonly unmanaged: readonly string[];
  /** Differences without an effect, as in the Sid of a statement: never a reason for a write. Missing if there are none. */
  readonly cosmetic?: readonly string[];
  readonly reason: string | null;
  readonly remedy: string | null;
  /** Grants that widen access, as `PROPERTY: text`. Missing if there are none. */
  readonly warnings?: readonly string[];
  /** Findings of Access Analyzer that the manifest suppresses, as `PROPERTY: CODE: reason`. Missing if there are none. */
  readonly suppressed?: readonly string[];
  /** Omitted lines of drift, unmanaged, suppressed and warnings. */
  readonly omittedLines?: number;
  /** See {@link EntityReport.unread}. The action is then `refuse`. */
  readonly unread?: RefusedCall;
}

/** One entity of a report. */
export interface EntityReport {
  readonly kind: string;
  readonly name: string;
  readonly arn: string | null;
  readonly decision: DecisionAction;
  readonly outcome: Outcome;
  readonly confirmedBy: Confirmation | null;
  readonly drift: readonly Drift[];
  /**
   * Everything that a created entity has, and what another one gains: `inlinePolicies.state: Allow s3:GetObject on *`,
   * `maxSessionDuration: 7200`. Empty where nothing is written.
   */
  readonly grants: readonly string[];
  /** Grants that widen access, as `PROPERTY: text`. */
  readonly warnings: readonly string[];
  /** Findings of Access Analyzer that the manifest suppresses, as `PROPERTY: CODE: reason`. Missing if there are none. */
  readonly suppressed?: readonly string[];
  readonly unmanaged: readonly string[];
  /** Differences without an effect, as in the Sid of a statement: never a reason for a write. Missing if there are none. */
  readonly cosmetic?: readonly string[];
  readonly writes: readonly WriteRecord[];
  readonly conflicts: readonly Conflict[];
  readonly reason: string | null;
  readonly remedy: string | null;
  readonly attempts: number;
  /** The action of the plan, where another one was decided when the entity was written. */
  readonly planned?: DecisionAction;
  /** Changes by other callers to an entity that this run found as declared and did not write. Missing if there are none. */
  readonly changedSince?: readonly string[];
  /** The entity was refused or had failed before another request joined the run: for that request it may have changed. */
  readonly beforeJoin?: true;
  /** Changes that were due when the entity was written, and that the plan had not shown. Missing if there are none. */
  readonly changedSincePlan?: readonly string[];
  /** Writes of an entity that failed or was cancelled, as far as AWS has not confirmed them: they are left to do. Missing if there are none. */
  readonly remainingWrites?: readonly string[];
  /** Omitted lines of drift, grants, unmanaged, suppressed, warnings and writes: the complete report would be too large. */
  readonly omittedLines?: number;
  readonly source?: DesiredEntity['source'];
  /** The call without which the entity, or one that it needs, could not be read: it has failed, and counts neither as missing nor as unchanged. Missing if it was read. */
  readonly unread?: RefusedCall;
  /** The manifest does not declare it any more: it is released or deleted as an orphan. */
  readonly orphan?: true;
}

/** The orphan: an entity that the namespace owns and that no manifest declares any more. It is reported and kept. */
export interface Orphan {
  readonly kind: string;
  readonly name: string;
  /** Null where this run has not read it. */
  readonly arn: string | null;
  /** The sources that show that it is the namespace's. */
  readonly foundBy: readonly ('tags' | 'ledger')[];
  /** Null where nothing shows it. */
  readonly origin: 'created' | 'adopted' | null;
  /** Null where the ledger does not know it: another manifest of the namespace may declare it. */
  readonly declaredBy: LastDeclaration | null;
  /** The text for people. */
  readonly reason: string;
}

/** The other manifest or environment of the namespace, as its ledger knows it. Its entities are no orphans. */
export interface OtherManifest extends DeclaringManifest {
  /** The number of entities that it declared last. */
  readonly entities: number;
}

/** The result of a run. */
export type ReportResult = 'converged' | 'pending' | 'refused' | 'failed' | 'busy' | 'cancelled';

/** The number of entities by outcome, and the number of conflicts. */
export type Summary = Readonly<Record<Outcome | 'conflicts', number>>;

/** The end of an approval. */
export type Verdict = 'approved' | 'rejected' | 'expired' | 'cancelled';

/** The decision about the plan of a run that required an approval. */
export interface Approval {
  readonly plan: string;
  readonly verdict: Verdict;
  /** The approver's name as given. Null if no one decided. */
  readonly by: string | null;
  /** The identities that approved, as proven. Missing where the guardrails ask for no proof. */
  readonly approvers?: readonly Identity[];
  /** The approvals that the plan still needs. Missing where it needs none. */
  readonly missing?: number;
  readonly reason: string | null;
  readonly openedAt: Timestamp;
  readonly at: Timestamp;
}

/** The result of `plan`, `apply`, `release` and `destroy`: versioned, described by `schema/report.schema.json`. */
export interface Report {
  readonly version: 2;
  readonly command: 'plan' | 'apply' | 'release' | 'destroy';
  readonly result: ReportResult;
  readonly account: string;
  readonly partition: string;
  readonly namespace: string;
  readonly environment: string;
  /** `sha256:…` of the request. Equal digests request the same. */
  readonly digest: string;
  readonly request: { readonly key: string; readonly pipeline: Pipeline };
  /** The revision of the manifest, and the last one applied before it, once known. Missing if there is none. */
  readonly revision?: Revision & { readonly last?: AppliedRevision | null };
  readonly workflow: { readonly workflowId: string; readonly runId: string; readonly url: string | null };
  /** `sha256:…` of the guardrails file that the plan was checked against. Missing where the worker has none. */
  readonly guardrails?: string;
  /** The identity that asked, as proven. Missing where the guardrails ask for no proof: then all that `request` tells is claimed. */
  readonly requester?: Identity;
  /** The client that started the run, as Temporal has authenticated it. Missing where the server records none. */
  readonly principal?: Principal;
  readonly entities: readonly EntityReport[];
  /** The entities that the namespace owns and the manifest does not declare any more. Missing if there are none. */
  readonly orphans?: readonly Orphan[];
  /** Other manifests of the namespace in the account. Missing if there are none. */
  readonly otherManifests?: readonly OtherManifest[];
  readonly summary: Summary;
  /** Calls to AWS on the wire; each attempt counts. */
  readonly apiCalls: { readonly total: number; readonly byOperation: Readonly<Record<string, number>> };
  readonly startedAt: Timestamp;
  readonly durationMs: number;
  /** The reason that the run ended, if no single entity explains it. */
  readonly reason: string | null;
  readonly remedy: string | null;
  readonly approval?: Approval;
}
