import { awsError, failureTypeOf } from '../../aws/errors.js';
import type { Organization, OrganizationAccount } from '../../aws/organizations.js';
import type { FleetAccount, FleetRequest, LeftOutAccount, ResolvedFleet } from '../../contract/fleet.js';
import { usesOf } from '../../engine/manifest/bundle.js';
import { failure } from '../runtime/failures.js';

/**
 * Returns the accounts of a fleet, sorted by ID. AWS Organizations is read where the selection or a template of the manifest
 * needs it: without units and tags, the listed accounts are the fleet.
 *
 * @throws ApplicationFailure
 */
export async function resolveFleet(
  request: FleetRequest,
  organization: Organization,
  calls: Readonly<Record<string, number>> = {},
): Promise<ResolvedFleet> {
  const { fleet, selection, only } = request;
  const uses = usesOf(request.manifest);
  const found = needsOrganization(request) ? await readSelected(request, organization) : listed(selection.ids);
  const leftOut: LeftOutAccount[] = [];
  const accounts: FleetAccount[] = [];
  for (const { id, name, state } of [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const reason = selection.exclude.includes(id) ? 'the fleet excludes it' : reasonOf(state);
    if (reason !== null) {
      leftOut.push({ id, name, reason });
      continue;
    }
    const isListed = selection.ids.includes(id);
    const filters = isListed ? [] : Object.entries(selection.tags);
    // One call for each account, so only where something depends on its tags.
    const needsTags = uses.tags || filters.length > 0;
    const tags = needsTags ? await asked(fleet, () => organization.tagsOf(id)) : {};
    if (filters.every(([key, value]) => tags[key] === value)) accounts.push({ id, name, tags });
  }
  if (accounts.length === 0) throw noAccount(fleet, leftOut);
  return { accounts: selectOnly(fleet, accounts, only), leftOut, calls };
}

/** Reports whether the accounts of a fleet, or what its manifest says of them, are known to AWS Organizations only. */
export function needsOrganization({ selection, manifest }: FleetRequest): boolean {
  const uses = usesOf(manifest);
  const { organizationalUnits, tags, organizationRole } = selection;
  if (organizationalUnits.length > 0 || Object.keys(tags).length > 0) return true;
  return uses.names || uses.tags || organizationRole !== undefined;
}

function noAccount(fleet: string, leftOut: readonly LeftOutAccount[]): Error {
  const why = leftOut.length === 0 ? '' : `: ${leftOut.map(({ id, reason }) => `${id} (${reason})`).join(', ')}`;
  return failure('InvalidManifest', `fleet ${fleet} has no account${why}`, {
    remedy: 'correct ids, organizationalUnits, tags or exclude of the fleet',
  });
}

const ACTIVE = 'ACTIVE';

/** The state of a listed account that the organization does not show. */
const ABSENT = 'ABSENT';

/** The reasons for which accounts are left out, by AWS's states. */
const REASONS: Readonly<Record<string, string | undefined>> = {
  PENDING_ACTIVATION: 'its activation is pending',
  SUSPENDED: 'it is suspended',
  PENDING_CLOSURE: 'its closure is pending',
  CLOSED: 'it is closed',
  [ABSENT]: 'the organization has no such account',
};

/** Returns why an account is left out; null where it is not. AWS may add states. */
function reasonOf(state: string): string | null {
  return state === ACTIVE ? null : (REASONS[state] ?? `its state is ${state}`);
}

type Found = ReadonlyMap<string, OrganizationAccount>;

function listed(ids: readonly string[]): Found {
  return new Map(ids.map((id) => [id, { id, name: null, state: ACTIVE }]));
}

/** Returns the accounts that are listed, and those of the units or of the organization. */
async function readSelected({ fleet, selection }: FleetRequest, organization: Organization): Promise<Found> {
  const { ids, organizationalUnits, tags } = selection;
  const found = new Map<string, OrganizationAccount>();
  const units = [...organizationalUnits];
  for (let next = units.shift(); next !== undefined; next = units.shift()) {
    const unit = next;
    for (const account of await asked(fleet, () => organization.accountsOf(unit))) found.set(account.id, account);
    units.push(...(await asked(fleet, () => organization.unitsOf(unit))));
  }
  const selectsAll = organizationalUnits.length === 0 && Object.keys(tags).length > 0;
  if (!selectsAll && ids.every((id) => found.has(id))) return found;
  const all = await asked(fleet, () => organization.accounts());
  for (const account of all) if (selectsAll || ids.includes(account.id)) found.set(account.id, account);
  for (const id of ids) if (!found.has(id)) found.set(id, { id, name: null, state: ABSENT });
  return found;
}

/** Asks AWS Organizations. What a person has to correct ends the run, and names the fleet. */
async function asked<T>(fleet: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const answer = awsError(error);
    const { operation, code, requestId, message } = answer;
    const details = { operation, code, requestId };
    const said = `${operation ?? 'AWS Organizations'} answered ${code}: ${message}`;
    if (['ParentNotFound', 'OrganizationalUnitNotFound'].includes(code)) {
      throw failure('InvalidManifest', `fleet ${fleet} names an organizational unit that does not exist: ${said}`, {
        ...details,
        remedy: 'correct organizationalUnits of the fleet',
      });
    }
    const isDenied = failureTypeOf(answer) === 'AccessDenied';
    if (!isDenied && code !== 'AWSOrganizationsNotInUse') throw error;
    throw failure(isDenied ? 'AccessDenied' : 'OrganizationAccess', `fleet ${fleet} cannot be read: ${said}`, {
      ...details,
      remedy:
        'name a role of the management account, or of a delegated administrator, with organizationRole, and allow it organizations:ListAccounts, ListAccountsForParent, ListOrganizationalUnitsForParent and ListTagsForResource',
    });
  }
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
