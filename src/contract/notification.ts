import type { DeclaringManifest } from './declarations.js';
import type { Timestamp } from './entity.js';

/** The types of notifications. Each that begins is told again when it ends. */
export const NOTIFICATION_TYPES = [
  'drift.found',
  'drift.gone',
  'run.refused',
  'run.failed',
  /** A run has converged, or a schedule looks again, after the last one was refused or failed. */
  'run.recovered',
  'approval.waiting',
  'approval.ended',
] as const;

/** One of {@link NOTIFICATION_TYPES}. */
export type NotificationType = (typeof NOTIFICATION_TYPES)[number];

/** Entities that a notification names, at most. */
export const MAX_NOTIFIED_ENTITIES = 20;

/** Characters of a line of a notification, at most. */
export const MAX_NOTIFICATION_LINE = 300;

/** Characters of the address of a job in a notification, at most. A longer one is left out: a part of it leads nowhere. */
export const MAX_NOTIFICATION_URL = 2_000;

/** Numbers that a notification has, at most. */
export const MAX_NOTIFIED_COUNTS = 50;

/** Refusals and failures by which the ends of two runs are compared, at most. */
export const MAX_TROUBLES = 1_000;

/** Characters of the ID of a notification, at most: the workflow that delivers it is named by it. */
export const MAX_NOTIFICATION_ID = 150;

/** The run that a notification is about. */
export interface NotificationSubject {
  /** Null where it is the run of a fleet itself, which has many accounts. */
  readonly account: string | null;
  readonly namespace: string;
  /** The environment of the accounts: the name of the fleet where the run is a fleet's. */
  readonly environment: string;
  /** Missing where it is no run of a fleet itself. */
  readonly fleet?: string;
  readonly workflowId: string;
  readonly runId: string;
  /** Address of the CI job or schedule that asked for the run. Null where none is known. */
  readonly url: string | null;
}

/** The entity that a notification names. */
export interface NotifiedEntity {
  /** `Kind/name`. */
  readonly id: string;
  /** The change of the entity, in a line. */
  readonly line: string;
}

/** The change that people are told about. Holds no documents and no secrets; its texts may come from a manifest. */
export interface Notification {
  /** `TYPE:KEY`. Notifications of one ID are delivered once, from however many runs. */
  readonly id: string;
  readonly type: NotificationType;
  readonly at: Timestamp;
  readonly subject: NotificationSubject;
  /** The change in a line without a full stop: `2 of 30 entities differ from the manifest`. */
  readonly summary: string;
  readonly reason: string | null;
  readonly remedy: string | null;
  /** Numbers by name: `{ drifted: 2, unchanged: 28 }`. */
  readonly counts: Readonly<Record<string, number>>;
  /** The first {@link MAX_NOTIFIED_ENTITIES} entities. */
  readonly entities: readonly NotifiedEntity[];
  /** The number of entities that {@link entities} leaves out. */
  readonly omittedEntities: number;
}

/** Argument of the activity that delivers a notification. */
export interface DeliveryRequest {
  /** The name of the channel in the worker's file. */
  readonly channel: string;
  readonly notification: Notification;
}

/** The result of a notification workflow. */
export interface NotificationResult {
  /** The names of the channels that took it. Empty where the worker has no channel for it. */
  readonly delivered: readonly string[];
}

/** The end of a run, by which the ledger of its namespace knows whether people have been told. */
export interface RunOutcome extends DeclaringManifest {
  /** The refusals and failures, one a line, in a form that stays the same over runs. Empty where the run has converged. */
  readonly trouble: readonly string[];
  /**
   * The run has planned, and so has read the account. One that has not leaves no ledger where there is none: any client can
   * name an account and a namespace. Default: true.
   */
  readonly hasLooked?: boolean;
  readonly runId: string;
  /** The start of the run. */
  readonly at: Timestamp;
}

/** Argument of the activity that records the end of a run. */
export interface RecordOutcomeRequest extends RunOutcome {
  readonly account: string;
  readonly namespace: string;
}

/** The last end of a run of a manifest and environment, in the ledger of the namespace. */
export interface LastOutcome extends Omit<RunOutcome, 'trouble' | 'hasLooked'> {
  /** Digest of the refusals and failures. Null where the run has converged. */
  readonly trouble: string | null;
  /** The run has changed what people have to know. */
  readonly isChange: boolean;
}
