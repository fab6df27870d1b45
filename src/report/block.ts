import type { Outcome } from '../contract/report.js';
import type { EntityLine } from './entity-lines.js';

/** An entity of a report with its lines, or several that are alike. */
export interface Block {
  readonly outcome: Outcome;
  readonly sign: string;
  /** `Role/deploy`, or for several `12 Role entities`. */
  readonly id: string;
  readonly count: number;
  readonly word: string;
  /** The operations that were written. */
  readonly writes: string;
  readonly lines: readonly EntityLine[];
}
