import type { FleetActivities, FleetRequest } from '../../contract/fleet.js';
import type { Target } from '../../contract/entity.js';
import type { AccountRuns } from '../account-runs.js';
import type { FleetRequests } from '../fleet-requests.js';
import type { Accounts } from '../runtime/accounts.js';
import type { Enforcement } from '../runtime/enforcement.js';
import { announced } from '../runtime/announced.js';
import { runActivity } from '../runtime/activity-context.js';
import { assertUnchanged } from './assert-unchanged.js';
import { assertSelected } from './assert-selected.js';
import { prepareAccount } from './prepare-account.js';
import { failure } from '../runtime/failures.js';
import { needsOrganization, resolveFleet } from './resolve-fleet.js';

/** The connections of a worker that the activities of a fleet use. */
export interface FleetParts {
  readonly accounts: Pick<Accounts, 'organization'>;
  readonly accountRuns: Pick<AccountRuns, 'find' | 'findHolder'>;
  readonly requests: Pick<FleetRequests, 'ofThisRun'>;
  readonly enforcement: Pick<
    Enforcement,
    'targetForReads' | 'guardrails' | 'permitFleet' | 'delegations' | 'isSignedOnly'
  >;
  /** The channels that people are told by. Default: none. */
  readonly notifications?: object | undefined;
}

/** Returns the activities that find the accounts of a fleet, make the request for each, and find their runs and what holds them up. */
export function createFleetActivities({
  accounts,
  accountRuns,
  requests,
  enforcement,
  notifications,
}: FleetParts): FleetActivities {
  const { delegations } = enforcement;
  return {
    resolveFleet: (request) =>
      announced(
        notifications,
        runActivity(async ({ calls }) => {
          assertUnchanged(request);
          const permit = await enforcement.permitFleet(request);
          const { organization, close } = accounts.organization(targetOf(request, enforcement));
          try {
            const resolved = await resolveFleet(request, organization, calls);
            if (delegations === undefined || permit === null) return resolved;
            const accounts = resolved.accounts.map((account) => delegations.fleets.signAccount(permit, account));
            return { ...resolved, accounts, permit, ...(enforcement.isSignedOnly ? { signedDecisions: true } : {}) };
          } finally {
            close();
          }
        }),
      ),
    prepareFleetAccount: (given) =>
      runActivity(async () => {
        const request = await requests.ofThisRun();
        const permit = await delegations?.fleets.assertAccount(request, given);
        assertSelected(request, given.account);
        const prepared = await prepareAccount(request, given.account);
        return delegations === undefined || permit === undefined
          ? prepared
          : delegations.fleets.withPermit(permit, prepared);
      }),
    findAccountRun: (run) => runActivity(() => accountRuns.find(run)),
    findNamespaceHolder: (workflowId) => runActivity(() => accountRuns.findHolder(workflowId)),
  };
}

/**
 * Returns the target whose organization is read: that of the fleet's role, or of the worker's own credentials.
 *
 * @throws ApplicationFailure where the guardrails do not allow it. They say nothing of the worker's own credentials
 */
function targetOf(request: FleetRequest, enforcement: Pick<Enforcement, 'targetForReads' | 'guardrails'>): Target {
  const { partition, selection, fleet } = request;
  const { organizationRole: assumeRole } = selection;
  if (assumeRole === undefined) {
    if (enforcement.guardrails === null || !needsOrganization(request)) return { account: '', partition };
    throw failure('NotAllowed', `fleet ${fleet} would read AWS Organizations with the worker's own credentials`, {
      remedy: 'name a role with organizationRole, and allow it in the guardrails',
    });
  }
  return enforcement.targetForReads({ account: assumeRole.split(':')[4] ?? '', partition, assumeRole });
}
