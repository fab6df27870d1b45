import type { AwsError } from '../../aws/errors.js';
import type { Operation } from '../../aws/operations.js';
import type { Changes, Desired, Kind, Observed, Write } from '../kind.js';
import { stringProperty, toTagList } from './spec.js';

/** Returns a write that takes something away, and that counts as applied where that is absent already. */
export function removal(operation: Operation, input: Readonly<Record<string, unknown>>): Write {
  return { operation, input, effect: 'narrows', isAlreadyApplied: ({ code }) => code === 'NoSuchEntity' };
}

/** Returns the write that deletes an entity after everything that it holds. */
export function deletion(operation: Operation, input: Readonly<Record<string, unknown>>): Write {
  return { ...removal(operation, input), effect: 'neutral' };
}

/**
 * Returns the writes that set and remove tags, for kinds that carry them.
 *
 * @param entity - IAM's name for it in its tagging operations: `Role` of `TagRole` and `UntagRole`
 * @param key - the input members that name the entity
 */
export function tagWrites<E extends (Extract<Operation, `Untag${string}`> extends `Untag${infer Name}` ? Name : never)>(
  entity: E,
  key: Readonly<Record<string, string>>,
  tags: Readonly<Record<string, string>>,
  changes: Changes,
): Write[] {
  const { put = [], remove = [] } = changes['tags'] ?? {};
  const writes: Write[] = [];
  // Removals come first: they make room.
  if (remove.length > 0) {
    writes.push({ operation: `Untag${entity}`, input: { ...key, TagKeys: [...remove] }, tagging: 'remove' });
  }
  if (put.length > 0) {
    const Tags = toTagList(Object.fromEntries(put.map((name) => [name, tags[name] ?? ''])));
    writes.push({ operation: `Tag${entity}`, input: { ...key, Tags }, tagging: 'put' });
  }
  return writes;
}

/**
 * Returns the write that changes the path, the name or both, in the one call that AWS has for it. A new name comes after
 * all other writes, which use the old one.
 */
export function moveWrites(
  entity: 'User' | 'Group' | 'ServerCertificate',
  { name, spec, keyProperty }: Pick<Desired, 'name' | 'spec'> & { readonly keyProperty: string },
  observed: Observed,
  changes: Changes,
): Write[] {
  const isRenamed = changes[keyProperty] !== undefined;
  if (!isRenamed && changes['path'] === undefined) return [];
  const input = {
    [`${entity}Name`]: observed.name,
    ...(isRenamed ? { [`New${entity}Name`]: name } : {}),
    ...(changes['path'] === undefined ? {} : { NewPath: stringProperty(spec, 'path') ?? '/' }),
  };
  if (!isRenamed) return [{ operation: `Update${entity}`, input }];
  // An earlier attempt has renamed it, or another caller has taken the name.
  const isOutdated = ({ code }: AwsError): boolean => code === 'NoSuchEntity' || code === 'EntityAlreadyExists';
  return [{ operation: `Update${entity}`, input, effect: 'renames', isOutdated }];
}

/** Returns the writes of a credential with a status. Its `facts` are the input members that name it: user and ID. */
export function credentialWrites(
  credential: 'AccessKey' | 'ServiceSpecificCredential' | 'SigningCertificate' | 'SSHPublicKey',
): Pick<Kind, 'update' | 'delete'> {
  return {
    update({ spec }, { facts }, changes) {
      if (changes['status'] === undefined) return [];
      const Status = stringProperty(spec, 'status') ?? 'Active';
      return [{ operation: `Update${credential}`, input: { ...facts, Status } }];
    },
    delete: (_reader, { facts }) => [removal(`Delete${credential}`, { ...facts })],
  };
}
