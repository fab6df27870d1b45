import type { Timestamp } from './entity.js';

/** The source of a revision: given by the caller, or the time of the commit. Only revisions of one source are compared. */
export type RevisionSource = 'given' | 'commit-time';

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

/** The content of a namespace's ledger: the last revision of each environment and source, in the order of application. */
export interface Ledger {
  readonly applied: readonly AppliedRevision[];
}

/** The question of a run that is about to write: is its revision accepted? */
export interface Claim {
  readonly revision: AppliedRevision;
  /** The revision may be older than the last one. */
  readonly allowOlder: boolean;
}

/** The ledger's reply to a {@link Claim}. */
export interface ClaimAnswer {
  readonly accepted: boolean;
  /** The newer revision that caused the refusal; otherwise the environment's last one, of any source. */
  readonly last: AppliedRevision | null;
}
