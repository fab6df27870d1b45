import type { DesiredEntity, Pipeline, Target } from './entity.js';
import type { DecisionAction, Outcome } from './report.js';

/** Why a Create met something that is there, or why an entity was there at all. */
export type Cause =
  | 'existed-before'
  | 'parallel-writer'
  | 'lost-reply'
  | 'replayed-retry'
  | 'state-rolled-back'
  | 'path-or-case-collision'
  | 'other-account'
  /** Nothing stood in the way. */
  | 'none';

/** `proven` by a request ID, a mark or a name; `inferred` from the order of things. */
export type Certainty = 'proven' | 'inferred';

/** Argument of the `explain` workflow, which takes no lock and writes nothing. */
export interface EvidenceRequest {
  readonly target: Target;
  /** What is to be read, and what the events are to be about. With none, {@link requestId} alone is looked for. */
  readonly entities: readonly DesiredEntity[];
  /** Look for the event of this request among all of IAM's; null where none is missing. */
  readonly requestId: string | null;
  /** ISO 8601. */
  readonly from: string;
  readonly to: string;
}

/** What the worker, which holds the credentials, has found. */
export interface Evidence {
  /** In the order of the request's entities. */
  readonly found: readonly Found[];
  readonly trail: Trail;
}

/** One entity as IAM shows it at the time of asking. */
export interface Found {
  /** `unread`: AWS did not say, for the reason that {@link message} gives. */
  readonly status: 'there' | 'absent' | 'unread';
  readonly message: string | null;
  readonly arn: string | null;
  /** ISO 8601. */
  readonly createdAt: string | null;
  /** Who owns it, as far as its tags and its path say. */
  readonly owner: string | null;
  /** The run whose Create made it, as its mark says. */
  readonly madeByRun: string | null;
}

/** Nothing was read. */
export const UNREAD: Found = {
  status: 'unread',
  message: null,
  arn: null,
  createdAt: null,
  owner: null,
  madeByRun: null,
};

/** What CloudTrail had to say. `denied` and `unavailable` are answers, too: the rest of an explanation stands. */
export interface Trail {
  readonly status: 'read' | 'denied' | 'unavailable';
  readonly message: string | null;
  /** Oldest first. */
  readonly events: readonly TrailEvent[];
  /** There was more than was read. */
  readonly truncated: boolean;
}

/** One call of the account, as CloudTrail has it: who, what and when. Holds no document and no secret. */
export interface TrailEvent {
  readonly eventId: string;
  /** ISO 8601; CloudTrail counts whole seconds. */
  readonly at: string;
  readonly operation: string;
  readonly requestId: string | null;
  /** AWS's code without the suffix `Exception`; null where the call succeeded. */
  readonly code: string | null;
  /** ARN of who called, or the service that did. */
  readonly principal: string;
  readonly sourceIdentity: string | null;
  readonly sourceIp: string | null;
  readonly userAgent: string | null;
  /** The run of ours that the user agent names. */
  readonly runId: string | null;
  /** `Role/deploy`, as far as the call names it. */
  readonly entity: string | null;
}

/** A run, for people. */
export interface RunReference {
  readonly workflowId: string;
  readonly runId: string;
  readonly url: string | null;
  readonly namespace: string;
  readonly environment: string | null;
  readonly manifest: string | null;
  readonly pipeline: Pipeline;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Null while it is open. */
  readonly endedAt: string | null;
}

/** One thing that happened. */
export interface Moment {
  /** ISO 8601. */
  readonly at: string;
  /** Who tells of it. */
  readonly source: 'temporal' | 'cloudtrail' | 'both';
  /** A namespace and its pipeline, or the principal that CloudTrail names. */
  readonly who: string;
  /** `CreateRole answered EntityAlreadyExists`. */
  readonly what: string;
  readonly requestId: string | null;
  readonly runId: string | null;
}

