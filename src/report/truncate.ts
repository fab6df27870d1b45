import type { Decision, EntityReport } from '../contract/report.js';

/** Characters that the entities of a plan or a report may take. Compressed, it is well below Temporal's 2 MB. */
const MAX_CHARACTERS = 5_000_000;

/** Lists that may be cut short, in this order: writes come first, because each entity's own run reports them too. */
const LISTS = ['writes', 'drift', 'unmanaged'] as const;

type Truncatable = Pick<Decision, 'drift' | 'unmanaged' | 'omittedLines'> & Partial<Pick<EntityReport, 'writes'>>;

/** Cuts the lists of entities to their first line where all of it would be too large for Temporal; counts the rest. */
export function truncateToFit<T extends Truncatable>(
  entities: readonly T[],
  maxCharacters = MAX_CHARACTERS,
): readonly T[] {
  let shorter = entities;
  for (const list of LISTS) {
    if (JSON.stringify(shorter).length <= maxCharacters) break;
    shorter = shorter.map((entity) => {
      const lines = entity[list] ?? [];
      if (lines.length <= 1) return entity;
      return { ...entity, [list]: lines.slice(0, 1), omittedLines: (entity.omittedLines ?? 0) + lines.length - 1 };
    });
  }
  return shorter;
}
