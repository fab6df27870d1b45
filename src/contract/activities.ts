import type { ApprovalRule, SignedDecisionRequest } from './approval.js';
import type { DeclarationChanges, PlannedDeclaration } from './declarations.js';
import type { DriftChanges, FoundCause, RecordDriftRequest } from './drift-record.js';
import type { DesiredEntity } from './entity.js';
import type { Principal, Proof, ProofQuestion, ProofTerms, SignedIdentity } from './identity.js';
import type { EntityClaimChanges, EntityClaimsAnswer } from './entity-claims.js';
import type { BootstrapRequest, Incarnation, PlannedChange, ReconcileRequest } from './request.js';
import type { DeliveryRequest, Notification, RecordOutcomeRequest } from './notification.js';
import type { ReadActivities } from './read-activities.js';
import type { AppliedRevision, Claim, ClaimAnswer } from './revision.js';
import type { PermittedSchedule, SchedulePermitRequest } from './schedule-permit.js';
import type { ScheduledRun } from './schedule.js';
import type { StateActivities } from './state-part.js';
import type { Confirmation, Conflict, Decision, Orphan, OtherManifest, WriteRecord } from './report.js';

/** One entity of a plan. */
export interface PlannedEntity {
  readonly kind: string;
  readonly name: string;
  /** The observed ARN where the entity exists, else the one that it will get. */
  readonly arn: string;
  readonly decision: Decision;
  readonly workflowId: string;
  /** Positions in {@link Plan.entities} that must have converged before this one starts. */
  readonly after: readonly number[];
  /** List what is there before the first Create. Default: false. */
  readonly listFirst?: boolean;
  /** Digests of the lines of its change; see `PlannedChange`. Missing where nothing is written. */
  readonly lines?: readonly string[];
  /** ARNs of principals in its trust policy that the plan creates, itself included. Default: none. */
  readonly newPrincipals?: readonly string[];
  /** See `PlannedChange`. */
  readonly holdings?: PlannedChange['holdings'];
  /** Entities that a removal may be detached from, as `Kind/name`. Default: none. */
  readonly detachable?: readonly string[];
  /** Absent where the ledger stays as it is. */
  readonly claim?: PlannedClaim;
  /** The entities that AWS deletes with it and nobody claims, as `Kind/name`: the run claims them until it ends. Default: none. */
  readonly takes?: readonly string[];
  /** The names that leave the ledgers once the entity is renamed, as `Kind/name`. Missing if there are none. */
  readonly moved?: { readonly declarations: readonly string[]; readonly claims: readonly string[] };
  /** See `PlannedChange`. */
  readonly uniqueId?: string;
  /** Absent where the ledger of the namespace stays as it is. */
  readonly declaration?: PlannedDeclaration;
  /** The worker's signature of what its run may write. Missing where the worker has no guardrails. */
  readonly permit?: string;
  /** Digest of the decision and all that it was made from. Only where the request requires an approval. */
  readonly digest?: string;
}

/** The change of a claim in the account's ledger, for an entity whose kind cannot carry ownership tags. */
export type PlannedClaim =
  /** It claims the entity; `replaces` is the namespace whose claim it may take over. */
  | { readonly is: 'taken'; readonly replaces: string | null }
  /** It drops the claim once the entity has left; `replaces` is the namespace whose claim it takes over before. */
  | { readonly is: 'dropped'; readonly replaces?: string };

/** The decisions for a request, in the order of its entities. Holds no documents. */
export interface Plan {
  /** The decisions for the entities of the request, and then those for {@link released}. */
  readonly entities: readonly PlannedEntity[];
  /** Orphans that the request asks to release or remove. Missing if there are none. */
  readonly released?: readonly DesiredEntity[];
  /** Orphans that are only reported. Missing if there are none. */
  readonly orphans?: readonly Orphan[];
  /** Other manifests of the namespace. Missing if there are none. */
  readonly otherManifests?: readonly OtherManifest[];
  /** `Kind/name` of what the ledger of the namespace knows and the account does not have. Missing if there is nothing. */
  readonly gone?: readonly string[];
  readonly calls: Readonly<Record<string, number>>;
  /** `sha256:…` over the request and what the plan would do. Only where the request requires an approval. */
  readonly digest?: string;
  /** The ID of the worker's Temporal namespace. */
  readonly installation?: string;
  /** `sha256:…` of the guardrails that the plan was checked against. Missing where the worker has none. */
  readonly guardrails?: string;
  /** The identity that asks, as proven. Missing where nothing asks for a proof. */
  readonly requester?: SignedIdentity;
  /** The principal that has started the run. Missing where Temporal records none. */
  readonly principal?: Principal;
  /** The approvals that the guardrails demand. Missing where they demand none. */
  readonly approvalRule?: ApprovalRule;
  /** The worker tells people what becomes of the run. */
  readonly notifies?: true;
  /** A decision about it has to be signed, as its request was. Missing where the worker has no request key. */
  readonly signedDecisions?: true;
  /** The worker's signature that its run may read the account. Missing where the worker has no request key. */
  readonly readPermit?: string;
}

