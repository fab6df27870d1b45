import type { FleetActivities, FleetRequest } from '../../contract/fleet.js';
import type { Target } from '../../contract/entity.js';
import type { AccountRuns } from '../account-runs.js';
import type { Accounts } from '../runtime/accounts.js';
import type { Enforcement } from '../runtime/enforcement.js';
import { runActivity } from '../runtime/activity-context.js';
import { assertAccountAllowed, assertFleetAllowed } from './assert-provable.js';
import { assertUnchanged } from './assert-unchanged.js';
import { assertSelected } from './assert-selected.js';
import { prepareAccount } from './prepare-account.js';
import { resolveFleet } from './resolve-fleet.js';

/** The connections of a worker that the activities of a fleet use. */
export interface FleetParts {
  readonly accounts: Pick<Accounts, 'organization'>;
  readonly accountRuns: Pick<AccountRuns, 'find'>;
  readonly enforcement: Pick<Enforcement, 'targetForReads' | 'guardrails' | 'permits'>;
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
        assertUnchanged(request);
        const { organization, close } = accounts.organization(targetOf(request, enforcement));
        try {
          const { permits } = enforcement;
          const resolved = await resolveFleet(request, organization, calls);
          if (permits === undefined) return resolved;
          return { ...resolved, accounts: resolved.accounts.map((one) => permits.permitAccount(request.digest, one)) };
        } finally {
          close();
        }
      }),
    prepareFleetAccount: (request) =>
      runActivity(async () => {
        assertUnchanged(request.request);
        assertSelected(request, enforcement.permits);
        const prepared = await prepareAccount(request);
        if (request.request.command === 'apply') assertAccountAllowed(enforcement, prepared);
        return prepared;
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
