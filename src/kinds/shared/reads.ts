import { fallBackOn, undefinedIfDenied, UNSUPPORTED } from '../../aws/errors.js';
import type { Reader } from '../../aws/reader.js';
import { attemptEach, isRefused } from '../../aws/refused-reads.js';
import type { JsonObject } from '../../contract/entity.js';
import type { CompleteSnapshot } from '../../aws/inventory.js';
import type { Kind, ListedEntity, Observed, WantedEntity } from '../kind.js';

/**
 * Returns what goes with an entity; empty where the entity is gone, or where the API does not know the operation. For the
 * entities of a kind, {@link emptyIfGone} is right: what cannot be listed is not missing.
 */
export function emptyIfAbsent<T>(listing: Promise<readonly T[]>): Promise<readonly T[]> {
  return fallBackOn(['NoSuchEntity', ...UNSUPPORTED], [], () => listing);
}

/** Returns a listing; empty where the entity that has them is gone. */
export function emptyIfGone<T>(listing: Promise<readonly T[]>): Promise<readonly T[]> {
  return fallBackOn(['NoSuchEntity'], [], () => listing);
}

/** Returns what a read returns; undefined where the entity has gone. */
export function undefinedIfGone<T>(read: () => Promise<T>): Promise<T | undefined> {
  return fallBackOn(['NoSuchEntity'], undefined, read);
}

/** Returns the names of wanted entities as IAM compares them. */
export function lowerCaseNames(wanted: readonly WantedEntity[]): ReadonlySet<string> {
  return new Set(wanted.map(({ name }) => name.toLowerCase()));
}

/** Returns entities by name as IAM compares it, which is what `readMany` gives. Of equal names the last one counts. */
export function byName(entities: readonly (Observed | undefined)[]): ReadonlyMap<string, Observed> {
  return new Map(entities.filter((one) => one !== undefined).map((one) => [one.name.toLowerCase(), one]));
}

type Reads = Pick<Kind, 'detailType' | 'readCost' | 'read' | 'readMany' | 'readListed'>;

/** Returns the reads of a kind that no listing shows: a bulk read is made of single reads. */
export function singleReads(read: Kind['read']): Reads {
  return {
    detailType: null,
    readCost: 1,
    read,
    readListed: ({ reader }, listed, target) => read(reader, listed, target),
    readMany: ({ reader }, wanted, target) =>
      undefinedIfDenied(async () => byName(await Promise.all(wanted.map((one) => read(reader, one, target))))),
  };
}

/**
 * Returns the reads of a kind whose listing shows little more than names: each wanted entity in it is read.
 *
 * @param read - reads one of them
 * @param listNames - lists the names of all of them
 * @param keyOf - returns the key of an entity by its name
 */
export function readsByListing(
  read: Kind['read'],
  listNames: (reader: Reader) => Promise<readonly string[]>,
  keyOf: (name: string) => JsonObject,
): Reads & Pick<Kind, 'listAll'> {
  return {
    ...singleReads(read),
    listAll: async ({ reader }) => (await listNames(reader)).map((name) => ({ name, spec: keyOf(name) })),
    readListed: ({ reader, retryUntilShown }, listed, target) => retryUntilShown(() => read(reader, listed, target)),
    async readMany({ reader, retryUntilShown }, wanted, target) {
      const listed = await undefinedIfDenied(() => listNames(reader));
      if (listed === undefined) return undefined;
      const specs = new Map(wanted.map(({ name, spec }) => [name.toLowerCase(), spec]));
      const found = wantedLast(listed, wanted).map((name) => ({ name, spec: specs.get(name.toLowerCase()) ?? {} }));
      return byName(await Promise.all(found.map((entity) => retryUntilShown(() => read(reader, entity, target)))));
    },
  };
}

/** Returns the wanted names of a listing. Of names that differ in case, the one as declared comes last, and counts. */
export function wantedLast(listed: readonly string[], wanted: readonly WantedEntity[]): readonly string[] {
  const names = lowerCaseNames(wanted);
  const exact = new Set(wanted.map(({ name }) => name));
  return listed
    .filter((name) => names.has(name.toLowerCase()))
    .sort((a, b) => Number(exact.has(a)) - Number(exact.has(b)));
}

/**
 * Lists what each user of the account has. A user for which AWS refuses that stands for what was not listed;
 * where it refuses all of them, the first refusal is thrown.
 */
export async function listOfUsers(
  snapshot: CompleteSnapshot,
  list: (reader: Reader, userName: string) => Promise<readonly ListedEntity[]>,
): Promise<readonly ListedEntity[]> {
  const { users } = await snapshot.details();
  const names = users.map(({ UserName = '' }) => UserName);
  const lists = await attemptEach(
    names,
    async (name) => (await undefinedIfGone(() => list(snapshot.reader, name))) ?? [],
  );
  const [first] = lists;
  if (isRefused(first) && lists.every(isRefused)) throw first.error;
  return lists.flatMap((listed, index) => {
    if (!isRefused(listed)) return listed;
    const userName = names[index] ?? '';
    return [{ name: userName, spec: { userName }, unread: listed.message }];
  });
}
