import type { FleetRequest } from './fleet.js';
import type { SchedulePermit } from './identity.js';
import type { ScheduleCommand, ScheduledRun } from './schedule.js';

/** The runs of a schedule for a fleet. Their argument is the request. */
export interface ScheduledFleet {
  readonly version: 1;
  /** The ID of the schedule. */
  readonly schedule: string;
  readonly command: ScheduleCommand;
  /** The request as it was when the schedule was made. See {@link ScheduledRun}. */
  readonly request: FleetRequest;
}

/** The argument of the workflow that permits a schedule. The request has the proof of its maker. */
export type SchedulePermitRequest = ScheduledRun | ScheduledFleet;

/** The result of the workflow that permits a schedule. Null where the workers ask for no proof. */
export type PermittedSchedule = SchedulePermit | null;
