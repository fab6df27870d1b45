import type { Pipeline } from './entity.js';
import type { ReportResult } from './report.js';
import type { BootstrapRequest } from './request.js';
import type { Revision } from './revision.js';

/** The values of {@link ScheduleCommand}. */
export const SCHEDULE_COMMANDS = ['detect', 'enforce'] as const;

/** The thing that a schedule does: find drift, or find it and apply the manifest. */
export type ScheduleCommand = (typeof SCHEDULE_COMMANDS)[number];

/** The shortest interval of a schedule, in milliseconds: a run takes seconds. */
export const MIN_INTERVAL_MS = 10_000;

/** A name that tells schedules of one environment apart. */
export const SCHEDULE_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** The times of a schedule, as the user gave them. One of `every` and `cron` is set. */
export interface Timing {
  /** In milliseconds. */
  readonly every?: number;
  /** Five fields, in UTC. */
  readonly cron?: string;
  /** Delays each run by a random time of at most this, in milliseconds. */
  readonly jitter?: number;
}

/** The argument of a scheduled run. */
export interface ScheduledRun {
  readonly version: 1;
  /** The ID of the schedule. */
  readonly schedule: string;
  readonly command: ScheduleCommand;
  /** The request as it was when the schedule was made. Its proof is the permit, where the workers ask for one. */
  readonly request: BootstrapRequest;
}

/** The result of a scheduled run. */
export interface ScheduledResult {
  readonly version: 1;
  readonly command: ScheduleCommand;
  /** `outdated`: a newer manifest was applied, so that this one says nothing about drift. */
  readonly result: ReportResult | 'outdated';
  /** Entities that differ from the manifest at the end of the run. */
  readonly inDrift: number;
  /** Entities that this run has brought back to the manifest. */
  readonly corrected: number;
  readonly reason: string | null;
  readonly remedy: string | null;
}

/** The memo of a schedule: what its ID stands for. It never changes. */
export interface ScheduleMemo {
  /** Null for a fleet, whose name is then that of the environment. */
  readonly account: string | null;
  readonly namespace: string;
  readonly environment: string;
  readonly command: ScheduleCommand;
}

/** The memo of a schedule's runs, which clients read without decoding the request. */
export interface ScheduledRunMemo {
  readonly digest: string;
  readonly manifest: string;
  readonly environment: string;
  readonly pipeline: Pipeline;
  readonly timing: Timing;
  readonly revision?: Revision;
}

/** A schedule, as a list shows it. */
export interface ScheduleSummary {
  readonly id: string;
  readonly command: ScheduleCommand;
  /** Null where it is for the accounts of a fleet, whose name is then that of the environment. */
  readonly account: string | null;
  readonly namespace: string;
  readonly environment: string;
  readonly paused: boolean;
  /** The reason that it is paused, or null. */
  readonly note: string | null;
  /** Null where it is paused, or its times lie in the past. */
  readonly nextAt: string | null;
  /** The start of the last run; null before the first one. */
  readonly lastAt: string | null;
  /** The last run; null before the first one. */
  readonly lastRun: { readonly workflowId: string; readonly runId: string } | null;
}
