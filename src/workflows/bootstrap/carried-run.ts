import type { Plan } from '../../contract/activities.js';
import type { Approval, EntityReport } from '../../contract/report.js';
import type { Incarnation } from '../../contract/request.js';
import type { AppliedRevision } from '../../contract/revision.js';
import type { IgnoredSignals } from '../details.js';
import type { LockWait } from '../locked-child.js';
import type { IdleChecks } from './stall.js';

/** The values of entities, by position in the plan. A JSON object would turn the positions into text. */
export type ByPosition<T> = readonly (readonly [index: number, value: T])[];

/** The state that the phases of a run share, as the next run of its chain goes on from it. The request is not part of it. */
export interface CarriedState {
  readonly plan: Plan;
  readonly calls: Readonly<Record<string, number>>;
  /** The reports of the entities that were to be written and have ended. Those of all others are in the plan. */
  readonly reports: ByPosition<EntityReport>;
  readonly deleted: ByPosition<Incarnation>;
  readonly lockedByOthers: readonly string[];
  readonly hasJoiner: boolean;
  readonly beforeJoin: readonly number[];
  /** Waits for locks, which go on. */
  readonly waits: ByPosition<LockWait>;
  readonly ignoredSignals: IgnoredSignals;
  readonly steps: number;
  readonly idle: IdleChecks;
}

/** All that the next run of a chain goes on from. */
export interface CarriedParts extends CarriedState {
  readonly notifies: boolean;
  /** See `AppliedRevision`. Missing where the request has no revision. */
  readonly lastRevision?: AppliedRevision | null;
}

/** The second argument of a run that continues another one as new. */
export interface CarriedRun {
  /** The run ID of the first run, or of the one that was reset: the intent of all its runs. */
  readonly runId: string;
  /** The start of that run, in milliseconds since 1970. */
  readonly startedAt: number;
  readonly approval: Approval | null;
  readonly done: number;
  readonly total: number;
  /** Its parts, or the key and the number of the texts that the run before has left of them in its history. */
  readonly state: CarriedParts | KeptState;
}

/** The place of a state that does not fit in an argument. */
export interface KeptState {
  readonly keptAs: string;
  readonly count: number;
}
