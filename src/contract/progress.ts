import type { Outcome } from './report.js';

export type Phase = 'planning' | 'awaiting approval' | 'reconciling' | 'verifying' | 'done';

/** State of one entity on its way. */
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

/** Answer of {@link PROGRESS_QUERY}. */
export interface Progress {
  readonly phase: Phase;
  /** Entities that have ended, of all that are declared. */
  readonly done: number;
  readonly total: number;
  /** Only entities with something to do, or that have ended badly; at most {@link PROGRESS_LIMIT}. */
  readonly entities: readonly { readonly kind: string; readonly name: string; readonly state: EntityState }[];
  /** What the run waits for, in a line, or null. */
  readonly waitingFor: string | null;
  /** The open gate's plan, of which {@link GATE_QUERY} tells more. Only while one is open. */
  readonly approval?: { readonly plan: string; readonly expiresAt: string };
}
export const PROGRESS_LIMIT = 200;
