import type { DesiredEntity } from '../../contract/entity.js';
import { ExitCode } from '../../contract/failures.js';
import { ACCOUNT } from '../../contract/request.js';
import { UserFacingError } from '../../contract/user-facing-error.js';
import { findKind, KINDS } from '../../kinds/index.js';

/** The default window of `explain` and `conflicts`: seven days. */
export const DEFAULT_WINDOW_MS = 7 * 24 * 3_600_000;

/** The remedy for a query of an unknown form. */
export const QUERY_FORMS = 'give an entity (Role/deploy), the request ID of an AWS call, or the ID of a run';

/** Reports a query that cannot be looked up. */
export class QueryError extends UserFacingError {
  override readonly name = 'QueryError';
  override readonly exitCode = ExitCode.Usage;
}

/** @throws QueryError where a given account is malformed */
export function assertAccount(account: string | undefined): void {
  if (account === undefined || ACCOUNT.test(account)) return;
  throw new QueryError(`${account} is not an AWS account ID`, 'give its twelve digits');
}

/** Parses `Kind/name`. Only the kind and the name of the entity are known. */
export function parseEntity(query: string): DesiredEntity {
  const [kindName = '', ...rest] = query.split('/');
  const name = rest.join('/');
  const kind = findKind(kindName);
  if (kind === undefined) {
    throw new QueryError(`unknown kind ${kindName}`, `use one of: ${KINDS.map((known) => known.name).join(', ')}`);
  }
  // The name becomes part of a query to Temporal.
  if (name === '' || /["\\\p{C}]/u.test(name)) throw new QueryError(`${query} does not name an entity`, QUERY_FORMS);
  const [property] = kind.keyProperties;
  return {
    kind: kindName,
    name,
    state: 'present',
    adopt: 'unowned',
    observe: false,
    shared: false,
    unmanaged: 'keep',
    spec: property === undefined ? {} : { [property]: name },
    dependsOn: [],
  };
}

/** Returns a note where Temporal keeps runs for less than the requested window. Null where it keeps them long enough. */
export function retentionNote(retentionMs: number | null, windowMs: number): string | null {
  if (retentionMs === null || retentionMs >= windowMs) return null;
  const hours = Math.round(retentionMs / 3_600_000);
  const kept = hours % 24 === 0 ? `${String(hours / 24)} d` : `${String(hours)} h`;
  return `Temporal keeps runs for ${kept} after they finish, less than the requested window: earlier runs are missing`;
}
