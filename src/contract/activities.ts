import type { DesiredEntity } from './entity.js';
import type { Evidence, EvidenceRequest } from './explain.js';
import type { ReconcileRequest, BootstrapRequest } from './request.js';
import type { Claim, ClaimAnswer } from './revision.js';
import type { Confirmation, Conflict, Decision, WriteRecord } from './report.js';

/** One entity of a plan. */
export interface PlannedEntity {
  readonly kind: string;
  readonly name: string;
  /** Observed where it exists, else as it will be. */
  readonly arn: string;
  readonly decision: Decision;
  /** ID of the reconcile-entity workflow that writes it. */
  readonly workflowId: string;
  /** Positions in {@link Plan.entities} that must have ended well before this one starts. */
  readonly after: readonly number[];
  /** List what is there before the first Create. Default: false. */
  readonly listFirst?: boolean;
  /** Entities that a replacement may be taken off, as `Kind/name`. Default: none. */
  readonly detachable?: readonly string[];
  /** Of a request that asks for approval: stands for the decision and all that it was made from. */
  readonly digest?: string;
}

/** The decisions for a request, in the order of its entities. Holds no documents. */
export interface Plan {
  readonly entities: readonly PlannedEntity[];
  readonly calls: Readonly<Record<string, number>>;
  /** Of a request that asks for approval: `sha256:…` over the request and what the plan means to do. */
  readonly digest?: string;
}

/** What one step of a reconcile-entity workflow did. */
export interface ReconcileStepResult {
  readonly arn: string;
  /** As decided at the moment of writing, from what was there then. */
  readonly decision: Decision;
  /** Set where this step's Create made the entity, with how we know. */
  readonly confirmedBy: Confirmation | null;
  readonly writes: readonly WriteRecord[];
  readonly conflicts: readonly Omit<Conflict, 'resolvedAs'>[];
  /** Whether writes are left for the update step. */
  readonly remaining: boolean;
  readonly attempt: number;
  readonly calls: Readonly<Record<string, number>>;
}

/** Argument of the create step. */
export interface CreateRequest extends ReconcileRequest {
  /** IDs that were there before the first attempt, of what AWS gives no name: what is new is this run's. */
  readonly known?: readonly string[];
}

/** Answer of the listing before a create. */
export interface Listing {
  readonly known: readonly string[];
  readonly calls: Readonly<Record<string, number>>;
}

/** Argument of the update step. */
export interface UpdateRequest extends ReconcileRequest {
  /** The create step has made it: a read that does not show it is behind. */
  readonly made: boolean;
  /** It did so with a reply: its state is known without a read. */
  readonly fresh: boolean;
}

/** Argument of the verify step. */
export interface VerifyRequest {
  readonly request: Pick<BootstrapRequest, 'target' | 'namespace'>;
  readonly entities: readonly DesiredEntity[];
  readonly arns: Readonly<Record<string, string>>;
}

/** Entities that still differ at the end of the propagation window, by position in the request. */
export interface VerifyResult {
  readonly differing: readonly { readonly index: number; readonly decision: Decision }[];
  readonly calls: Readonly<Record<string, number>>;
}

/** Argument of the claim step. */
export interface ClaimRequest extends Claim {
  readonly account: string;
  readonly namespace: string;
}

/** The activities that workflows call. Each is safe to repeat at any point. */
export interface Activities {
  /** Verifies the account, reads it in bulk, decides for each entity. Writes nothing. */
  planEntities(request: BootstrapRequest): Promise<Plan>;
  /** Asks the namespace's ledger whether a manifest of this revision may be applied, and records that it is. */
  claimRevision(request: ClaimRequest): Promise<ClaimAnswer>;
  /** Lists what Creates like this one have made, before the first of this run. IDs only. */
  listCandidates(request: ReconcileRequest): Promise<Listing>;
  /** Creates, or finds out what is there instead. */
  createEntity(request: CreateRequest): Promise<ReconcileStepResult>;
  /** Reads, decides again, and writes what differs. */
  updateEntity(request: UpdateRequest): Promise<ReconcileStepResult>;
  /** Reads, decides again, and removes the entity with what it holds. */
  deleteEntity(request: ReconcileRequest): Promise<ReconcileStepResult>;
  /** Reads until the entities show no drift, or the propagation window ends. */
  verifyEntities(request: VerifyRequest): Promise<VerifyResult>;
  /** Reads the entities and what CloudTrail has of them. Writes nothing. */
  gatherEvidence(request: EvidenceRequest): Promise<Evidence>;
}
