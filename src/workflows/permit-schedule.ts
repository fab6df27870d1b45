import type { PermittedSchedule, SchedulePermitRequest } from '../contract/schedule.js';
import { permitActivities } from './activities.js';
import { assertScheduledRun } from './requests.js';

/** Has a worker verify who makes a schedule, and permit its runs. Takes no lock and writes nothing. */
export async function permitSchedule(request: SchedulePermitRequest): Promise<PermittedSchedule> {
  assertScheduledRun(request);
  return permitActivities.permitSchedule(request);
}
