import type { DesiredEntity, JsonObject } from '../contract/entity.js';

/** An entity to evaluate. */
export interface EntityToEvaluate {
  readonly entity: DesiredEntity;
  /** The spec of the entity, with its references resolved as far as they are known. */
  readonly spec: JsonObject;
  /** The properties that its kind has. */
  readonly fields: readonly string[];
  /** The entity as AWS shows it. Null where it does not exist, undefined where it was not read. */
  readonly observed: { readonly state: JsonObject } | null | undefined;
  /** ARNs of managed policies that the entity attaches and whose documents the same request declares. */
  readonly declaredPolicies: ReadonlySet<string>;
}
