import type { z } from 'zod';
import type { Json, JsonObject, SecretLocation, Target } from '../../contract/entity.js';
import type { DocumentWarning } from '../policy/index.js';

/** A problem of a spec that AWS would refuse. */
export interface SpecProblem {
  readonly path: readonly (string | number)[];
  /** The problem, without the property and its value, which are added. */
  readonly message: string;
  readonly remedy: string;
}

/** The part of a kind that manifests depend on. */
export interface ManifestKind {
  /** The kind's name in CloudFormation, without the service: `Role`. */
  readonly name: string;
  /** Properties that name the entity. An absent entity declares nothing else. Empty for kinds that exist once. */
  readonly keyProperties: readonly string[];
  /** The kind's own properties in the manifest: IAM's names in camel case. Strict. */
  readonly schema: z.ZodObject;
  /**
   * The way in which an entity gets another name: by a call where AWS has one, else it is made anew and the old one is
   * removed. Default: it has no name of its own.
   */
  readonly renaming?: 'call' | 'anew';
  /** A property that can be written in place of another, which takes its place when the manifest is resolved. */
  readonly shorthand?: {
    readonly property: string;
    readonly replaces: string;
    readonly schema: z.ZodObject;
    readonly expand: (value: Json, target: Target) => Json;
    /**
     * Returns the short form of a value; undefined where it has none. `declared` has the ARNs of entities that the manifest
     * declares.
     */
    readonly shorten: (
      value: Json,
      context: { readonly target: Target; readonly declared: Pick<ReadonlySet<string>, 'has'> },
    ) => Json | undefined;
  };
  /** Returns what a valid spec may do beyond what was meant. Default: nothing. */
  readonly warnings?: (spec: JsonObject) => readonly DocumentWarning[];
  readonly nameOf: (spec: JsonObject) => string;
  /** Returns the ARN that the entity has once it is created from this spec. */
  readonly arnOf: (spec: JsonObject, target: Target) => string;
  /**
   * Finds what AWS would refuse in this account, and what depends on whether an ARN is written out or a reference, which the
   * schema cannot tell. Default: nothing.
   */
  readonly findProblems?: (spec: JsonObject, target: Target) => readonly SpecProblem[];
  /** Returns entities, as `Kind/name`, that the spec needs without writing their ARN. Default: none. */
  readonly references?: (spec: JsonObject) => readonly string[];
  /** It can have tags, and so show an owner. */
  readonly ownable: boolean;
  /** IAM compares the keys of its tags without case, so that `Team` and `team` are one tag. Default: they are two. */
  readonly ignoresTagKeyCase?: boolean;
  /** Several namespaces can declare it. Default: it has one owner. */
  readonly share?: object;
  /** Other entities can trust it. Default: none can. */
  readonly listTrusting?: unknown;
  /** The way in which each property is compared. Those of type `document` and `documents` hold policies. */
  readonly properties?: Readonly<Record<string, { readonly type: string }>>;
  /** It has a secret, which is stored at this location. Default: it has none. */
  readonly secret?: { readonly locationOf: (spec: JsonObject) => SecretLocation };
}

/** Returns the properties that identify an entity: a removal needs no others. */
export function keyOf({ keyProperties }: Pick<ManifestKind, 'keyProperties'>, spec: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(spec).filter(([property]) => keyProperties.includes(property)));
}

/** Reports whether entities of a kind have policies. */
export function hasPolicies({ properties = {} }: Pick<ManifestKind, 'properties'>): boolean {
  return Object.values(properties).some(({ type }) => type === 'document' || type === 'documents');
}

/** Returns the kind's fields by name. */
export function shapeOf(kind: ManifestKind): Readonly<Record<string, z.core.$ZodType>> {
  return kind.schema.shape;
}
