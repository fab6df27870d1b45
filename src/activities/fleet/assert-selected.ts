import type { FleetAccount, FleetRequest } from '../../contract/fleet.js';
import { failure } from '../runtime/failures.js';

/**
 * Makes sure that an account can be one of its fleet: any client may have made up what a run goes on from.
 *
 * @throws ApplicationFailure
 */
export function assertSelected(request: FleetRequest, account: FleetAccount): void {
  if (mayBeOf(request, account.id)) return;
  throw failure('NotAllowed', `no worker has found account ${account.id} for fleet ${request.fleet}`, {
    remedy: 'apply again',
  });
}

/** Reports whether a request can be for an account, as far as that is known without AWS Organizations. */
function mayBeOf({ selection, only }: FleetRequest, id: string): boolean {
  const { ids, organizationalUnits, tags, exclude } = selection;
  const isListed = organizationalUnits.length === 0 && Object.keys(tags).length === 0;
  if (exclude.includes(id) || only?.includes(id) === false) return false;
  return !isListed || ids.includes(id);
}
