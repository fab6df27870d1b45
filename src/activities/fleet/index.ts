import type { FleetActivities, FleetRequest } from '../../contract/fleet.js';
import type { Target } from '../../contract/entity.js';
import type { Accounts } from '../runtime/accounts.js';
import type { Enforcement } from '../runtime/enforcement.js';
import { runActivity } from '../runtime/activity-context.js';
import { prepareAccount } from './prepare-account.js';
import { resolveFleet } from './resolve-fleet.js';

/** Returns the activities that find the accounts of a fleet, and that make the request for each. */
export function createFleetActivities(
  accounts: Pick<Accounts, 'organization'>,
  enforcement: Pick<Enforcement, 'targetForReads'>,
): Pick<FleetActivities, 'resolveFleet' | 'prepareFleetAccount'> {
  return {
    resolveFleet: (request) =>
      runActivity(async ({ calls }) => {
        const { organization, close } = accounts.organization(targetOf(request, enforcement));
        try {
          return await resolveFleet(request, organization, calls);
        } finally {
          close();
        }
      }),
    prepareFleetAccount: (request) => runActivity(() => Promise.resolve(prepareAccount(request))),
  };
}

/** Returns the target whose organization is read: that of the fleet's role, or of the worker's own credentials. */
function targetOf({ partition, selection }: FleetRequest, enforcement: Pick<Enforcement, 'targetForReads'>): Target {
  const { organizationRole: assumeRole } = selection;
  if (assumeRole === undefined) return { account: '', partition };
  return enforcement.targetForReads({ account: assumeRole.split(':')[4] ?? '', partition, assumeRole });
}
