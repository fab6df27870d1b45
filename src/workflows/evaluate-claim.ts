import type { Ledger, Claim, ClaimAnswer } from '../contract/revision.js';

/** Judges a claim. One that is accepted is the last from then on; an equal revision is not older. */
export function evaluateClaim(
  { applied }: Ledger,
  { revision, allowOlder }: Claim,
): { answer: ClaimAnswer; ledger: Ledger } {
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
