import type { Decision, EntityReport } from '../contract/report.js';

/** Characters that the entities of a plan or a report may take: compressed, well below the 2 MB of a Temporal payload. */
export const MAX_CHARACTERS = 5000000;

/** Lists that may be cut short, in the order in which they are: writes stand in each entity's own run as well. */
export const LISTS = ['writes', 'drift', 'unmanaged'] as const;
export type Listed = Pick<Decision, 'drift' | 'unmanaged' | 'omittedLines'> & Partial<Pick<EntityReport, 'writes'>>;

/**
 * What is told of entities, cut short where all of it would be too large for Temporal to keep: of each list only the
 * first line, with the count of the others.
 */
export function truncateToFit<T extends Listed>(entities: readonly T[], most = MAX_CHARACTERS): readonly T[] {
  let shorter = entities;
  for (const list of LISTS) {
    if (JSON.stringify(shorter).length <= most) break;
    shorter = shorter.map((one) => {
      const lines = one[list] ?? [];
      if (lines.length <= 1) return one;
      return { ...one, [list]: lines.slice(0, 1), omittedLines: (one.omittedLines ?? 0) + lines.length - 1 };
    });
  }
  return shorter;
}