/** The approval of a plan that a worker has verified. */
export interface SignedApproval extends SignedIdentity {
  /** The approvals that are missing after this one. */
  readonly missing: number;
}

/** A plan that was approved, for the activity that plans again before the run writes. */
export interface ApprovedPlan {
  /** Its digest. */
  readonly plan: string;
  readonly requester?: SignedIdentity;
  readonly approvals: readonly SignedIdentity[];
  /** The worker's signature of an approval that was signed with the request key. Missing where none has to be. */
  readonly permit?: string;
}

/** Argument of the activity that verifies the decision of a person. */
export interface VerifyDecisionRequest extends ApprovedPlan {
  readonly request: Pick<BootstrapRequest, 'target' | 'namespace' | 'environment'>;
  readonly verdict: 'approved' | 'rejected';
  readonly proof: Proof;
}

/** Result of one activity of a reconcile-entity workflow. */
export interface ReconcileActivityResult {
  readonly arn: string;
  /** The decision at the moment of writing, made from what AWS showed then. */
  readonly decision: Decision;
  /** The proof that this activity's Create made the entity; null where it did not. */
  readonly confirmedBy: Confirmation | null;
  readonly writes: readonly WriteRecord[];
  readonly conflicts: readonly Omit<Conflict, 'resolvedAs'>[];
  /** The entity that the activity has deleted. */
  readonly deleted?: Incarnation;
  /** Lines of its change that the plan did not show. Missing if there are none. */
  readonly changedSincePlan?: readonly string[];
  /** True where writes are left for the update activity. */
  readonly remaining: boolean;
  readonly attempt: number;
  readonly calls: Readonly<Record<string, number>>;
}

/** Argument of the create activity. */
export interface CreateRequest extends ReconcileRequest {
  /** IDs that existed before the first attempt, for entities that AWS names: a new one is this run's. */
  readonly known?: readonly string[];
  /** The worker's signature of that list. Missing where the worker has no guardrails. */
  readonly knownPermit?: string;
}

/** Result of the listing before a create. */
export interface Listing {
  readonly known: readonly string[];
  /** See {@link CreateRequest.knownPermit}. */
  readonly permit?: string;
  readonly calls: Readonly<Record<string, number>>;
}

/** Argument of the update activity. */
export interface UpdateRequest extends ReconcileRequest {
  /** The create activity has made the entity: a read that does not show it is stale. */
  readonly made: boolean;
  /** AWS replied to that Create, so the state is known without a read. */
  readonly fresh: boolean;
}

/** An entity to verify, as it should be now. */
export interface ExpectedEntity extends DesiredEntity {
  /** The entity that this run has deleted. AWS may show a new one of that name. */
  readonly deleted?: Incarnation;
  /** This run has not written it, so no replica is behind for long. Default: false. */
  readonly isUnwritten?: boolean;
}

/** Argument of the verify activity. */
export interface VerifyRequest {
  readonly request: Pick<BootstrapRequest, 'target' | 'namespace' | 'timeoutMs'>;
  readonly entities: readonly ExpectedEntity[];
  readonly arns: Readonly<Record<string, string>>;
  /** Look once: the run has been cancelled. Default: until AWS shows everything, or the propagation window ends. */
  readonly once?: boolean;
  /** See {@link Plan.readPermit}. */
  readonly permit?: string;
}

/** Argument of the activity that changes the declarations of a namespace. */
export interface DeclareRequest extends DeclarationChanges {
  readonly account: string;
  readonly namespace: string;
}

/** Entities that still differ at the end of the propagation window, by position in the request. */
export interface VerifyResult {
  /** Entities that were deleted, and whose names a new entity has since. Missing if there are none. */
  readonly recreated?: readonly { readonly index: number; readonly owner: string | null }[];
  /** Creation dates of entities without tags that are as declared. Missing if there are none. */
  readonly createdAt?: readonly { readonly index: number; readonly createdAt: string }[];
  /** Entities that AWS did not show as written before the run was cancelled. Missing if there are none. */
  readonly unverified?: readonly number[];
  readonly differing: readonly { readonly index: number; readonly decision: Decision }[];
  readonly calls: Readonly<Record<string, number>>;
}

/** Argument of the claim activity. */
export interface ClaimRequest extends Claim {
  readonly account: string;
  readonly namespace: string;
}

/** Argument of the activity that changes entity claims. */
export interface ClaimEntitiesRequest extends EntityClaimChanges {
  readonly account: string;
}

