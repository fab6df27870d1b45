/** Task queue that workers poll unless they are told otherwise. */

import type { Target, DesiredEntity, Pipeline } from './entity.js';
import type { EntityReport } from './report.js';
import type { Revision } from './revision.js';

export const DEFAULT_TASK_QUEUE = 'iam-bootstrap';

/** Twelve digits. Neither an account nor a namespace holds a colon: no two pairs of them make the same workflow ID. */
export const ACCOUNT = /^\d{12}$/;

/** A namespace: part of workflow IDs and tag values. */
export const NAMESPACE = /^[a-z0-9][a-z0-9-]{0,62}$/;

/**
 * Entities that one request may have. An entity puts nine events into its run's history at most (its start, its run, its
 * end, and a task of the workflow for two of these), and Temporal ends a workflow by force at 51,200.
 */
export const MAX_ENTITIES = 5000;

/** Temporal's own default, and what each entity adds: the history of a large run takes long to replay on a busy machine. */
export const WORKFLOW_TASK_MS = 10000;
export const WORKFLOW_TASK_MS_PER_ENTITY = 10;

/**
 * How long a worker may take for one workflow task of a bootstrap, in milliseconds: one that takes over from another
 * replays the run from its start, and a task that takes longer is given to somebody else, who starts anew.
 */
export function workflowTaskTimeoutMs(entities: number): number {
  return WORKFLOW_TASK_MS + entities * WORKFLOW_TASK_MS_PER_ENTITY;
}

/** Argument of the bootstrap and plan workflows: everything that a worker needs, and no secret. */
export interface BootstrapRequest {
  readonly version: 1;
  readonly target: Target;
  readonly namespace: string;
  readonly environment: string;
  readonly entities: readonly DesiredEntity[];
  /** `sha256:…` over target, namespace, environment, entities and the options that change what is done. */
  readonly digest: string;
  /** Names this request among all; the same key asks for the same run. */
  readonly key: string;
  readonly pipeline: Pipeline;
  /** Converge what is not refused instead of stopping before the first write. */
  readonly keepGoing: boolean;
  /** The manifest files, for people. */
  readonly manifest: string;
  /** What was asked for, where it is not `apply`: the entities' states say what is done. */
  readonly command?: 'release' | 'destroy';
  /** Where there is something to write, wait for a person who has seen the plan. Default: nobody is asked. */
  readonly approval?: {
    /** How long to wait. In milliseconds, at most {@link MAX_APPROVAL_MS}. */
    readonly timeoutMs: number;
  };
  /** How new it is: one that is older than the last of its source is refused. Default: none, which is not guarded. */
  readonly revision?: Revision;
  /** Apply it even where it is older. Default: false. */
  readonly allowOlder?: boolean;
}

/** What goes from a bootstrap to the reconcile-entity child of one entity. */
export interface ReconcileRequest {
  readonly target: Target;
  readonly namespace: string;
  readonly entity: DesiredEntity;
  /** What the plan decided; the child decides again when it writes. */
  readonly action: EntityReport['decision'];
  /** ARNs of the entities that the spec refers to, by `Kind/name`. */
  readonly arns: Readonly<Record<string, string>>;
  /** Run ID of the bootstrap: the tag by which a Create is known as this run's. */
  readonly intent: string;
  /** The plan's observation is older than another writer's work: read before writing. */
  readonly readFirst: boolean;
  /** List what is there before the first Create: see `CreateRequest.known`. */
  readonly listFirst?: boolean;
  /** Entities of the same request that a replacement may be taken off, as `Kind/name`: they are put back on it after. */
  readonly detachable?: readonly string[];
}

/** What a reconcile-entity child answers. */
export interface ReconcileResult {
  readonly report: EntityReport;
  readonly calls: Readonly<Record<string, number>>;
}

/** Memo of a bootstrap run, readable without decoding its input. */
export interface BootstrapMemo {
  readonly digest: string;
  readonly requestKey: string;
  readonly pipeline: Pipeline;
  readonly manifest: string;
  readonly environment: string;
  /** The digest of the plan that waits for an approval, while one does: clients see it without asking a worker. */
  readonly awaitingApproval?: string;
  readonly revision?: Revision;
  readonly allowOlder?: boolean;
}
