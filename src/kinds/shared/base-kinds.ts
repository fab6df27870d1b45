import { isEntityAlreadyExists } from '../../aws/errors.js';
import type { JsonObject, Target } from '../../contract/entity.js';
import type { Reader } from '../../aws/reader.js';
import type { Desired, Kind, ListedEntity, Observed } from '../kind.js';
import { listOfUsers, singleReads } from './reads.js';
import { iamArn, newlyCreated, requiredString, stringProperty, userArn, userNameOf } from './spec.js';

/** The members that are the same for all kinds whose Create carries tags and fails where the entity exists. */
export const createdWithTags = {
  dependsOnKinds: [],
  ownable: true,
  duplicateProtection: '409 EntityAlreadyExists',
  recognizedBy: 'the intent tag that the Create sent',
  isAlreadyExistsError: isEntityAlreadyExists,
} satisfies Partial<Kind>;

/**
 * Returns the members that are the same for all kinds with a name and a path. `type` is the resource type in their ARNs,
 * and `unset` the state right after the Create of properties that only later writes can set.
 */
export function namedEntity(type: string, nameProperty: string, unset: JsonObject = {}) {
  const nameOf = (spec: JsonObject): string => requiredString(spec, nameProperty);
  const arnOf = (spec: JsonObject, target: Target): string =>
    iamArn(`${type}${stringProperty(spec, 'path') ?? '/'}${nameOf(spec)}`, target);
  return {
    ...createdWithTags,
    keyProperties: [nameProperty],
    renaming: 'anew',
    nameOf,
    arnOf,
    observedAfterCreate: (desired: Desired) =>
      newlyCreated(desired, arnOf(desired.spec, desired.target), { ...desired.spec, ...unset }),
    duplicateProtection: '409 EntityAlreadyExists; path and case do not make two names different',
  } as const satisfies Partial<Kind>;
}

/** Returns the members that are the same for all settings of an account: an account has each setting once. */
export function accountSetting(read: Kind['read']) {
  return {
    ...singleReads(read),
    listAll: () => Promise.resolve([{ name: 'account', spec: {} }]),
    keyProperties: [],
    nameOf: () => 'account',
    arnOf: (_spec: JsonObject, target: Target) => iamArn('root', target),
    dependsOnKinds: [],
    ownable: false,
  } satisfies Partial<Kind>;
}

/** Returns a setting of an account as it is observed. */
export function observedSetting(target: Target, state: JsonObject): Observed {
  return { name: 'account', arn: iamArn('root', target), createdAt: null, tags: {}, state };
}

/**
 * Returns the members that are the same for all credentials of a user.
 *
 * @param read - reads one of them
 * @param list - lists those of a user
 */
export function userCredential(
  read: Kind['read'],
  list: (reader: Reader, userName: string) => Promise<readonly ListedEntity[]>,
) {
  return {
    ...singleReads(read),
    listAll: (snapshot) => listOfUsers(snapshot, list),
    listedFrom: 'User',
    arnOf: (spec: JsonObject, target: Target) => userArn(userNameOf(spec), target),
    references: (spec: JsonObject) => [`User/${userNameOf(spec)}`],
    isDeletedWithReference: true,
    dependsOnKinds: ['User'],
    ownable: false,
  } satisfies Partial<Kind>;
}
