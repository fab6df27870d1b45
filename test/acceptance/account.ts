import { describe, isMadeBy, listEntities } from './leftovers.js';
import type { Standing } from './leftovers.js';
import { namesOfRuns } from './names.js';
import { clientsOf } from './clients.js';
import type { Play } from './play.js';

/** Reports an account that a run does not enter. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

/** Entities that are named in a message. */
const MAX_NAMED = 10;

/** Refuses an account that holds other entities, unless the user allows it. */
export async function refuseOthers({ options, gateway, target }: Play, caller: string): Promise<void> {
  if (options.allowOtherEntities) return;
  const clients = clientsOf({ gateway, target });
  const names = namesOfRuns(options.prefix);
  const { entities: all, unread } = await listEntities(clients, target);
  clients.destroy();
  if (unread.length > 0) {
    throw new RefusedError(
      `account ${options.account} cannot be listed completely (${unread.join(', ')}), so it may hold other entities: ` +
        'allow the reads of IAM, or use --allow-other-entities',
    );
  }
  const others = all.filter((one) => !isMadeBy(one, names) && !isOfAws(one) && !isCaller(one, caller));
  if (others.length === 0) return;
  const named = others.slice(0, MAX_NAMED).map(describe).join(', ');
  throw new RefusedError(
    `account ${options.account} holds ${others.length === 1 ? '1 entity' : `${String(others.length)} entities`} ` +
      `that no acceptance run made: ${named}${others.length > MAX_NAMED ? ', …' : ''}. ` +
      'Use an account for tests, or --allow-other-entities',
  );
}

/** Paths that only AWS uses: those of service-linked roles, and of the roles of IAM Identity Center. */
const PATHS_OF_AWS = /^\/?(aws-service-role|aws-reserved)\//;

/** The identity provider of IAM Identity Center. */
const PROVIDER_OF_AWS = /^AWSSSO_[0-9a-f]+_DO_NOT_DELETE$/;

/** The role by which the management account of an organization enters a new account. */
const ROLE_OF_ORGANIZATION = 'OrganizationAccountAccessRole';

/**
 * Reports an entity that AWS makes in an account by itself. A name that begins with `AWSReservedSSO_` says nothing, since
 * any role may have it, and so does the path `/service-role/`, which the console gives to roles that a person makes.
 */
export function isOfAws({ kind, listed }: Standing): boolean {
  if (kind.name === 'ServiceLinkedRole') return true;
  if (kind.name === 'SAMLProvider') return PROVIDER_OF_AWS.test(listed.name);
  if (kind.name !== 'Role') return false;
  const { path } = listed.spec;
  const fromArn = listed.arn?.replace(/^[^/]*/, '') ?? '';
  return (
    PATHS_OF_AWS.test(typeof path === 'string' ? path : fromArn) ||
    (listed.name === ROLE_OF_ORGANIZATION && (path ?? '/') === '/')
  );
}

/** Reports the user or the role that calls. */
export function isCaller({ kind, listed }: Standing, arn: string): boolean {
  const name = listed.name.slice(listed.name.lastIndexOf('/') + 1);
  const role = /:assumed-role\/([^/]+)\//.exec(arn)?.[1];
  const user = /:user\/(?:.*\/)?([^/]+)$/.exec(arn)?.[1];
  return (kind.name === 'Role' && name === role) || (kind.name === 'User' && name === user);
}
