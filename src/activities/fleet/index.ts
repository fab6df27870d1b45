import type { FleetActivities, FleetRequest } from '../../contract/fleet.js';
import type { Target } from '../../contract/entity.js';
import type { AccountRuns } from '../account-runs.js';
import type { Accounts } from '../runtime/accounts.js';
import type { Enforcement } from '../runtime/enforcement.js';
import { runActivity } from '../runtime/activity-context.js';
import { assertAccountAllowed, assertFleetAllowed } from './assert-provable.js';
import { prepareAccount } from './prepare-account.js';
import { resolveFleet } from './resolve-fleet.js';

/** The connections of a worker that the activities of a fleet use. */
export interface FleetParts {
  readonly accounts: Pick<Accounts, 'organization'>;
  readonly accountRuns: Pick<AccountRuns, 'find'>;
  readonly enforcement: Pick<Enforcement, 'targetForReads' | 'guardrails'>;
  /** The worker takes only signed requests. */
  readonly isSignedOnly: boolean;
}

/** Returns the activities that find the accounts of a fleet, make the request for each, and find their runs again. */
export function createFleetActivities({
  accounts,
  accountRuns,
  enforcement,
  isSignedOnly,
}: FleetParts): FleetActivities {
  return {
    resolveFleet: (request) =>
      runActivity(async ({ calls }) => {
        assertFleetAllowed(isSignedOnly);
        const { organization, close } = accounts.organization(targetOf(request, enforcement));
        try {
          return await resolveFleet(request, organization, calls);
        } finally {
          close();
        }
      }),
    prepareFleetAccount: (request) =>
      runActivity(() => {
        const prepared = prepareAccount(request);
        if (request.request.command === 'apply') assertAccountAllowed(enforcement, prepared);
        return Promise.resolve(prepared);
      }),
    findAccountRun: (run) => runActivity(() => accountRuns.find(run)),
  };
}

/** Returns the target whose organization is read: that of the fleet's role, or of the worker's own credentials. */
function targetOf({ partition, selection }: FleetRequest, enforcement: Pick<Enforcement, 'targetForReads'>): Target {
  const { organizationRole: assumeRole } = selection;
  if (assumeRole === undefined) return { account: '', partition };
  return enforcement.targetForReads({ account: assumeRole.split(':')[4] ?? '', partition, assumeRole });
}
