import type { DesiredEntity, Pipeline, Target } from './entity.js';
import type { DecisionAction, EntityReport, Outcome, Report } from './report.js';
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
  Explain: 'explain',
  Ledger: 'ledger',
  Plan: 'plan',
  ReconcileEntity: 'reconcileEntity',
} as const;

/**
 * Entities that one request may have. An entity puts nine events into its run's history at most (its start, its run, its
 * end, and a task of the workflow for two of these), and Temporal ends a workflow by force at 51,200.
 */
export const MOST_ENTITIES = 5_000;

/** Temporal's own default, and what each entity adds: the history of a large run takes long to replay on a busy machine. */
const WORKFLOW_TASK_MS = 10_000;
const WORKFLOW_TASK_MS_PER_ENTITY = 10;

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
    /** How long to wait. In milliseconds, at most {@link LONGEST_APPROVAL_MS}. */
    readonly timeoutMs: number;
  };
  /** How new it is: one that is older than the last of its source is refused. Default: none, which is not guarded. */
  readonly revision?: Revision;
  /** Apply it even where it is older. Default: false. */
  readonly allowOlder?: boolean;
}

/** The longest wait for an approval: thirty days, in milliseconds. */
export const LONGEST_APPROVAL_MS = 30 * 24 * 3_600_000;

/** Update by which a run asks the ledger of its namespace whether it may write. */
export const CLAIM_UPDATE = 'claim';

/** Query that a running bootstrap answers. Do not send it to a closed run: the worker would replay its history. */
export const PROGRESS_QUERY = 'progress';

/** Query for the report of a run that was cancelled: such a run ends without a result. Null while it is open. */
export const REPORT_QUERY = 'report';

export type Phase = 'planning' | 'awaiting approval' | 'reconciling' | 'verifying' | 'done';

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

/** State of an entity while a decision is carried out. */
export const UNDER_WAY: Readonly<Record<DecisionAction, EntityState>> = {
  create: 'creating',
  adopt: 'adopting',
  update: 'converging',
  replace: 'replacing',
  release: 'releasing',
  delete: 'deleting',
  'no-op': 'unchanged',
  refuse: 'refused',
};

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
  /** The open gate's plan, of which {@link GATE_QUERY} tells more. Only while one is open. */
  readonly approval?: { readonly plan: string; readonly expiresAt: string };
}
export const PROGRESS_LIMIT = 200;

/** Query for the plan that waits for an approval: {@link Gate}, or null where no gate is open. */
export const GATE_QUERY = 'gate';

/** A plan that waits for an approval. */
export interface Gate {
  /** `sha256:…` over the request and all that the plan means to do, and what it was decided from. */
  readonly plan: string;
  /** ISO 8601. */
  readonly openedAt: string;
  readonly expiresAt: string;
  /** The plan, as `plan` would report it. */
  readonly report: Report;
}

/** Updates and signals that answer a gate, both with one {@link ApprovalAnswer}. A signal gets no reply. */
export const Answer = { Approve: 'approve', Reject: 'reject' } as const;
export type Answer = (typeof Answer)[keyof typeof Answer];

/** What an answer carries. */
export interface ApprovalAnswer {
  /** The plan that was seen; an answer for another one is refused. */
  readonly plan: string;
  /** Who answers, as they say themselves: at most {@link LONGEST_NAME} characters. */
  readonly by: string;
  /** Why; at most {@link LONGEST_REASON} characters. */
  readonly reason?: string | null;
}
export const LONGEST_NAME = 200;
export const LONGEST_REASON = 1_000;

/** What is wrong with an answer that another client may have sent, in a line; null where it is one. */
export function answerProblem(answer: unknown): string | null {
  if (typeof answer !== 'object' || answer === null) return 'it is no object with "plan" and "by"';
  const { plan, by, reason } = answer as Partial<Record<keyof ApprovalAnswer, unknown>>;
  if (typeof plan !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(plan)) {
    return '"plan" is not the digest of a plan, sha256: and 64 digits';
  }
  if (typeof by !== 'string' || by.trim() === '' || by.length > LONGEST_NAME) {
    return `"by" does not say who answers, in 1 to ${String(LONGEST_NAME)} characters`;
  }
  if (reason != null && (typeof reason !== 'string' || reason.length > LONGEST_REASON)) {
    return `"reason" is no text of at most ${String(LONGEST_REASON)} characters`;
  }
  return null;
}

/** Why an answer was not taken, as `ApplicationFailure.type` of the update. */
export const AnswerRefused = {
  /** It is no answer at all. */
  Malformed: 'MalformedAnswer',
  /** No gate is open, or not yet. */
  NoGate: 'NoGate',
  /** It has been answered; the failure's details hold the {@link Approval}. */
  Answered: 'GateAnswered',
  /** It is for another plan; the failure's details hold the digest of the one that waits. */
  AnotherPlan: 'AnotherPlan',
} as const;
export type AnswerRefused = (typeof AnswerRefused)[keyof typeof AnswerRefused];

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

/** `IamOutcome` of a run while its plan waits for an approval. */
export const AWAITING_APPROVAL = 'awaiting approval';

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

/** Which account and namespace a bootstrap workflow's ID names; empty where it names none. */
export function bootstrapPlace(workflowId: string): { readonly account: string; readonly namespace: string } {
  const [, account = '', namespace = ''] = workflowId.split(':');
  return { account, namespace };
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
