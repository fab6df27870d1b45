import { sleep } from '@temporalio/activity';
import { undefinedIfRefused } from '../aws/errors.js';
import { takeSnapshot } from '../aws/inventory.js';
import type { Reader } from '../aws/reader.js';
import { entityId, entityKey, entityKeyOfId } from '../contract/entity.js';
import {
  type EntityToLookUp,
  type FoundMembers,
  HeldSet,
  type LookedUp,
  type LookUpRequest,
  type LookUps,
  MAX_OTHER_MEMBERS,
} from '../contract/look-up.js';
import { isList, objectOrEmpty, strings } from '../engine/json.js';
import { nameNamespace, ownerOf } from '../engine/ownership.js';
import type { Kind, Observed } from '../kinds/kind.js';
import type { Ledgers } from './ledger.js';
import type { Account } from './runtime/accounts.js';
import type { Calls } from './runtime/activity-context.js';
import { emptyIfGone } from '../kinds/shared/reads.js';
import { kindOf } from './runtime/observe.js';
import { attempt, type RefusedRead } from '../aws/refused-reads.js';

/** The entity before it is read. */
const UNREAD: LookedUp = {
  status: 'unread',
  message: null,
  name: null,
  arn: null,
  path: null,
  createdAt: null,
  owner: null,
  id: null,
  members: {},
};

/** An entity that was read; undefined where it does not exist, or a reason why it could not be read. */
type Read = Observed | undefined | RefusedRead;

/**
 * Finds entities by name. The account is read in bulk, so that a name under another path or in another case is found as
 * well. What cannot be read is reported for the entities that need it, and fails nothing else.
 *
 * @throws WrongAccountError, or the error of STS
 */
export async function lookUpEntities(
  account: Account,
  ledgers: Pick<Ledgers, 'entityClaims'>,
  { entities }: LookUpRequest,
  calls: Calls,
): Promise<LookUps> {
  await account.guard.ensure();
  const kinds = [...new Set(entities.map(kindOf))];
  const read = new Map<EntityToLookUp, Read>();
  const unlisted = new Set<Kind>();
  await Promise.all(
    kinds.map(async (kind) => {
      const wanted = entities.filter((entity) => entity.kind === kind.name && !isOnlyCounted(entity));
      const { isListed, results } = await readAll(account, kind, wanted);
      if (!isListed) unlisted.add(kind);
      for (const [entity, result] of results) read.set(entity, result);
    }),
  );
  const claims = await claimsOf(account, ledgers, entities, read);
  const found = entities.map(async (entity) => {
    if (isOnlyCounted(entity)) return countCredentials(account, entity);
    const claim = claims.get(entityKey(entity)) ?? null;
    const one = await describe(account, entity, read.get(entity), claim);
    return unlisted.has(kindOf(entity)) ? { ...one, isByExactName: true as const } : one;
  });
  const [all, summary] = await Promise.all([
    Promise.all(found),
    undefinedIfRefused(() => account.clients.reader.get('GetAccountSummary', {})),
  ]);
  return { found: all, summary: summary?.SummaryMap, calls };
}

/** Reports whether only the credentials of a user are asked for: AWS gives them no name to find them by. */
function isOnlyCounted({ members }: EntityToLookUp): boolean {
  return members[HeldSet.Credentials] !== undefined;
}

/** The entities of a kind, and whether a listing showed them: it shows names in another case and under another path. */
interface ReadEntities {
  readonly isListed: boolean;
  readonly results: readonly (readonly [EntityToLookUp, Read])[];
}

/** Reads all wanted entities of a kind, in bulk where that is permitted. */
async function readAll(account: Account, kind: Kind, wanted: readonly EntityToLookUp[]): Promise<ReadEntities> {
  if (wanted.length === 0) return { isListed: true, results: [] };
  const { reader } = account.clients;
  const snapshot = takeSnapshot({
    reader,
    types: new Set(kind.detailType === null ? [] : [kind.detailType]),
    // Single reads would miss a name in another case.
    budget: Infinity,
    sleep,
  });
  const inBulk = await attempt(() => kind.readMany(snapshot, wanted, account.target));
  if (inBulk !== undefined && 'message' in inBulk) {
    return { isListed: true, results: wanted.map((entity) => [entity, inBulk] as const) };
  }
  const results = new Map<string, Promise<Read>>();
  const readOnce = (entity: EntityToLookUp): Promise<Read> => {
    const key = entityKey(entity);
    const result =
      results.get(key) ??
      attempt(async () => {
        const shown = inBulk ? inBulk.get(entity.name.toLowerCase()) : await kind.read(reader, entity, account.target);
        // The bulk read leaves out an owner that neither tags nor path show.
        return shown === undefined || kind.hidesOwner !== true ? shown : withRest(reader, kind, shown);
      });
    results.set(key, result);
    return result;
  };
  const all = await Promise.all(wanted.map(async (entity) => [entity, await readOnce(entity)] as const));
  return { isListed: inBulk !== undefined, results: all };
}

