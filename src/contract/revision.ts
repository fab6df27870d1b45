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

/** Judges a claim. One that is accepted is the last from then on; an equal revision is not older. */
export function judge({ applied }: Ledger, { revision, allowOlder }: Claim): { answer: ClaimAnswer; ledger: Ledger } {
  const same = applied.find(({ source }) => source === revision.source);
  if (!allowOlder && same !== undefined && revision.value < same.value) {
    return { answer: { accepted: false, last: same }, ledger: { applied } };
  }
  const others = applied.filter(({ source }) => source !== revision.source);
  return {
    answer: { accepted: true, last: applied.at(-1) ?? null },
    ledger: { applied: [...others, revision] },
  };
}

/** A revision for people: `commit-time 1700000000 (2023-11-14T22:13:20Z, commit 4b825dc642cb)`. */
export function revisionText({ value, source }: Revision, commit: string | null): string {
  const known = [
    source === 'commit-time' && value <= 8_640_000_000_000
      ? [new Date(value * 1000).toISOString().replace('.000', '')]
      : [],
    commit === null ? ['commit unknown'] : [`commit ${commit.slice(0, 12)}`],
  ].flat();
  return `${source} ${String(value)} (${known.join(', ')})`;
}
