/**
 * Where a revision comes from: a person or a pipeline has given it, or it is the time of the commit that was checked
 * out. Only those of one source are compared.
 */
export type RevisionSource = 'given' | 'commit-time';

/** How new a manifest is, as a whole number. Of a commit time, seconds since 1970. */
export interface Revision {
  readonly value: number;
  readonly source: RevisionSource;
}

/** A revision that a namespace was given, and by whom. */
export interface AppliedRevision extends Revision {
  readonly commit: string | null;
  /** Of the pipeline. */
  readonly url: string | null;
  /** Of the bootstrap run. */
  readonly runId: string;
  /** ISO 8601. */
  readonly at: string;
}

/** What the ledger of a namespace holds: the last revision of each source, in the order in which they were applied. */
export interface Ledger {
  readonly applied: readonly AppliedRevision[];
}

/** A run is about to write, and asks whether it may. */
export interface Claim {
  readonly revision: AppliedRevision;
  /** Whether it may be older than the last one. */
  readonly allowOlder: boolean;
}

/** What the ledger says. */
export interface ClaimAnswer {
  readonly accepted: boolean;
  /** The one that the refused revision is older than; else the last that was applied before, of whatever source. */
  readonly last: AppliedRevision | null;
}
