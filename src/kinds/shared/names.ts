import type { JsonObject, Target } from '../../contract/entity.js';
import { requiredString, stringProperty } from './spec.js';

/** Returns the ARN of an entity that has a path: `arn:aws:iam::111111111111:role/ci/deploy`. */
export function arnWithPath(type: string, name: string, spec: JsonObject, target: Target): string {
  return iamArn(`${type}${stringProperty(spec, 'path') ?? '/'}${name}`, target);
}

/** Returns the ARN of an IAM resource in the account. */
export function iamArn(resource: string, { account, partition }: Target): string {
  return `arn:${partition}:iam::${account}:${resource}`;
}

/**
 * Returns the ARN that stands for a user's credential, since AWS gives credentials no ARN: the user's own, without
 * the user's path, which the spec does not tell.
 */
export function userArn(userName: string, target: Target): string {
  return iamArn(`user/${userName}`, target);
}

/** Returns the name of the user that a credential belongs to. */
export function userNameOf(spec: JsonObject): string {
  return requiredString(spec, 'userName');
}

/** Returns the user in the name of a credential that is told by its content: `ann/f9edafe54fd5fd36`. */
export function userInName(name: string): string {
  return name.slice(0, name.lastIndexOf('/'));
}
