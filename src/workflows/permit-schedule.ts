import type { PermittedSchedule, SchedulePermitRequest } from '../contract/schedule-permit.js';
import { permitActivities } from './activities.js';
import { assertSchedulePermitRequest } from './requests.js';

/** Has a worker verify who makes a schedule, and permit its runs. Takes no lock and writes nothing. */
export async function permitSchedule(request: SchedulePermitRequest): Promise<PermittedSchedule> {
  assertSchedulePermitRequest(request);
  return permitActivities.permitSchedule(request);
}