/** Argument of the activity that looks for the causes of drift. */
export interface DriftCausesRequest {
  readonly scheduled: ScheduledRun;
  readonly entities: DriftChanges['unexplained'];
}

/** Argument of the activity that finds entity runs. */
export interface EntityRunsRequest {
  readonly account: string;
  readonly namespace: string;
  /** The bootstrap run that asks. Its own entity runs are not listed. */
  readonly runId: string;
}

/** A run of the reconcile-entity workflow. */
export interface EntityRun {
  readonly workflowId: string;
  readonly runId: string;
}

/** The start of a run, as Temporal has recorded it. */
export interface RunOrigin {
  /** In milliseconds since 1970, by the server's clock. A run that was reset starts anew. */
  readonly startedAt: number;
  /** The first run of the chain: for a run that was reset, the one before. */
  readonly firstRunId: string;
}

/** Open entity runs of an account. */
export interface FoundEntityRuns {
  /** Runs that an earlier run of the namespace has left behind: it was terminated. */
  readonly earlier: readonly EntityRun[];
  /** Workflow IDs of the runs of other namespaces. */
  readonly others: readonly string[];
}

/** An activity of a run, or of one of its entity runs, that has not ended. */
export interface PendingActivity {
  /** The run that called it. */
  readonly workflowId: string;
  /** Names that run for people. */
  readonly summary: string;
  readonly activityId: string;
  /** An attempt is in progress. Otherwise the activity waits for its next attempt, or for a worker. */
  readonly isStarted: boolean;
  readonly failedAttempts: number;
  /** The failure of the last attempt. Null where none has failed. */
  readonly failure: { readonly type: string | null; readonly message: string } | null;
  /** The number of writes that it has sent. */
  readonly writes: number;
}

/** The activities that workflows call. Each is safe to repeat at any point. */
export interface Activities extends ReadActivities, StateActivities {
  /** Plans a request. An approved plan is made again, by the proofs that were verified for it. */
  planEntities(request: BootstrapRequest, approved?: ApprovedPlan): Promise<Plan>;
  /** Verifies who approves or rejects a plan. */
  verifyDecision(request: VerifyDecisionRequest): Promise<SignedApproval>;
  /** Verifies that a decision about a plan was signed with the request key. Returns {@link ApprovedPlan.permit}, or null. */
  verifySignature(request: SignedDecisionRequest): Promise<string | null>;
  /** Returns what a client needs to prove who it is. */
  proofTerms(question: ProofQuestion): Promise<ProofTerms>;
  /** Lists the open entity runs of an account. */
  findEntityRuns(request: EntityRunsRequest): Promise<FoundEntityRuns>;
  /** Cancels entity runs and waits until they have closed. */
  endEntityRuns(runs: readonly EntityRun[]): Promise<void>;
  /** Lists what the run that asks, and its entity runs, are doing. */
  listPendingActivities(): Promise<readonly PendingActivity[]>;
  claimRevision(request: ClaimRequest): Promise<ClaimAnswer>;
  /** Takes and drops claims on entities without tags in the account's ledger. */
  claimEntities(request: ClaimEntitiesRequest): Promise<EntityClaimsAnswer>;
  /** Changes the declarations in the ledger of a namespace. */
  declareEntities(request: DeclareRequest): Promise<void>;
  listCandidates(request: ReconcileRequest): Promise<Listing>;
  createEntity(request: CreateRequest): Promise<ReconcileActivityResult>;
  updateEntity(request: UpdateRequest): Promise<ReconcileActivityResult>;
  deleteEntity(request: ReconcileRequest): Promise<ReconcileActivityResult>;
  verifyEntities(request: VerifyRequest): Promise<VerifyResult>;
  /** Records the end of a run in the ledger of its namespace. Returns whether it is a change that people must be told. */
  recordOutcome(request: RecordOutcomeRequest): Promise<boolean>;
  /** Returns the names of the channels that take a notification. Empty where the worker tells nobody. */
  notificationChannels(notification: Notification): Promise<readonly string[]>;
  /** Delivers a notification to one channel. Its receiver may see it twice where a reply was lost. */
  deliverNotification(request: DeliveryRequest): Promise<void>;
  /** Permits the runs of a schedule what its maker may do. Null where nobody asks for a proof. */
  permitSchedule(request: SchedulePermitRequest): Promise<PermittedSchedule>;
  /** Returns the last applied revision, where that of a request is another one. Null where it is the same, or there is none. */
  otherRevision(request: BootstrapRequest): Promise<AppliedRevision | null>;
  /** Changes the drift record of an environment, and starts it if it does not run. */
  recordDrift(request: RecordDriftRequest): Promise<DriftChanges>;
  /** Looks for the calls that have caused drift. Those that are not found are left out. */
  findDriftCauses(request: DriftCausesRequest): Promise<readonly FoundCause[]>;
}
