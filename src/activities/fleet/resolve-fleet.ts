import type { FleetAccount, FleetRequest, LeftOutAccount, ResolvedFleet } from '../../contract/fleet.js';
import { failure } from '../runtime/failures.js';

/**
 * Returns the accounts of a fleet, sorted by ID.
 *
 * @throws ApplicationFailure
 */
export function resolveFleet({ fleet, selection, only }: FleetRequest): ResolvedFleet {
  const { ids, exclude } = selection;
  const leftOut = ids
    .filter((id) => exclude.includes(id))
    .map((id): LeftOutAccount => ({ id, name: null, reason: 'the fleet excludes it' }));
  const accounts = [...new Set(ids)]
    .filter((id) => !exclude.includes(id))
    .sort()
    .map((id): FleetAccount => ({ id, name: null, tags: {} }));
  return { accounts: selectOnly(fleet, accounts, only), leftOut, calls: {} };
}

/** Returns the accounts of a fleet that a request is for. */
function selectOnly(
  fleet: string,
  accounts: readonly FleetAccount[],
  only: readonly string[] | undefined,
): readonly FleetAccount[] {
  if (only === undefined) return accounts;
  const unknown = only.filter((id) => !accounts.some((account) => account.id === id));
  if (unknown.length === 0) return accounts.filter(({ id }) => only.includes(id));
  throw failure('InvalidManifest', `fleet ${fleet} does not have account ${unknown.join(', ')}`, {
    remedy: 'name accounts of the fleet',
  });
}
