import type { DesiredEntity, Pipeline, Target, Timestamp } from './entity.js';
import type { Identity, Principal, Proof } from './identity.js';
import type { DecisionAction, Outcome } from './report.js';

/** The reason that a Create met an existing entity, or that the entity exists at all. */
export type Cause =
  | 'existed-before'
  | 'parallel-writer'
  | 'lost-reply'
  | 'replayed-retry'
  | 'state-rolled-back'
  | 'path-or-case-collision'
  | 'other-account'
  | 'none';

/** The certainty of a cause: `proven` by a request ID, a tag or a name; `inferred` from the order of events. */
export type Certainty = 'proven' | 'inferred';

/** The argument of the `explain` workflow, which takes no lock and writes nothing. */
export interface EvidenceRequest {
  readonly target: Target;
  /** The entities to read, and to find events of. If empty, only {@link requestId} is searched. */
  readonly entities: readonly DesiredEntity[];
  /** Search the event of this request among all events of IAM. Null if no event is missing. */
  readonly requestId: string | null;
  readonly from: Timestamp;
  readonly to: Timestamp;
  /** Proves who asks, where the worker asks for it. */
  readonly proof?: Proof;
}

/** The findings of the worker, which has the credentials. */
export interface Evidence {
  /** In the order of the request's entities. */
  readonly found: readonly Found[];
  readonly trail: Trail;
}

/** One entity as IAM shows it at the time of the request. */
export interface Found {
  /** `unread`: AWS did not answer; {@link message} has the reason. */
  readonly status: 'present' | 'absent' | 'unread';
  readonly message: string | null;
  readonly arn: string | null;
  readonly createdAt: Timestamp | null;
  readonly owner: string | null;
  /** The run whose Create made it, from its intent tag. */
  readonly createdByRun: string | null;
}

/** The entity before it is read. */
export const UNREAD: Found = {
  status: 'unread',
  message: null,
  arn: null,
  createdAt: null,
  owner: null,
  createdByRun: null,
};

/** The events of CloudTrail. With `denied` and `unavailable` the rest of an explanation is still valid. */
export interface Trail {
  readonly status: 'read' | 'denied' | 'unavailable';
  readonly message: string | null;
  /** Oldest first. */
  readonly events: readonly TrailEvent[];
  /** There are more events than were read. */
  readonly truncated: boolean;
}

/** One call in the account, from CloudTrail: caller, operation and time, without documents and secrets. */
export interface TrailEvent {
  readonly eventId: string;
  /** ISO 8601; CloudTrail counts whole seconds. */
  readonly at: Timestamp;
  readonly operation: string;
  readonly requestId: string | null;
  /** AWS's error code without the suffix `Exception`. Null if the call succeeded. */
  readonly code: string | null;
  /** ARN of the caller, or the name of the service. */
  readonly principal: string;
  readonly sourceIdentity: string | null;
  readonly sourceIp: string | null;
  readonly userAgent: string | null;
  readonly runId: string | null;
  /** `Role/deploy`, if the call names it. */
  readonly entity: string | null;
}

/** A run, as people see it. */
export interface RunReference {
  /** The run was read from a file of `audit export`, which nothing proves. Missing where Temporal has it. */
  readonly source?: 'audit';
  readonly workflowId: string;
  readonly runId: string;
  readonly url: string | null;
  readonly namespace: string;
  readonly environment: string | null;
  readonly manifest: string | null;
  readonly pipeline: Pipeline;
  readonly startedAt: Timestamp;
  /** Null while it is open. */
  readonly endedAt: Timestamp | null;
  /** The identity that asked, as its report tells. Missing where nothing was proven, and while it is open. */
  readonly requester?: Identity;
  /** The client that started it, as its report tells. Missing where Temporal recorded none, and while it is open. */
  readonly principal?: Principal;
}

/** One event of a timeline. */
export interface TimelineEvent {
  readonly at: Timestamp;
  /** `both`: Temporal and CloudTrail. `audit`: a file of `audit export`, which nothing proves. */
  readonly source: 'temporal' | 'cloudtrail' | 'both' | 'audit';
  /** A namespace and its pipeline, or the principal that CloudTrail names. */
  readonly caller: string;
  /** `CreateRole failed: EntityAlreadyExists`. */
  readonly description: string;
  readonly requestId: string | null;
  readonly runId: string | null;
}

