import type { Json, JsonObject, SecretLocation, Target } from '../../contract/entity.js';
import type { Desired, Observed } from '../kind.js';

/** The path of the roles that AWS services make for themselves. */
export const SERVICE_ROLE_PATH = '/aws-service-role/';

/** Returns a string property of a spec; undefined where the manifest does not set it. */
export function stringProperty(spec: JsonObject, property: string): string | undefined {
  const value = spec[property];
  return typeof value === 'string' ? value : undefined;
}

/** Returns a string property that the schema requires. */
export function requiredString(spec: JsonObject, property: string): string {
  return stringProperty(spec, property) ?? '';
}

/** Returns a secret's location from a spec that the schema has checked. */
export function secretLocation(spec: JsonObject, property: string): SecretLocation {
  return spec[property] as unknown as SecretLocation;
}

/** Returns a spec or a state without one property. */
export function without(values: JsonObject, property: string): JsonObject {
  return Object.fromEntries(Object.entries(values).filter(([name]) => name !== property));
}

/** Leaves out members that are undefined: the SDK tells them from members that are absent. */
export function omitUndefined<T extends Record<string, unknown>>(
  values: T,
): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** Returns a policy document as IAM takes it. */
export function serializeDocument(document: Json | undefined): string {
  return JSON.stringify(document);
}

/** Returns tags as IAM takes them. */
export function toTagList(tags: Readonly<Record<string, string>>): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** Returns tags by key, from the list that IAM gives. */
export function toTagMap(
  tags: readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[] | undefined,
): Record<string, string> {
  return Object.fromEntries((tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value]));
}

/** Returns a date as ISO 8601; null where AWS does not give one. */
export function isoDate(date: Date | undefined): string | null {
  return date?.toISOString() ?? null;
}

/** Returns an entity as it is right after its Create: with the tags that the Create carried, and no creation date yet. */
export function newlyCreated({ name, tags }: Desired, arn: string, state: JsonObject, facts?: JsonObject): Observed {
  return { name, arn, createdAt: null, tags, state, ...(facts && { facts }) };
}

/** Returns the ARN of an IAM resource in the account: `arn:aws:iam::111111111111:role/ci/deploy`. */
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

/** Returns the part of an ARN after its first slash: the name of an entity without a path, or path and name. */
export function nameInArn(arn: string): string {
  return arn.slice(arn.indexOf('/') + 1);
}

/** Returns the name of the user that a credential belongs to. */
export function userNameOf(spec: JsonObject): string {
  return requiredString(spec, 'userName');
}

/** Returns the user in the name of a credential that is told by its content: `ann/f9edafe54fd5fd36`. */
export function userInName(name: string): string {
  return name.slice(0, name.lastIndexOf('/'));
}
