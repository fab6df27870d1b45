import type { Timestamp } from './entity.js';
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

/** An entity of an open run. */
export interface EntityProgress {
  readonly kind: string;
  readonly name: string;
  readonly state: EntityState;
  /** The time since which an entity that is under way is in its state. */
  readonly since?: Timestamp;
  /** The workflow of an entity that is under way. Its ID is the lock of the entity. */
  readonly workflowId?: string;
  /** The workflow ID of the run that holds the lock which the entity waits for. Only the client can tell. */
  readonly lockHolder?: string;
}

/** The progress of an open run. */
export interface Progress {
  readonly phase: Phase;
  readonly done: number;
  readonly total: number;
  /**
   * Entities in progress, with work to do, or with problems; at most {@link PROGRESS_LIMIT}. What is under way comes first,
   * the longest in front, then problems, then what has ended last.
   */
  readonly entities: readonly EntityProgress[];
  /** Counts the entities that have ended. Missing where an older worker answers. */
  readonly outcomes?: Readonly<Partial<Record<Outcome, number>>>;
  readonly waitingFor: string | null;
  /** The plan that waits for an approval; the `approval` query returns the details. Missing if none waits. */
  readonly approval?: { readonly plan: string; readonly expiresAt: string };
}
/** Entities in {@link Progress}. */
export const PROGRESS_LIMIT = 200;
