import type { Json, JsonObject } from './entity.js';

/** Reports whether a value is a list. */
export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** Reports whether a value is an object, and neither a list nor null. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !isList(value);
}

/** Returns the members of a list, or the one value that stands for a list. */
export function asList(value: Json): readonly Json[] {
  return isList(value) ? value : [value];
}

/**
 * Returns the value that a record has itself under a key, and never what every object inherits: a tag, a policy or a
 * condition may be called `constructor`.
 */
export function ownValue<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
