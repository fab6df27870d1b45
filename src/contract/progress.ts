import type { Outcome } from './report.js';

/** The phase of a run. */
export type Phase = 'planning' | 'awaiting approval' | 'reconciling' | 'verifying' | 'done';

/** The state of one entity during a run. */
export type EntityState =
  | 'planned'
  | 'waiting'
  | 'observing'
  | 'creating'
  | 'adopting'
  | 'converging'
  | 'replacing'
  | 'releasing'
  | 'deleting'
  | 'verifying'
  | Outcome;

/** The progress of an open run. */
export interface Progress {
  readonly phase: Phase;
  readonly done: number;
  readonly total: number;
  /** Entities in progress, with work to do, or with problems; at most {@link PROGRESS_LIMIT}. */
  readonly entities: readonly { readonly kind: string; readonly name: string; readonly state: EntityState }[];
  readonly waitingFor: string | null;
  /** The plan that waits for an approval; the `approval` query returns the details. Missing if none waits. */
  readonly approval?: { readonly plan: string; readonly expiresAt: string };
}
/** Entities in {@link Progress}. */
export const PROGRESS_LIMIT = 200;
