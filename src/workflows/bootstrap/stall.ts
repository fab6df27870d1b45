/** A reason to wait, and what a person can do about it. */
export interface Stall {
  readonly reason: string;
  readonly remedy: string;
}

/** The end of a run that has made no progress for its timeout. */
export interface Deadline extends Stall {
  /** The reason without what was waited for. */
  readonly short: string;
  /** The activity that each entity waited for, by workflow ID. */
  readonly stalls: ReadonlyMap<string, Stall>;
}

/** The checks for progress so far. */
export interface IdleChecks {
  /** The number of checks since the last progress. */
  readonly count: number;
  /** The number of things that the run had done by the last check: see `RunState.steps`. */
  readonly steps: number;
  /** The time of the next check, in milliseconds since 1970. Null where none is due yet. */
  readonly nextAt: number | null;
}
