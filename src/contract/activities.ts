import type { DesiredEntity } from './entity.js';
import type { EntityClaimChanges, EntityClaimsAnswer } from './entity-claims.js';
import type { Evidence, EvidenceRequest } from './explain.js';
import type { BootstrapRequest, Incarnation, ReconcileRequest } from './request.js';
import type { Claim, ClaimAnswer } from './revision.js';
import type { Confirmation, Conflict, Decision, WriteRecord } from './report.js';

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
  /** Entities that a removal may be detached from, as `Kind/name`. Default: none. */
  readonly detachable?: readonly string[];
  /** Absent where the ledger stays as it is. */
  readonly claim?: PlannedClaim;
  /** Digest of the decision and all that it was made from. Only where the request requires an approval. */
  readonly digest?: string;
}

/** The change of a claim in the account's ledger, for an entity whose kind cannot carry ownership tags. */
export type PlannedClaim =
  /** It claims the entity; `replaces` is the namespace whose claim it may take over. */
  | { readonly is: 'taken'; readonly replaces: string | null }
  /** It drops its claim once the entity has left the namespace. */
  | { readonly is: 'dropped' };

/** The decisions for a request, in the order of its entities. Holds no documents. */
export interface Plan {
  readonly entities: readonly PlannedEntity[];
  readonly calls: Readonly<Record<string, number>>;
  /** `sha256:…` over the request and what the plan would do. Only where the request requires an approval. */
  readonly digest?: string;
  /** The ID of the worker's Temporal namespace. */
  readonly installation?: string;
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
}

/** Result of the listing before a create. */
export interface Listing {
  readonly known: readonly string[];
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
}

/** Entities that still differ at the end of the propagation window, by position in the request. */
export interface VerifyResult {
  /** Entities that were deleted, and whose names a new entity has since. Missing if there are none. */
  readonly recreated?: readonly { readonly index: number; readonly owner: string | null }[];
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

/** Open entity runs of an account. */
export interface FoundEntityRuns {
  /** Runs that an earlier run of the namespace has left behind: it was terminated. */
  readonly earlier: readonly EntityRun[];
  /** Workflow IDs of the runs of other namespaces. */
  readonly others: readonly string[];
}

/** The activities that workflows call. Each is safe to repeat at any point. */
export interface Activities {
  planEntities(request: BootstrapRequest): Promise<Plan>;
  /** Lists the open entity runs of an account. */
  findEntityRuns(request: EntityRunsRequest): Promise<FoundEntityRuns>;
  /** Cancels entity runs and waits until they have closed. */
  endEntityRuns(runs: readonly EntityRun[]): Promise<void>;
  claimRevision(request: ClaimRequest): Promise<ClaimAnswer>;
  /** Takes and drops claims on entities without tags in the account's ledger. */
  claimEntities(request: ClaimEntitiesRequest): Promise<EntityClaimsAnswer>;
  listCandidates(request: ReconcileRequest): Promise<Listing>;
  createEntity(request: CreateRequest): Promise<ReconcileActivityResult>;
  updateEntity(request: UpdateRequest): Promise<ReconcileActivityResult>;
  deleteEntity(request: ReconcileRequest): Promise<ReconcileActivityResult>;
  verifyEntities(request: VerifyRequest): Promise<VerifyResult>;
  gatherEvidence(request: EvidenceRequest): Promise<Evidence>;
}
