/** A part of the state of a run, which the next run of its chain goes on from. */
export interface StatePart {
  /** The name of the whole. A run may keep its state more than once. */
  readonly keptAs: string;
  readonly index: number;
  /** The number of parts. */
  readonly count: number;
  readonly text: string;
}

/** The activities by which a run hands its state to the next one of its chain. */
export interface StateActivities {
  /** Keeps a text in the history of the run that asks: as the argument of this activity. */
  keepState(part: StatePart): Promise<void>;
  /** Returns a text that the run before the one that asks has kept. */
  readKeptState(part: Omit<StatePart, 'text'>): Promise<string>;
}
