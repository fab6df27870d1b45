import type { DesiredEntity, Pipeline, Target } from './entity.js';
import type { EntityReport, Outcome } from './report.js';
import type { Revision } from './revision.js';
import { MAX_WORKFLOW_ID_LENGTH } from './entity.js';

/** Task queue that workers poll unless they are told otherwise. */
export const DEFAULT_TASK_QUEUE = 'iam-bootstrap';

/** Twelve digits. Neither an account nor a namespace holds a colon: no two pairs of them make the same workflow ID. */
export const ACCOUNT = /^\d{12}$/;

/** A namespace: part of workflow IDs and tag values. */
export const NAMESPACE = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** Workflow types, as `temporal workflow start --type` takes them. */
export const WorkflowType = {
  Bootstrap: 'bootstrap',
  Ledger: 'ledger',
  Plan: 'plan',
  ReconcileEntity: 'reconcileEntity',
} as const;

/**
 * Entities that one request may have. An entity puts nine events into its run's history at most (its start, its run, its
 * end, and a task of the workflow for two of these), and Temporal ends a workflow by force at 51,200.
 */
export const MOST_ENTITIES = 5_000;

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
  /** How new it is: one that is older than the last of its source is refused. Default: none, which is not guarded. */
  readonly revision?: Revision;
  /** Apply it even where it is older. Default: false. */
  readonly allowOlder?: boolean;
}

/** Update by which a run asks the ledger of its namespace whether it may write. */
export const CLAIM_UPDATE = 'claim';

/** Query that a running bootstrap answers. Do not send it to a closed run: the worker would replay its history. */
export const PROGRESS_QUERY = 'progress';

/** Query for the report of a run that was cancelled: such a run ends without a result. Null while it is open. */
export const REPORT_QUERY = 'report';

export type Phase = 'planning' | 'reconciling' | 'verifying' | 'done';

/** State of one entity on its way. */
export type EntityState =
  | 'planned'
  | 'waiting'
  | 'observing'
  | 'creating'
  | 'adopting'
  | 'converging'
  | 'replacing'
  | 'releasing'
  | 'deleting'
  | 'verifying'
  | Outcome;

/** Answer of {@link PROGRESS_QUERY}. */
export interface Progress {
  readonly phase: Phase;
  /** Entities that have ended, of all that are declared. */
  readonly done: number;
  readonly total: number;
  /** Only entities with something to do, or that have ended badly; at most {@link PROGRESS_LIMIT}. */
  readonly entities: readonly { readonly kind: string; readonly name: string; readonly state: EntityState }[];
  /** What the run waits for, in a line, or null. */
  readonly waitingFor: string | null;
}
export const PROGRESS_LIMIT = 200;

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
  readonly revision?: Revision;
  readonly allowOlder?: boolean;
}

/** Search attributes, registered by `dev`, `doctor` and compose. The engine works without them. */
export const SEARCH_ATTRIBUTES = [
  { name: 'IamAccount', type: 'Keyword' },
  { name: 'IamNamespace', type: 'Keyword' },
  { name: 'IamEntity', type: 'Keyword' },
  { name: 'IamOutcome', type: 'Keyword' },
  { name: 'IamConflicts', type: 'Int' },
] as const;

/** ID of the bootstrap workflow: one writer for each namespace of an account. */
export function bootstrapWorkflowId(account: string, namespace: string): string {
  return `iam-bootstrap:${account}:${namespace}`;
}

/** ID of the workflow that remembers which revisions a namespace was given. */
export function ledgerWorkflowId(account: string, namespace: string): string {
  return `iam-bootstrap-ledger:${account}:${namespace}`;
}

/** ID of a plan workflow; it takes no lock, so the request's key sets it apart. */
export function planWorkflowId(account: string, namespace: string, key: string): string {
  return `iam-bootstrap-plan:${account}:${namespace}:${key}`;
}

/**
 * ID of the reconcile-entity workflow: one writer for each entity, across namespaces.
 * A key that would make the ID longer than {@link MAX_WORKFLOW_ID_LENGTH} keeps its head and ends in a digest.
 *
 * @param digest - a hash function; workflow code has none, so the plan activity makes these IDs
 */
export function entityWorkflowId(
  account: string,
  entity: { readonly kind: string; readonly name: string },
  digest: (text: string) => string,
): string {
  const key = entity.name.toLowerCase();
  const id = `iam:${account}:${entity.kind}:${key}`;
  if (id.length <= MAX_WORKFLOW_ID_LENGTH) return id;
  const mark = `~${digest(key).slice(0, 16)}`;
  return id.slice(0, MAX_WORKFLOW_ID_LENGTH - mark.length) + mark;
}
