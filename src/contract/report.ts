import type { DesiredEntity, Json, Pipeline } from './entity.js';
import type { AppliedRevision, Revision } from './revision.js';

/** What the engine means to do with an entity. */
export type DecisionAction = 'create' | 'adopt' | 'update' | 'replace' | 'release' | 'delete' | 'no-op' | 'refuse';

/** What became of an entity. */
export type Outcome =
  | 'created'
  | 'adopted'
  | 'updated'
  | 'replaced'
  | 'released'
  | 'deleted'
  | 'unchanged'
  | 'refused'
  | 'failed'
  | 'skipped'
  | 'pending';

/** How we know that a Create was ours. `unconfirmed`: the entity is there, and nothing proves who made it. */
export type Confirmation = 'reply' | 'intent-tag' | 'recorded-attempt' | 'unconfirmed';

/** One difference between desired and observed state. Values are cut short: a report holds no documents. */
export interface Drift {
  /** Property path in the manifest's words: `inlinePolicies.state.Statement[Sid=Read].Action`. */
  readonly path: string;
  readonly observed: Json;
  readonly desired: Json;
  /** A line for people, where the values alone do not say it. */
  readonly summary?: string;
  /** AWS has no call that changes it; mending it takes delete-and-create, which only `replace: true` allows. */
  readonly immutable?: boolean;
}

/** One write that AWS accepted. `requestId` is null where its reply was lost. */
export interface WriteRecord {
  readonly operation: string;
  readonly requestId: string | null;
  /** ISO 8601. */
  readonly at: string;
}

/** A Create that AWS answered with "already exists", and what came of it. */
export interface Conflict {
  readonly operation: string;
  readonly code: string;
  readonly requestId: string | null;
  readonly resolvedAs: Outcome;
}

/** What a decision says of an entity, in the plan and in the report. */
export interface Decision {
  readonly action: DecisionAction;
  readonly drift: readonly Drift[];
  /** What is there, not declared, and stays: `managedPolicyArns: arn:…`. What is to be removed is drift. */
  readonly unmanaged: readonly string[];
  readonly reason: string | null;
  readonly remedy: string | null;
  /** See {@link fitted}. */
  readonly omittedLines?: number;
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
  readonly unmanaged: readonly string[];
  readonly writes: readonly WriteRecord[];
  readonly conflicts: readonly Conflict[];
  readonly reason: string | null;
  readonly remedy: string | null;
  readonly attempts: number;
  /** Lines of drift, unmanaged and writes that are left out here, because the whole would be too large to be kept. */
  readonly omittedLines?: number;
  readonly source?: DesiredEntity['source'];
}

export type ReportResult = 'converged' | 'pending' | 'refused' | 'failed' | 'busy' | 'cancelled';

/** How many entities ended how, and how many conflicts were met on the way. */
export type Summary = Readonly<Record<Outcome | 'conflicts', number>>;

/** How a gate came to its end. */
export type Verdict = 'approved' | 'rejected' | 'expired' | 'cancelled';

/** What was said to the plan of a run that asked for an approval. */
export interface Approval {
  /** The digest of the plan. */
  readonly plan: string;
  readonly verdict: Verdict;
  /** Who answered, as they said themselves; null where nobody did. */
  readonly by: string | null;
  readonly reason: string | null;
  /** ISO 8601. */
  readonly openedAt: string;
  readonly at: string;
}

/** The result of `plan`, `apply`, `release` and `destroy`: stable, versioned, described by `schema/report.schema.json`. */
export interface Report {
  readonly version: 1;
  readonly command: 'plan' | 'apply' | 'release' | 'destroy';
  readonly result: ReportResult;
  readonly account: string;
  readonly partition: string;
  readonly namespace: string;
  readonly environment: string;
  /** `sha256:…` of what was asked for; equal digests ask for the same. */
  readonly digest: string;
  readonly request: { readonly key: string; readonly pipeline: Pipeline };
  /** How new the manifest is, and what was applied last before it, once that is known. Absent where it has none. */
  readonly revision?: Revision & { readonly last?: AppliedRevision | null };
  readonly workflow: { readonly workflowId: string; readonly runId: string; readonly url: string | null };
  readonly entities: readonly EntityReport[];
  readonly summary: Summary;
  /** Calls on the wire to AWS, each attempt counted. */
  readonly apiCalls: { readonly total: number; readonly byOperation: Readonly<Record<string, number>> };
  readonly startedAt: string;
  readonly durationMs: number;
  /** Why the run as a whole ended, where no single entity says it. */
  readonly reason: string | null;
  readonly remedy: string | null;
  /** Only where a gate was opened. */
  readonly approval?: Approval;
}
