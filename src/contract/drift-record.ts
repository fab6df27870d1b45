import type { Timestamp } from './entity.js';
import type { DecisionAction } from './report.js';
import type { ScheduleCommand, ScheduleSummary } from './schedule.js';
import type { EnvironmentReference } from './workflow-ids.js';

/** Entities in drift that a record lists; more are counted. A record is read as a whole, with many others. */
export const MAX_RECORDED = 100;

/** Schedules of an environment that a record remembers. */
export const MAX_LOOKS = 50;

/** Drifts that have ended and that a record lists. */
export const MAX_ENDED = 20;

/** Lines of drift that a record keeps of an entity. */
export const MAX_DRIFT_LINES = 5;

/** Characters that a record keeps of a line. */
export const MAX_LINE_LENGTH = 200;

/** Entities that are searched in CloudTrail after one look, two calls each at two a second. */
export const MAX_SEARCHED = 10;

/** The call that has probably caused a drift: the last write to the entity before the drift was first seen. */
export interface DriftCause {
  readonly at: Timestamp;
  readonly operation: string;
  /** ARN of the caller, or the name of the service. */
  readonly principal: string;
  readonly requestId: string | null;
  readonly eventId: string;
}

/** The difference of one entity from its manifest, as one look found it. */
export interface FoundDrift {
  readonly kind: string;
  readonly name: string;
  /** The action that applying would take. `no-op`: the entity is only observed. */
  readonly action: DecisionAction;
  /** In words, cut. */
  readonly lines: readonly string[];
}

/** An entity in drift. */
export interface DriftedEntity extends FoundDrift {
  /** The time at which a look saw it first. */
  readonly since: Timestamp;
  /** The last look that saw none. Null where the first look saw it. */
  readonly notBefore: Timestamp | null;
  /** The IDs of the schedules whose last look saw it. It ends when none does any more. */
  readonly schedules: readonly string[];
  /** Null where CloudTrail shows no call, or was not read. */
  readonly cause: DriftCause | null;
}

/** A drift that has ended. */
export interface EndedDrift extends Pick<DriftedEntity, 'kind' | 'name' | 'since' | 'cause'> {
  /** The look that saw its end. */
  readonly endedAt: Timestamp;
  /** `enforced`: a scheduled run has applied the manifest. `gone`: it was gone when a look came. */
  readonly how: 'enforced' | 'gone';
}

/** A scheduled run, as a record names it. */
export interface LookingRun {
  readonly schedule: string;
  readonly command: ScheduleCommand;
  readonly workflowId: string;
  readonly runId: string;
}

/** A scheduled run that could not tell whether anything drifts. */
export interface FailedLook {
  readonly at: Timestamp;
  readonly result: string;
  readonly reason: string;
  readonly run: LookingRun;
}

/** The last look of one schedule. Several may look at different entities of an environment. */
export interface ScheduleLook {
  readonly schedule: string;
  readonly manifest: string;
  /** Null before the first look. */
  readonly at: Timestamp | null;
  /** The run that has looked. Null before the first look. */
  readonly runId: string | null;
  /** Entities that its manifest declares. */
  readonly declared: number;
  /** Entities that it saw in drift and that the record does not list. */
  readonly unlisted: number;
  /** Null where its last run has looked at all entities. */
  readonly failed: FailedLook | null;
}

/** The drift of an environment: content of the record workflow. */
export interface DriftRecord {
  readonly version: 1;
  readonly account: string;
  readonly namespace: string;
  readonly environment: string;
  /** The time of the last look. Null before the first one. */
  readonly lookedAt: Timestamp | null;
  readonly lookedBy: LookingRun | null;
  /** Entities that the manifests declare. */
  readonly declared: number;
  /** The first {@link MAX_RECORDED} in drift, the longest first. */
  readonly drifted: readonly DriftedEntity[];
  /** Entities in drift. */
  readonly inDrift: number;
  /** The last that have ended, newest first. */
  readonly ended: readonly EndedDrift[];
  /** The last run that could not look. Null where the last run of each schedule has looked. */
  readonly failed: FailedLook | null;
  /** By schedule; the {@link MAX_LOOKS} that have run last. */
  readonly looks: readonly ScheduleLook[];
}

/** The findings of a scheduled run. */
export interface DriftLook {
  readonly at: Timestamp;
  readonly run: LookingRun;
  readonly manifest: string;
  readonly declared: number;
  /** The first {@link MAX_RECORDED} of those in drift. */
  readonly found: readonly FoundDrift[];
  /** All that are in drift. */
  readonly inDrift: number;
  /** `Kind/name` of entities that the run has brought back to the manifest. */
  readonly corrected: readonly string[];
  /** The entities that could not be read, as `Kind/name`: what is known of them stays. Missing if all were read. */
  readonly unread?: { readonly ids: readonly string[]; readonly reason: string };
}

/** The change that a look made to a record. */
export interface DriftChanges {
  /** Entities in drift that were not before. */
  readonly begun: readonly DriftedEntity[];
  readonly ended: readonly EndedDrift[];
  /** Entities whose cause may be in CloudTrail: the first {@link MAX_SEARCHED}. */
  readonly unexplained: readonly Pick<DriftedEntity, 'kind' | 'name' | 'since' | 'notBefore'>[];
  /** `stopped`: the schedule could look before, and now cannot, or for another reason. `resumed`: it can again. */
  readonly looking: 'stopped' | 'resumed' | null;
}

/** A cause that was found. */
export interface FoundCause extends Pick<DriftedEntity, 'kind' | 'name' | 'since'> {
  readonly cause: DriftCause;
}

/** The argument of the record's update: a look, a run that could not look, or causes. */
export type DriftUpdate =
  | { readonly type: 'look'; readonly look: DriftLook }
  | { readonly type: 'failed'; readonly failed: FailedLook }
  | { readonly type: 'causes'; readonly causes: readonly FoundCause[] };

/** An environment that is watched, or was. */
export interface WatchedEnvironment extends EnvironmentReference {
  /** `unknown`: nothing has looked at it yet, or not all of it could be read and nothing that was read drifts. */
  readonly state: 'drift' | 'no-drift' | 'unknown';
  /** Null before the first look. */
  readonly record: DriftRecord | null;
  readonly schedules: readonly ScheduleSummary[];
  /** Null where no schedule looks again. */
  readonly nextLookAt: string | null;
  /** The reason that nothing has looked when it should have, or will not. Null where all is well. */
  readonly problem: string | null;
}

/** A fleet that is watched: its accounts are among the environments once a run has looked at them. */
export interface WatchedFleet {
  readonly namespace: string;
  readonly fleet: string;
  readonly schedules: readonly ScheduleSummary[];
  /** Null where no schedule looks again. */
  readonly nextLookAt: string | null;
  /** The reason that its last run has not looked at all accounts. Null where all is well. */
  readonly problem: string | null;
}

/** The present state of everything that is watched: result of `drift`. */
export interface DriftState {
  readonly version: 1;
  readonly command: 'drift';
  readonly at: string;
  readonly environments: readonly WatchedEnvironment[];
  readonly fleets: readonly WatchedFleet[];
}

/** Argument of the activity that changes a drift record. */
export interface RecordDriftRequest {
  readonly of: EnvironmentReference;
  readonly update: DriftUpdate;
}
