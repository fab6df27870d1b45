import type { Observed, Write } from '../../kinds/kind.js';

/** Checks everything that an activity is about to write, at the moment of writing. */
export interface WriteGuard {
  /** Checks the entity, as it is declared and as AWS shows it. Null where it does not exist, undefined where it is unread. */
  readonly assertEntity: (observed: Observed | null | undefined) => void;
  /** Checks one write, by what is sent. */
  readonly assertWrite: (write: Pick<Write, 'operation' | 'input'>) => void;
}

/** The guard of an activity that does not write. */
export const NO_WRITES: WriteGuard = { assertEntity: refuse, assertWrite: refuse };

function refuse(): never {
  throw new TypeError('this activity must not write');
}
