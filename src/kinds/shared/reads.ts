import { awsError, failureTypeOf } from '../../aws/errors.js';
import type { Reader } from '../../aws/reader.js';
import type { Kind, Observed, WantedEntity } from '../kind.js';

/** Returns what a bulk read gives; undefined where AWS denies it, since single reads may still be allowed. */
export async function undefinedIfDenied<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (failureTypeOf(awsError(error)) === 'AccessDenied') return undefined;
    throw error;
  }
}

/** Returns a listing; empty where the entity is gone, or where the API does not know the operation. */
export async function emptyIfAbsent<T>(listing: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await listing;
  } catch (error) {
    if (['NoSuchEntity', 'InvalidAction', 'NotSupportedService'].includes(awsError(error).code)) return [];
    throw error;
  }
}

/** Returns the names of wanted entities as IAM compares them. */
export function lowerCaseNames(wanted: readonly WantedEntity[]): ReadonlySet<string> {
  return new Set(wanted.map(({ name }) => name.toLowerCase()));
}

/** Returns entities by name as IAM compares it, which is what `readMany` gives. Of equal names the last one counts. */
export function byName(entities: readonly (Observed | undefined)[]): ReadonlyMap<string, Observed> {
  return new Map(entities.filter((one) => one !== undefined).map((one) => [one.name.toLowerCase(), one]));
}

/** Makes a bulk read of single reads, for kinds that no listing shows; it gives undefined where AWS denies them. */
export function readEach(read: Kind['read']): Kind['readMany'] {
  return ({ reader }, wanted, target) =>
    undefinedIfDenied(async () => byName(await Promise.all(wanted.map((one) => read(reader, one, target)))));
}

/**
 * Makes a bulk read of a listing that shows little more than names: it reads each wanted entity that is listed, and
 * gives undefined where AWS denies the listing.
 */
export function readListed(
  listNames: (reader: Reader) => Promise<readonly string[]>,
  read: Kind['read'],
): Kind['readMany'] {
  return async ({ reader, retryUntilShown }, wanted, target) => {
    const listed = await undefinedIfDenied(() => listNames(reader));
    if (listed === undefined) return undefined;
    const specs = new Map(wanted.map(({ name, spec }) => [name.toLowerCase(), spec]));
    const found = wantedLast(listed, wanted).map((name) => ({ name, spec: specs.get(name.toLowerCase()) ?? {} }));
    return byName(await Promise.all(found.map((entity) => retryUntilShown(() => read(reader, entity, target)))));
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
