import type { Declaration } from './declarations.js';
import type { Timestamp } from './entity.js';
import type { LastOutcome } from './notification.js';

/** The values of {@link RevisionSource}. */
export const REVISION_SOURCES = ['given', 'commit-time'] as const;

/** The source of a revision: given by the caller, or the time of the commit. Only revisions of one source are compared. */
export type RevisionSource = (typeof REVISION_SOURCES)[number];

/** The largest revision that a caller may give: fifteen digits. */
export const MAX_REVISION = 999_999_999_999_999;

/** The time by which a commit, or the end of a run, may lie in the future: a day. */
const MAX_FUTURE_MS = 24 * 3_600_000;

/** Ends of runs that a ledger remembers, at most. One that it has forgotten is told as a change. */
export const MAX_OUTCOMES = 100;

/** The age of a manifest as an integer that grows; a commit time is in seconds since 1970. */
export interface Revision {
  readonly value: number;
  readonly source: RevisionSource;
}

/** A revision that was applied to a namespace, and the run that applied it. */
export interface AppliedRevision extends Revision {
  /** The environment of the manifest: revisions of different environments are not compared. */
  readonly environment: string;
  readonly commit: string | null;
  readonly url: string | null;
  readonly runId: string;
  readonly at: Timestamp;
}

/** The content of a namespace's ledger. */
export interface Ledger {
  /** The last revision of each environment and source, in the order of application. */
  readonly applied: readonly AppliedRevision[];
  /** The entities that the manifests of the namespace declare. Default: none. */
  readonly declarations?: readonly Declaration[];
  /** The last end of a run, by manifest and environment, in the order of recording; the last {@link MAX_OUTCOMES}. Default: none. */
  readonly outcomes?: readonly LastOutcome[];
}

/** The question of a run that is about to write: is its revision accepted? */
export interface Claim {
  readonly revision: AppliedRevision;
  /** The revision may be older than the last one. */
  readonly allowOlder: boolean;
  /** The revision has to be the last one of its source, where there is one. Default: false. */
  readonly mustBeLast?: boolean;
}

/** The ledger's reply to a {@link Claim}. */
export interface ClaimAnswer {
  readonly accepted: boolean;
  /** The last revision, which caused the refusal; otherwise the environment's last one, of any source. */
  readonly last: AppliedRevision | null;
}

/** Returns why a revision is refused: once it was applied, no later one could follow it. Null where it is accepted. */
export function revisionProblem({ value, source }: Revision, nowMs: number): string | null {
  if (value < 0) return `revision ${String(value)} is below zero`;
  if (value > MAX_REVISION) {
    return `revision ${String(value)} is larger than ${String(MAX_REVISION)}, so no later one could follow it`;
  }
  if (source === 'given' || value * 1_000 <= nowMs + MAX_FUTURE_MS) return null;
  return `revision ${String(value)} is a commit time that lies more than a day in the future, so no later commit could follow it`;
}

/** Returns why the start of a run is refused: it has to sort after those before it, and before later ones. Null where it does. */
export function startProblem(at: string, nowMs: number): string | null {
  const ms = Date.parse(at);
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== at) return 'the start of the run is no time in UTC';
  if (ms <= nowMs + MAX_FUTURE_MS) return null;
  return 'the start of the run lies more than a day in the future, so that no later run could follow it';
}
