import { type DesiredEntity, entityId, entityKey } from '../../contract/entity.js';
import type { EntityReport } from '../../contract/report.js';
import { ExitCode } from '../../contract/failures.js';
import { ACCOUNT } from '../../contract/request.js';
import { UserFacingError } from '../../contract/user-facing-error.js';
import { findKind, KINDS } from '../../kinds/index.js';

/** The default window of `explain` and `conflicts`: seven days. */
export const DEFAULT_WINDOW_MS = 7 * 24 * 3_600_000;

/** The remedy for a query of an unknown form. */
export const QUERY_FORMS =
  'give an entity (Role/deploy), a name, an ARN, the request ID of an AWS call, or the workflow or run ID of a run';

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

/** Kinds by the type of resource in their ARNs. */
const KIND_OF_RESOURCE: Readonly<Record<string, string>> = {
  role: 'Role',
  'assumed-role': 'Role',
  user: 'User',
  group: 'Group',
  policy: 'Policy',
  'instance-profile': 'InstanceProfile',
  'oidc-provider': 'OpenIDConnectProvider',
  'saml-provider': 'SAMLProvider',
  'server-certificate': 'ServerCertificate',
  mfa: 'VirtualMFADevice',
};

/** The parts of the ARN of an entity. */
interface ParsedArn {
  readonly partition: string;
  readonly account: string;
  /** `Role/deploy`. */
  readonly id: string;
}

/**
 * Parses the ARN of an entity, or that of a session of a role. Undefined for a query that is no ARN.
 *
 * @throws QueryError for an ARN that names no entity
 */
export function parseArn(query: string): ParsedArn | undefined {
  if (!query.startsWith('arn:')) return undefined;
  const [, partition = '', account = '', type = '', path = ''] =
    /^arn:([\w-]+):(?:iam|sts)::(\d{12}):([\w-]+)\/(.+)$/.exec(query) ?? [];
  const kind = KIND_OF_RESOURCE[type];
  if (kind === undefined) throw new QueryError(`${query} is not the ARN of an IAM entity`, QUERY_FORMS);
  const parts = path.split('/');
  // The name of a provider is a URL; a session has its role's name first; other names come after their paths.
  const name = type === 'oidc-provider' ? path : ((type === 'assumed-role' ? parts[0] : parts.at(-1)) ?? '');
  return { partition, account, id: `${kind}/${name}` };
}

/**
 * Finds the entity with a name among those of runs.
 *
 * @throws QueryError where none has it, or several kinds do
 */
export function findNamed(entities: readonly Pick<DesiredEntity, 'kind' | 'name'>[], name: string): DesiredEntity {
  const named = entities.filter((entity) => entity.name.toLowerCase() === name.toLowerCase());
  const [id, ...others] = [...new Set(named.map(entityId))].sort();
  if (id === undefined) throw new QueryError(`no run of the window names an entity ${name}`, QUERY_FORMS);
  if (others.length > 0)
    throw new QueryError(`${name} may be ${[id, ...others].join(' or ')}`, 'name the kind as well');
  return parseEntity(id);
}

/** Returns a note where Temporal keeps runs for less than the requested window. Null where it keeps them long enough. */
export function retentionNote(retentionMs: number | null, windowMs: number): string | null {
  if (retentionMs === null || retentionMs >= windowMs) return null;
  const hours = Math.round(retentionMs / 3_600_000);
  const kept = hours % 24 === 0 ? `${String(hours / 24)} d` : `${String(hours)} h`;
  return `Temporal keeps runs for ${kept} after they finish, less than the requested window: earlier runs are missing`;
}

/** Returns an entity as a request declares it. Only kind and name are known where none does. */
export function findDeclared(
  declared: readonly DesiredEntity[],
  entity: Pick<EntityReport, 'kind' | 'name'>,
): DesiredEntity {
  return declared.find((other) => entityKey(other) === entityKey(entity)) ?? parseEntity(entityId(entity));
}
