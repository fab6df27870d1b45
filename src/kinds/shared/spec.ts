import type { Json, JsonObject, SecretLocation } from '../../contract/entity.js';
import type { Desired, Observed } from '../kind.js';

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
