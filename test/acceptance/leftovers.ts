import { setTimeout as pause } from 'node:timers/promises';
import { awsError, isUnsupported } from '../../src/aws/errors.js';
import { takeCompleteSnapshot } from '../../src/aws/inventory.js';
import type { AwsClients } from '../../src/aws/clients.js';
import type { Target } from '../../src/contract/entity.js';
import { orderByEffect } from '../../src/engine/write-order.js';
import { findKind } from '../../src/kinds/index.js';
import type { Kind, ListedEntity, Observed } from '../../src/kinds/kind.js';
import { isInScope } from './write-guard.js';
import type { NameScope } from './write-guard.js';

/** An entity of the account. */
export interface Standing {
  readonly kind: Kind;
  readonly listed: ListedEntity;
}

/** The entities of an account, and the kinds that could not be listed. */
export interface Listing {
  readonly entities: readonly Standing[];
  readonly unread: readonly string[];
}

/** Kinds whose entities have names, in the order in which they can be deleted. Credentials go with their user. */
const NAMED = [
  ...['InstanceProfile', 'Role', 'ServiceLinkedRole', 'Group', 'VirtualMFADevice', 'User', 'Policy'],
  ...['OpenIDConnectProvider', 'SAMLProvider', 'ServerCertificate', 'AccountAlias'],
];

/** Times for which a deletion is tried again: what AWS deletes still stands in some of its reads for a while. */
const MAX_PASSES = 6;
const BETWEEN_PASSES_MS = 3_000;

/** Lists the entities of an account that have names. */
export async function listEntities({ reader }: AwsClients, target: Target): Promise<Listing> {
  const types = new Set(['Role', 'User', 'Group', 'LocalManagedPolicy'] as const);
  const snapshot = takeCompleteSnapshot({ reader, types, sleep: (ms) => pause(ms) });
  const entities: Standing[] = [];
  const unread: string[] = [];
  for (const name of NAMED) {
    const kind = findKind(name);
    if (kind === undefined) throw new Error(`there is no kind ${name}`);
    try {
      for (const listed of await kind.listAll(snapshot, target)) entities.push({ kind, listed });
    } catch (error) {
      if (!isRefusal(error)) throw error;
      unread.push(name);
    }
  }
  return { entities, unread };
}

/** Returns the part of an entity's name that a scope decides by. */
export function scopedName({ kind, listed }: Standing): string {
  const afterPath = listed.name.slice(listed.name.lastIndexOf('/') + 1);
  const { customSuffix = '' } = listed.spec;
  if (kind.name === 'ServiceLinkedRole') return typeof customSuffix === 'string' ? customSuffix : '';
  return afterPath;
}

/** Returns the entities that runs with these names have left. */
export function leftIn(listing: Listing, scope: NameScope): Standing[] {
  return listing.entities.filter((one) => isInScope(scopedName(one), scope));
}

/** Returns `Role/name` for people. */
export function describe({ kind, listed }: Standing): string {
  return `${kind.name}/${listed.name}`;
}

/**
 * Deletes all that runs with these names have made. Returns what is left.
 *
 * @param announce - gets each list of entities, before they are deleted
 */
export async function deleteLeftovers(
  clients: AwsClients,
  target: Target,
  scope: NameScope,
  {
    announce,
    again = true,
  }: { readonly announce?: (found: readonly Standing[]) => void; readonly again?: boolean } = {},
): Promise<readonly Standing[]> {
  for (let pass = 1; ; pass += 1) {
    const found = leftIn(await listEntities(clients, target), scope);
    if (found.length === 0) return [];
    if (pass === 1) announce?.(found);
    if (pass > MAX_PASSES) return found;
    if (pass > 1 && again) await pause(BETWEEN_PASSES_MS);
    for (const one of found) await deleteOne(clients, target, one);
  }
}

async function deleteOne(clients: AwsClients, target: Target, { kind, listed }: Standing): Promise<void> {
  const { reader } = clients;
  try {
    const observed = await kind.read(reader, listed, target);
    if (observed === undefined) return;
    for (const write of await writesOf(kind, clients, observed)) {
      const sent = clients.write(write.operation, write.input);
      const { output } = await sent;
      await write.waitUntilApplied?.(reader, output);
    }
  } catch (error) {
    // The next pass sees what is left.
    if (awsError(error).httpStatus === null) throw error;
  }
}

async function writesOf(kind: Kind, { reader }: AwsClients, observed: Observed) {
  const dependents = (await kind.listDependents?.(reader, observed)) ?? [];
  const detach = dependents.flatMap((dependent) => dependent.detach ?? []);
  return [...detach, ...orderByEffect(await kind.delete(reader, observed))];
}

/** Reports an error that says that the endpoint does not have the operation, or that it is not allowed. */
function isRefusal(error: unknown): boolean {
  const aws = awsError(error);
  return isUnsupported(aws) || aws.httpStatus === 403 || (aws.httpStatus ?? 0) >= 500 || aws.code === 'ForeignReply';
}