/** Why one entity met a conflict, or what it is that stands there. */
export interface Explanation {
  readonly kind: string;
  readonly name: string;
  readonly cause: Cause;
  readonly certainty: Certainty;
  /** The cause in a sentence, without its full stop. */
  readonly headline: string;
  readonly remedy: string;
  /** What to type, where there is something to type. */
  readonly command: string | null;
  /** What was asked, and by whom. Null where it was no run of ours. */
  readonly asked: (RunReference & { readonly decision: DecisionAction; readonly outcome: Outcome }) | null;
  /** What AWS answered to the Create; null where none was refused. */
  readonly answered: Answered | null;
  /** What is there. */
  readonly there: Found & {
    /** Who made it; null where neither a run nor CloudTrail tells. */
    readonly madeBy: string | null;
    /** ISO 8601. */
    readonly madeAt: string | null;
    /** Of the Create that made it. */
    readonly requestId: string | null;
  };
  /** Runs that touched it in the window, newest first. */
  readonly runs: readonly (RunReference & { readonly outcome: Outcome | null })[];
  /** Oldest first. */
  readonly timeline: readonly Moment[];
}

/** A Create that AWS has refused, because something is there. */
export interface Answered {
  readonly operation: string;
  readonly code: string;
  /** The HTTP status of that code; null for a code that is no conflict of IAM's. */
  readonly status: number | null;
  /** What such a code means, and whether to read again or to repeat. */
  readonly meaning: string;
  readonly requestId: string | null;
  /** ISO 8601. */
  readonly at: string | null;
  /** Who was answered. */
  readonly who: string;
  /** Attempts of the step; above 1, Temporal has repeated it. Null where it was no run of ours. */
  readonly attempts: number | null;
  /** Such Creates of the same caller that CloudTrail shows; null where it was not read. */
  readonly sent: number | null;
}

/** The result of `explain`: described by `schema/explain.schema.json`. */
export interface Explanations {
  readonly version: 1;
  readonly command: 'explain';
  /** As it was asked: `Role/deploy`, a request ID or a run ID. */
  readonly query: string;
  /** Null where nothing says which. */
  readonly account: string | null;
  /** ISO 8601: what was looked at. */
  readonly from: string;
  readonly to: string;
  /** Whether anything is known of what was asked after. */
  readonly found: boolean;
  readonly explanations: readonly Explanation[];
  readonly trail: Pick<Trail, 'status' | 'message' | 'truncated'> & { readonly events: number };
  /** How far this reaches, and what is missing in it. */
  readonly notes: readonly string[];
}

/** One conflict of a run. */
export interface ConflictRow {
  /** When the run ended. ISO 8601. */
  readonly at: string;
  readonly entity: string;
  readonly account: string;
  readonly namespace: string;
  readonly pipeline: string;
  readonly cause: Cause;
  /** The Create that AWS refused; null where the entity was found before one was sent, or a reply was lost. */
  readonly operation: string | null;
  readonly requestId: string | null;
  readonly outcome: Outcome;
  readonly runId: string;
}

/** The result of `conflicts`: described by `schema/conflicts.schema.json`. */
export interface Conflicts {
  readonly version: 1;
  readonly command: 'conflicts';
  /** ISO 8601. */
  readonly from: string;
  readonly to: string;
  /** Runs in the window that have ended. */
  readonly runs: number;
  readonly conflicts: number;
  /** Entities that were there and were taken over. */
  readonly adopted: number;
  /** Entities that are somebody else's, or may not be written. */
  readonly refused: number;
  /** Creates of ours whose reply was lost. */
  readonly ownRepliesLost: number;
  /** Newest first. */
  readonly rows: readonly ConflictRow[];
  readonly by: Readonly<Record<'entity' | 'namespace' | 'pipeline' | 'cause', Readonly<Record<string, number>>>>;
  /** Each day of the window, UTC, oldest first. */
  readonly days: readonly { readonly day: string; readonly runs: number; readonly conflicts: number }[];
  readonly notes: readonly string[];
}
