import type { Timestamp } from './entity.js';
import type { AccountReport, FleetReport } from './fleet.js';

/** The phase of a fleet's run. */
export type FleetPhase = 'resolving' | 'applying' | 'planning' | 'awaiting approval' | 'done';

/**
 * The state of one account during a fleet's run. `waiting` means that another run holds its namespace, `awaiting approval`
 * that its plan waits for one, which only the client can tell.
 */
export type AccountState =
  'queued' | 'preparing' | 'running' | 'awaiting approval' | 'waiting' | AccountReport['result'];

/** An account of an open fleet run. */
export interface AccountProgress {
  readonly account: string;
  readonly name: string | null;
  readonly state: AccountState;
  /** The time since which an account that is under way is in its state. */
  readonly since?: Timestamp;
  /** The reason of an account that did not converge, and what one that waits is waiting for. */
  readonly reason?: string;
}

/** A wave of a fleet that waits for an approval. */
export interface PendingWave {
  /** `sha256:…`: names the request, the run and the wave. */
  readonly plan: string;
  /** The wave, from 1. */
  readonly wave: number;
  /** The number of its accounts. */
  readonly accounts: number;
  readonly openedAt: Timestamp;
  readonly expiresAt: Timestamp;
  /** The report of the waves before it. */
  readonly report: FleetReport;
}

/** The progress of an open fleet run. */
export interface FleetProgress {
  readonly phase: FleetPhase;
  /** The wave under way, from 1, and their number. Both are 0 as long as the accounts are not known. */
  readonly wave: number;
  readonly waves: number;
  readonly done: number;
  readonly total: number;
  /** Counts the accounts that have ended. */
  readonly results: Readonly<Partial<Record<AccountReport['result'], number>>>;
  /** Accounts under way, the longest first, and then those that did not converge; at most {@link FLEET_PROGRESS_LIMIT}. */
  readonly accounts: readonly AccountProgress[];
  /** The wave that waits for an approval; the `approval` query returns the details. Missing if none waits. */
  readonly approval?: { readonly plan: string; readonly wave: number; readonly expiresAt: string };
}
/** Accounts in {@link FleetProgress}. */
export const FLEET_PROGRESS_LIMIT = 200;
