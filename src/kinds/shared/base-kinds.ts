import type { JsonObject, Target } from '../../contract/entity.js';
import type { Kind, Observed } from '../kind.js';
import { iamArn, userArn, userNameOf } from './names.js';
import { readEach } from './reads.js';

/** Returns the members that are the same for all settings of an account: an account has each setting once. */
export function accountSetting(read: Kind['read']) {
  return {
    keyProperties: [],
    nameOf: () => 'account',
    arnOf: (_spec: JsonObject, target: Target) => accountArn(target),
    dependsOnKinds: [],
    ownable: false,
    detailType: null,
    readCost: 1,
    read,
    readMany: readEach(read),
  } satisfies Partial<Kind>;
}

/** Returns a setting of an account as it is observed. */
export function observedSetting(target: Target, state: JsonObject): Observed {
  return { name: 'account', arn: accountArn(target), createdAt: null, tags: {}, state };
}

function accountArn(target: Target): string {
  return iamArn('root', target);
}

/** Returns the members that are the same for all credentials of a user. */
export function userCredential(read: Kind['read']) {
  return {
    arnOf: (spec: JsonObject, target: Target) => userArn(userNameOf(spec), target),
    references: (spec: JsonObject) => [`User/${userNameOf(spec)}`],
    dependsOnKinds: ['User'],
    ownable: false,
    detailType: null,
    readCost: 1,
    read,
    readMany: readEach(read),
  } satisfies Partial<Kind>;
}
