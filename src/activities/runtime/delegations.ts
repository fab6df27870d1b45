import type { FleetPermit, SchedulePermit } from '../../contract/identity.js';
import type { BootstrapRequest } from '../../contract/request.js';
import type { FleetPermits } from './fleet-permits.js';
import type { SchedulePermits } from './schedule-permits.js';

/** The permits by which runs do what others were allowed: those of schedules, and those of fleets. */
export class Delegations {
  readonly schedules: SchedulePermits;
  readonly fleets: FleetPermits;

  constructor(schedules: SchedulePermits, fleets: FleetPermits) {
    this.schedules = schedules;
    this.fleets = fleets;
  }

  /**
   * Returns the permit of a request, in a run that may use it. Undefined where the request has none.
   *
   * @throws ApplicationFailure where the run may not use it
   */
  async assert(request: BootstrapRequest): Promise<SchedulePermit | FleetPermit | undefined> {
    const { permit, fleetPermit } = request.proof ?? {};
    if (fleetPermit !== undefined) return this.fleets.assert(request);
    return permit === undefined ? undefined : this.schedules.assert(request);
  }
}
