import type { FleetActivities } from '../../contract/fleet.js';
import { runActivity } from '../runtime/activity-context.js';
import { prepareAccount } from './prepare-account.js';
import { resolveFleet } from './resolve-fleet.js';

/** Returns the activities that find the accounts of a fleet, and that make the request for each. */
export function createFleetActivities(): Pick<FleetActivities, 'resolveFleet' | 'prepareFleetAccount'> {
  return {
    resolveFleet: (request) => runActivity(() => Promise.resolve(resolveFleet(request))),
    prepareFleetAccount: (request) => runActivity(() => Promise.resolve(prepareAccount(request))),
  };
}
