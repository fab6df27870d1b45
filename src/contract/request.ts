import type { Target, DesiredEntity, OrphanPolicy, Pipeline } from './entity.js';
import type { Proof } from './identity.js';
import type { DecisionAction, EntityReport } from './report.js';
import type { Revision } from './revision.js';

/** The task queue that workers poll by default. */
export const DEFAULT_TASK_QUEUE = 'iam-bootstrap';

/** An account: twelve digits. Accounts and namespaces contain no colon, so each pair has its own workflow ID. */
export const ACCOUNT = /^\d{12}$/;

/** A namespace: part of workflow IDs and tag values. */
export const NAMESPACE = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** Characters of the name of an environment, at most: as many as a line of a notification has. */
export const MAX_ENVIRONMENT = 300;

/** Characters of each text about the job that a request comes from, at most. */
export const MAX_JOB_TEXT = 2_000;

/** The maximum number of entities in a request: as many as IAM allows roles in an account. */
export const MAX_ENTITIES = 5000;

/**
 * The largest request, compressed. Temporal accepts payloads of up to 2,097,152 bytes, and the verification sends the
 * entities once more, with the ARN of each.
 */
export const MAX_SENT_BYTES = 1_750_000;

/** The time after which a run without progress ends, and an activity that keeps failing is not tried again: an hour. */
export const DEFAULT_TIMEOUT_MS = 3_600_000;

/** Temporal's default timeout of a workflow task. */
export const WORKFLOW_TASK_MS = 10000;
/** The addition for each entity: the history of a large run takes long to replay on a busy machine. */
export const WORKFLOW_TASK_MS_PER_ENTITY = 10;

/**
 * Returns the timeout of a bootstrap's workflow tasks in milliseconds. A worker that takes over replays the run from its
 * start; a task that takes longer goes to another worker, which starts the replay again.
 */
export function workflowTaskTimeoutMs(entities: number): number {
  return WORKFLOW_TASK_MS + entities * WORKFLOW_TASK_MS_PER_ENTITY;
}

/** The argument of the bootstrap and plan workflows: everything that a worker needs, and no secret. */
export interface BootstrapRequest {
  readonly version: 1;
  readonly target: Target;
  readonly namespace: string;
  readonly environment: string;
  readonly entities: readonly DesiredEntity[];
  /** `sha256:…` over target, namespace, environment, entities and the options that change what is done. */
  readonly digest: string;
  /** The unique key of this request; the same key means the same run. */
  readonly key: string;
  readonly pipeline: Pipeline;
  /** Converge the entities that are not refused, instead of stopping before the first write. */
  readonly keepGoing: boolean;
  readonly manifest: string;
  /** Default: report. */
  readonly orphans?: OrphanPolicy;
  /** The command, if it is not `apply`. The states of the entities define what is done. */
  readonly command?: 'release' | 'destroy';
  /** Wait for an approval of the plan before the first write. Default: no approval is required. */
  readonly approval?: {
    /** The maximum wait in milliseconds, at most `MAX_APPROVAL_TIMEOUT_MS`. */
    readonly timeoutMs: number;
  };
  /** The revision of the manifest. An older one than the last of its source is refused. Default: not checked. */
  readonly revision?: Revision;
  readonly allowOlder?: boolean;
  /** See {@link DEFAULT_TIMEOUT_MS}, which is the default. */
  readonly timeoutMs?: number;
  /** Proves who asks, where the worker asks for it. No part of the digest. */
  readonly proof?: Proof;
}

/** One of several entities that follow each other under one name. Null is not known. */
export interface Incarnation {
  /** ISO 8601. */
  readonly createdAt: string | null;
  /** The intent tag. */
  readonly intent: string | null;
}

/** The change that the plan of a run shows for an entity. */
export interface PlannedChange {
  readonly action: DecisionAction;
  /** Short digests of all its lines: drift, removals, and what an adoption or a replacement takes over. */
  readonly lines: readonly string[];
  /** The parts of the entity that are no property of it and that the request does not declare. Missing if unread. */
  readonly holdings?: readonly Holding[];
  /** AWS's ID of the entity that is to be renamed. Missing if the plan found none under its old name. */
  readonly uniqueId?: string;
}

/** Something that belongs to an entity without being a property of it: an access key of a user. */
export interface Holding {
  /** The kind that it would be an entity of. */
  readonly kind: string;
  /** The word in a list: `accessKeys`. */
  readonly label: string;
  /** AWS's ID, or the name. */
  readonly id: string;
}

/** The argument of the reconcile-entity workflow of one entity. */
export interface ReconcileRequest {
  readonly target: Target;
  readonly namespace: string;
  /** The environment of the bootstrap request. Missing in requests of earlier versions. */
  readonly environment?: string;
  readonly entity: DesiredEntity;
  /** The action to take, first that of the plan. An activity decides again when it writes. */
  readonly action: EntityReport['decision'];
  readonly planned: PlannedChange;
  /** The plan was approved: activities refuse what it does not show. Otherwise they report it. */
  readonly approved: boolean;
  /** The ARNs of the entities that the spec refers to, by `Kind/name`. */
  readonly arns: Readonly<Record<string, string>>;
  /** The run ID of the bootstrap, which tags a Create as this run's. */
  readonly intent: string;
  /** The ID of the Temporal namespace, which tags what the run creates or adopts. */
  readonly installation?: string;
  /** See `BootstrapRequest.timeoutMs`. */
  readonly timeoutMs?: number;
  /** Another run wrote the entity after the plan observed it: read before writing. */
  readonly readFirst: boolean;
  /** List existing entities before the first Create: see `CreateRequest.known`. */
  readonly listFirst?: boolean;
  /** ARNs of principals in its trust policy that this run makes, so that IAM may not know them yet. Default: none. */
  readonly newPrincipals?: readonly string[];
  /** The signature of a worker that has planned this. Workers with guardrails require it. */
  readonly permit?: string;
  /** Entities of the request, as `Kind/name`, that a removal may detach it from. */
  readonly detachable?: readonly string[];
}

/** The result of a reconcile-entity workflow. */
export interface ReconcileResult {
  readonly report: EntityReport;
  /** The entity that was deleted. */
  readonly deleted?: Incarnation;
  readonly calls: Readonly<Record<string, number>>;
}

/** The memo of a bootstrap run, which clients read without decoding its input. */
export interface BootstrapMemo {
  readonly digest: string;
  readonly requestKey: string;
  readonly pipeline: Pipeline;
  readonly manifest: string;
  readonly environment: string;
  /** The digest of the plan that waits for an approval. Clients see it without a query to the worker. */
  readonly awaitingApproval?: string;
  readonly revision?: Revision;
  readonly allowOlder?: boolean;
  /** The run that a chain of runs began with. Missing in that run itself. */
  readonly firstRun?: {
    readonly runId: string;
    /** ISO 8601. */
    readonly startedAt: string;
  };
}
