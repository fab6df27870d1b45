import type { Json, JsonObject } from '../contract/entity.js';
import { isList, isObject, ownValue } from '../contract/json.js';

export { isList, isObject, ownValue };

/** Returns the value if it is an object, else an empty one. */
export function objectOrEmpty(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

/** Returns the strings of a list; empty if the value is no list. */
export function strings(value: Json | undefined): readonly string[] {
  return isList(value) ? value.filter((member): member is string => typeof member === 'string') : [];
}

/** Reports whether two values are the same JSON; the order of keys does not count. */
export function equalJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (isList(a) && isList(b)) return a.length === b.length && a.every((member, index) => equalJson(member, b[index]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equalJson(a[key], b[key]))
  );
}

/** Returns the same value with the keys of every object in one order. */
export function sortKeys(value: Json): Json {
  if (isList(value)) return value.map(sortKeys);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(withSortedKeys(value)).map(([key, member]) => [key, sortKeys(member)]));
}

/** Returns the value as JSON would carry it: properties that are undefined are left out. */
export function jsonFrom(value: unknown): Json {
  const text = JSON.stringify(value) as string | undefined;
  return text === undefined ? null : (JSON.parse(text) as Json);
}

/** Returns JSON text that is the same for all equal values: keys are sorted. */
export function sortedJson(value: unknown): string {
  const sorted = (_key: string, member: unknown): unknown =>
    isObject(member as Json) ? withSortedKeys(member as JsonObject) : member;
  return value === undefined ? 'null' : JSON.stringify(value, sorted);
}

/** Returns an object with its own keys in order. `Object.fromEntries` defines properties, so a key named `__proto__` stays a key. */
function withSortedKeys(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