/** The explanation of one entity: why it met a conflict, or where it comes from. */
export interface Explanation {
  readonly kind: string;
  readonly name: string;
  readonly cause: Cause;
  readonly certainty: Certainty;
  /** The cause in a sentence, without its full stop. */
  readonly headline: string;
  readonly remedy: string;
  /** The command to run, if there is one. */
  readonly command: string | null;
  /** The run that requested the entity, and its decision. Null if it was another caller. */
  readonly requestedBy: (RunReference & { readonly decision: DecisionAction; readonly outcome: Outcome }) | null;
  /** AWS's reply to the Create. Null if none was refused. */
  readonly refusedCreate: RefusedCreate | null;
  readonly existing: Found & {
    /** The caller that created it. Null if neither a run nor CloudTrail shows it. */
    readonly createdBy: string | null;
    /** The time of the Create that made it. */
    readonly createCallAt: Timestamp | null;
    readonly requestId: string | null;
    /** Only a file of `audit export` tells who created it. Missing where that comes from elsewhere. */
    readonly source?: 'audit';
  };
  /** Runs that processed it in the time window, newest first. */
  readonly runs: readonly (RunReference & { readonly outcome: Outcome | null })[];
  /** Oldest first. */
  readonly timeline: readonly TimelineEvent[];
}

/** A Create that AWS refused because the entity exists. */
export interface RefusedCreate {
  readonly operation: string;
  readonly code: string;
  /** The HTTP status of the code. Null if it is not a conflict code of IAM. */
  readonly status: number | null;
  /** The meaning of the code, and whether to read again or to repeat. */
  readonly meaning: string;
  readonly requestId: string | null;
  readonly at: Timestamp | null;
  readonly caller: string;
  /** Attempts of the activity; above 1, Temporal has retried it. Null if it was another caller. */
  readonly attempts: number | null;
  /** The number of such Creates of the same caller in CloudTrail. Null if CloudTrail was not read. */
  readonly sent: number | null;
}

/** The result of `explain`: described by `schema/explain.schema.json`. */
export interface Explanations {
  readonly version: 1;
  readonly command: 'explain';
  /** The query as given: `Role/deploy`, a request ID or a run ID. */
  readonly query: string;
  readonly account: string | null;
  /** The start of the time window. */
  readonly from: Timestamp;
  readonly to: Timestamp;
  readonly found: boolean;
  readonly explanations: readonly Explanation[];
  readonly trail: Pick<Trail, 'status' | 'message' | 'truncated'> & { readonly events: number };
  /** Limits of this explanation, and what is missing in it. */
  readonly notes: readonly string[];
}

/** One conflict of a run. */
export interface ConflictRow {
  /** The end of the run. */
  readonly at: Timestamp;
  readonly entity: string;
  readonly account: string;
  readonly namespace: string;
  readonly pipeline: string;
  readonly cause: Cause;
  /** The Create that AWS refused. Null if the entity was found before one was sent, or a reply was lost. */
  readonly operation: string | null;
  readonly requestId: string | null;
  readonly outcome: Outcome;
  readonly runId: string;
}

/** The result of `conflicts`: described by `schema/conflicts.schema.json`. */
export interface Conflicts {
  readonly version: 1;
  readonly command: 'conflicts';
  readonly from: Timestamp;
  readonly to: Timestamp;
  readonly runs: number;
  readonly conflicts: number;
  readonly adopted: number;
  /** Entities with another owner, or that may not be written. */
  readonly refused: number;
  /** Creates of these runs whose reply was lost. */
  readonly ownRepliesLost: number;
  /** Newest first. */
  readonly rows: readonly ConflictRow[];
  readonly by: Readonly<Record<'entity' | 'namespace' | 'pipeline' | 'cause', Readonly<Record<string, number>>>>;
  /** Every day of the time window (UTC), oldest first. */
  readonly days: readonly {
    readonly day: string;
    readonly runs: number;
    /** Runs that met at least one conflict. */
    readonly runsWithConflicts: number;
    readonly conflicts: number;
  }[];
  readonly notes: readonly string[];
}
