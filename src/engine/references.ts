import { ARN_REFERENCE, type Json, type JsonObject } from '../contract/entity.js';

const OPENING = '{{arn ';

/**
 * Replaces `{{arn Kind/name}}` in every string of a spec.
 *
 * @throws RangeError if `arns` does not have the entity
 */
export function resolveReferences(spec: JsonObject, arns: Readonly<Record<string, string>>): JsonObject {
  return resolve(spec, arns) as JsonObject;
}

/** Returns the entities that the strings of a value refer to by `{{arn Kind/name}}`. An entity may come twice. */
export function referencesIn(value: Json): string[] {
  if (typeof value === 'string') return [...value.matchAll(ARN_REFERENCE)].map(([, id = '']) => id);
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((member: Json) => referencesIn(member));
  return Object.entries(value).flatMap(([key, member]) => [...referencesIn(key), ...referencesIn(member)]);
}

function resolve(value: Json, arns: Readonly<Record<string, string>>): Json {
  if (typeof value === 'string') {
    if (!value.includes(OPENING)) return value;
    return value.replaceAll(ARN_REFERENCE, (marker, id: string) => {
      const arn = Object.hasOwn(arns, id) ? arns[id] : undefined;
      if (arn === undefined) throw new RangeError(`${marker} refers to an entity that the request does not declare`);
      return arn;
    });
  }
  if (Array.isArray(value)) return value.map((member: Json) => resolve(member, arns));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value as JsonObject).map(([key, member]) => [resolve(key, arns) as string, resolve(member, arns)]),
  );
}
