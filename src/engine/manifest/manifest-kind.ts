import type { z } from 'zod';
import type { Json, JsonObject, SecretLocation, Target } from '../../contract/entity.js';

/** The part of a kind that manifests depend on. */
export interface ManifestKind {
  /** The kind's name in CloudFormation, without the service: `Role`. */
  readonly name: string;
  /** Properties that name the entity. An absent entity declares nothing else. Empty for kinds that exist once. */
  readonly keyProperties: readonly string[];
  /** The kind's own properties in the manifest: IAM's names in camel case. Strict. */
  readonly schema: z.ZodObject;
  /** A property that can be written in place of another, which takes its place when the manifest is resolved. */
  readonly shorthand?: {
    readonly property: string;
    readonly replaces: string;
    readonly schema: z.ZodType;
    readonly expand: (value: Json, target: Target) => Json;
  };
  readonly nameOf: (spec: JsonObject) => string;
  /** Returns the ARN that the entity has once it is created from this spec. */
  readonly arnOf: (spec: JsonObject, target: Target) => string;
  /** Returns entities, as `Kind/name`, that the spec needs without writing their ARN. Default: none. */
  readonly references?: (spec: JsonObject) => readonly string[];
  /** It can have tags, and so show an owner. */
  readonly ownable: boolean;
  /** Several namespaces can declare it. Default: it has one owner. */
  readonly share?: object;
  /** Other entities can trust it. Default: none can. */
  readonly listTrusting?: unknown;
  /** It has a secret, which is stored at this location. Default: it has none. */
  readonly secret?: { readonly locationOf: (spec: JsonObject) => SecretLocation };
}

/** Returns the kind's fields by name. */
export function shapeOf(kind: ManifestKind): Readonly<Record<string, z.core.$ZodType>> {
  return kind.schema.shape;
}
