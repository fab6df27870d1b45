import type { z } from 'zod';
import type { AwsError } from '../aws/errors.js';
import type { Operation } from '../aws/operations.js';
import type { DetailType, Snapshot } from '../aws/inventory.js';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import type { Changes, Comparison, Observed, PropertyRules } from '../engine/compare.js';

/**
 * One write to IAM, as data. A kind says which; `activities/` sends them, counts them and keeps their request IDs.
 */
export interface Step {
  /** The IAM operation, as AWS spells it: `PutRolePolicy`. */
  readonly operation: Operation;
  /** Its input, in the SDK's spelling. */
  readonly input: Readonly<Record<string, unknown>>;
  /**
   * AWS does not guard against a repeat (`CreatePolicyVersion`): after an unclear answer it is sent again only when a
   * read has shown that the first did nothing. Default: false.
   */
  readonly unguarded?: boolean;
  /**
   * Makes sense of an error that means "it is as you want it": true ends the step well.
   * Default: no error is one.
   */
  readonly isDone?: (error: AwsError) => boolean;
}

/** A desired entity, ready for AWS calls: references resolved, tags complete. */
export interface Desired {
  readonly name: string;
  readonly spec: JsonObject;
  /** Declared tags and our own marks; empty where the kind cannot carry tags. */
  readonly tags: Readonly<Record<string, string>>;
  readonly target: Target;
  readonly shared: boolean;
}

/**
 * The contract between the engine and one kind of IAM entity. A kind answers and lists writes; it decides nothing,
 * names no other kind's file, and knows no Temporal. Its schema loads without the AWS SDK.
 */
export interface Kind {
  /** CloudFormation's name for it without the service: `Role`. */
  readonly name: string;
  /** The property of the manifest that names the entity: `roleName`. */
  readonly nameProperty: string;
  /** The kind's own properties in the manifest, IAM's names in camel case. Strict. */
  readonly schema: z.ZodObject;
  /** The entity's key, from a spec: the value of {@link nameProperty}, or what AWS makes of it. */
  readonly nameOf: (spec: JsonObject) => string;
  /** ARN that the entity will have when it is created from this spec. */
  readonly arnOf: (spec: JsonObject, target: Target) => string;
  /** Entities, as `Kind/name`, that the spec needs without spelling their ARN. Default: none. */
  readonly references?: (spec: JsonObject) => readonly string[];
  /** Kinds whose entities this kind can hold on to, so that a deletion of those comes after. */
  readonly holds: readonly string[];
  /** Whether it carries tags, and so shows an owner. */
  readonly ownable: boolean;
  /** How each property is compared. `tags` is the engine's and is not listed. */
  readonly properties: PropertyRules;

  /** IAM actions that its calls need, for the operator's least-privilege policy. */
  readonly actions: { readonly read: readonly string[]; readonly write: readonly string[] };
  /** How AWS guards against a second one, for people. */
  readonly guard: string;

  /** What of `GetAccountAuthorizationDetails` {@link readMany} needs, or null. */
  readonly details: DetailType | null;
  /** Calls that {@link read} makes for an entity that exists, about; decides between bulk and single reads. */
  readonly readCost: number;
  /** Reads one entity whole, every page; undefined where it does not exist. */
  readonly read: (reader: Reader, name: string, target: Target) => Promise<Observed | undefined>;
  /**
   * Reads many from the account's snapshot, which is fetched once for all kinds.
   * Undefined where the snapshot does not serve (denied, or dearer than single reads).
   * The map's keys are names as IAM compares them (lower case).
   */
  readonly readMany: (
    snapshot: Snapshot,
    wanted: readonly { readonly name: string; readonly spec: JsonObject }[],
    target: Target,
  ) => Promise<ReadonlyMap<string, Observed> | undefined>;

  /** The one call that makes the entity. It carries tags where the kind can. */
  readonly create: (desired: Desired) => Step;
  /** Whether a create's error says that the entity is already there. */
  readonly isAlreadyExists: (error: AwsError) => boolean;
  /** State right after {@link create} was answered: what the create itself has set. */
  readonly created: (desired: Desired) => Observed;
  /** Writes that mend the changes, in an order that AWS accepts. Only what differs. */
  readonly update: (desired: Desired, observed: Observed, changes: Changes) => readonly Step[];
  /** Writes that remove the entity and what it holds, in order. Reads what {@link read} does not show. */
  readonly deletion: (reader: Reader, observed: Observed) => Promise<readonly Step[]>;
  /**
   * Merges with what other namespaces declared, for `shared` entities. Default: the kind cannot be shared, and
   * `shared: true` is refused in validation.
   */
  readonly share?: {
    /** Writes that take back what this namespace alone declared. */
    readonly withdraw: (desired: Desired, observed: Observed, others: readonly string[]) => readonly Step[];
  };
}

export type { Changes, Comparison, Observed, PropertyRules };
