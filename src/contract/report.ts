import type { DesiredEntity, Json, Pipeline } from './entity.js';
import { ExitCode } from './failures.js';
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
  readonly leftOut?: number;
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
  readonly leftOut?: number;
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

/** Characters that the entities of a plan or a report may take: compressed, well below the 2 MB of a Temporal payload. */
const MOST_CHARACTERS = 5_000_000;

/** Lists that may be cut short, in the order in which they are: writes stand in each entity's own run as well. */
const LISTS = ['writes', 'drift', 'unmanaged'] as const;

type Listed = Pick<Decision, 'drift' | 'unmanaged' | 'leftOut'> & Partial<Pick<EntityReport, 'writes'>>;

/**
 * What is told of entities, cut short where all of it would be too large for Temporal to keep: of each list only the
 * first line, with the count of the others.
 */
export function fitted<T extends Listed>(entities: readonly T[], most = MOST_CHARACTERS): readonly T[] {
  let shorter = entities;
  for (const list of LISTS) {
    if (JSON.stringify(shorter).length <= most) break;
    shorter = shorter.map((one) => {
      const lines = one[list] ?? [];
      if (lines.length <= 1) return one;
      return { ...one, [list]: lines.slice(0, 1), leftOut: (one.leftOut ?? 0) + lines.length - 1 };
    });
  }
  return shorter;
}

/** `maxSessionDuration: 3600 -> 7200` */
export function driftText({ path, observed, desired, summary }: Drift): string {
  if (summary !== undefined) return path === '' ? summary : `${path}: ${summary}`;
  return `${path}: ${JSON.stringify(observed)} -> ${JSON.stringify(desired)}`;
}

/** Whether an action writes: all but leaving it as it is, and refusing. */
export function isWrite(action: DecisionAction): boolean {
  return action !== 'no-op' && action !== 'refuse';
}

/** Counts outcomes and conflicts. */
export function summarize(entities: readonly Pick<EntityReport, 'outcome' | 'conflicts'>[]): Summary {
  const summary: Record<Outcome | 'conflicts', number> = {
    created: 0,
    adopted: 0,
    updated: 0,
    replaced: 0,
    released: 0,
    deleted: 0,
    unchanged: 0,
    refused: 0,
    failed: 0,
    skipped: 0,
    pending: 0,
    conflicts: 0,
  };
  for (const entity of entities) {
    summary[entity.outcome] += 1;
    summary.conflicts += entity.conflicts.length;
  }
  return summary;
}

/** The result that a list of outcomes amounts to; the gravest wins. */
export function resultOf(entities: readonly Pick<EntityReport, 'outcome'>[]): ReportResult {
  const has = (...outcomes: Outcome[]): boolean => entities.some((entity) => outcomes.includes(entity.outcome));
  if (has('failed')) return 'failed';
  if (has('refused')) return 'refused';
  if (has('skipped')) return 'failed';
  if (has('pending')) return 'pending';
  return 'converged';
}

/** The exit code for a result. `pending` is 2 only where the caller asked for detailed exit codes. */
export function exitCodeOf(result: ReportResult, options: { readonly detailed: boolean }): ExitCode {
  switch (result) {
    case 'converged':
      return ExitCode.Converged;
    case 'pending':
      return options.detailed ? ExitCode.Pending : ExitCode.Converged;
    case 'refused':
      return ExitCode.Refused;
    case 'failed':
    case 'cancelled':
      return ExitCode.Failed;
    case 'busy':
      return ExitCode.Busy;
  }
}

/** Adds call counts by operation. */
export function addCalls(
  total: Readonly<Record<string, number>>,
  more: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum: Record<string, number> = { ...total };
  for (const [operation, count] of Object.entries(more)) sum[operation] = (sum[operation] ?? 0) + count;
  return sum;
}