/** Returns the namespaces that claim what shows no owner itself, by `entityKey`. */
async function claimsOf(
  { target }: Account,
  ledgers: Pick<Ledgers, 'entityClaims'>,
  entities: readonly EntityToLookUp[],
  read: ReadonlyMap<EntityToLookUp, Read>,
): Promise<ReadonlyMap<string, string>> {
  const ids = entities.filter((entity) => !kindOf(entity).ownable && read.get(entity) !== undefined).map(entityId);
  if (ids.length === 0) return new Map();
  const claims = await ledgers.entityClaims(target.account, [...new Set(ids)]);
  return new Map(claims.map(({ id, namespace }) => [entityKeyOfId(id), nameNamespace(namespace)]));
}

async function describe(account: Account, entity: EntityToLookUp, read: Read, claim: string | null): Promise<LookedUp> {
  if (read === undefined) return { ...UNREAD, status: 'absent' };
  if ('message' in read) return { ...UNREAD, message: read.message };
  const kind = kindOf(entity);
  const { name, arn, createdAt, state, facts = {} } = read;
  const { path = null } = state;
  const members = await membersOf(account, kind, entity, read);
  return {
    status: 'present',
    message: 'message' in members ? members.message : null,
    name,
    arn,
    path: typeof path === 'string' ? path : null,
    createdAt,
    owner: kind.ownable ? ownerOf(read, kind.usesReservedPath) : claim,
    id: Object.keys(facts).flatMap((fact) => (fact.endsWith('Id') ? strings([facts[fact] ?? null]) : []))[0] ?? null,
    members: 'message' in members ? {} : members.found,
  };
}

/** Lists credentials that are no secrets of AWS: a user uploads them. */
const OTHER_CREDENTIALS: Readonly<Record<string, (reader: Reader, user: string) => Promise<readonly string[]>>> = {
  async SSHPublicKey(reader, UserName) {
    const listed = await reader.list('ListSSHPublicKeys', { UserName }, 'SSHPublicKeys');
    return listed.map(({ SSHPublicKeyId = '' }) => SSHPublicKeyId);
  },
  async SigningCertificate(reader, UserName) {
    const listed = await reader.list('ListSigningCertificates', { UserName }, 'Certificates');
    return listed.map(({ CertificateId = '' }) => CertificateId);
  },
};

/** Lists the credentials of a user that another Create would be one more of. */
async function countCredentials({ clients, target }: Account, entity: EntityToLookUp): Promise<LookedUp> {
  const { name, spec } = entity;
  const listed = await attempt(async () => {
    const list = OTHER_CREDENTIALS[entity.kind];
    if (list !== undefined) return emptyIfGone(list(clients.reader, name));
    const candidates = await kindOf(entity).secret?.listCandidates?.(clients.reader, { name, spec, tags: {}, target });
    return (candidates ?? []).map(({ id }) => id);
  });
  if ('message' in listed) return { ...UNREAD, message: listed.message };
  const found = divide(listed, { wanted: [], listsOthers: true });
  return {
    ...UNREAD,
    status: listed.length === 0 ? 'absent' : 'present',
    name,
    members: { [HeldSet.Credentials]: found },
  };
}

async function membersOf(
  { clients }: Account,
  kind: Kind,
  { members, listsOthers }: EntityToLookUp,
  observed: Observed,
): Promise<{ readonly found: LookedUp['members'] } | { readonly message: string }> {
  const found: Record<string, FoundMembers> = {};
  for (const [set, wanted] of Object.entries(members)) {
    const all = await attempt(() => namesIn(clients.reader, kind, observed, set));
    if ('message' in all) return all;
    found[set] = divide(all, { wanted, listsOthers, ignoreCase: kind.properties[set]?.ignoreCase });
  }
  return { found };
}

/** Returns the members of a set: those of a list, the names in an object, or what a read of its own shows. */
async function namesIn(reader: Reader, kind: Kind, observed: Observed, set: string): Promise<readonly string[]> {
  switch (set) {
    case HeldSet.AttachedTo: {
      const dependents = (await kind.listDependents?.(reader, observed)) ?? [];
      return dependents.filter(({ detach }) => detach !== null).map(entityId);
    }
    case HeldSet.Groups: {
      const { holdings = [] } = observed.holdings === undefined ? await withRest(reader, kind, observed) : observed;
      return holdings.filter((holding) => holding.kind === 'Group').map(({ id }) => id);
    }
    default: {
      const value = observed.state[set];
      return isList(value) ? strings(value) : Object.keys(objectOrEmpty(value));
    }
  }
}

async function withRest(reader: Reader, kind: Kind, observed: Observed): Promise<Observed> {
  return (await kind.readRest?.(reader, observed)) ?? observed;
}

interface Division {
  readonly wanted: readonly string[];
  readonly listsOthers: boolean | undefined;
  readonly ignoreCase?: boolean | undefined;
}

function divide(all: readonly string[], { wanted, listsOthers, ignoreCase = false }: Division): FoundMembers {
  const keyOf = (member: string): string => (ignoreCase ? member.toLowerCase() : member);
  const keys = new Set(wanted.map(keyOf));
  const others = all.filter((member) => !keys.has(keyOf(member)));
  const have = new Set(all.map(keyOf));
  const listed = listsOthers === true ? MAX_OTHER_MEMBERS : 0;
  return {
    present: wanted.filter((member) => have.has(keyOf(member))),
    others: others.slice(0, listed),
    omitted: Math.max(0, others.length - listed),
  };
}
