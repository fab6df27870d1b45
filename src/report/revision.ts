import type { Revision } from '../contract/revision.js';

/** Formats a revision for people: `commit-time 1700000000 (2023-11-14T22:13:20Z, commit 4b825dc642cb)`. */
export function revisionText({ value, source }: Revision, commit: string | null): string {
  const known = [
    source === 'commit-time' && value <= 8640000000000
      ? [new Date(value * 1000).toISOString().replace('.000', '')]
      : [],
    commit === null ? ['commit unknown'] : [`commit ${commit.slice(0, 12)}`],
  ].flat();
  return `${source} ${String(value)} (${known.join(', ')})`;
}
