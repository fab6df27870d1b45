import type { z } from 'zod';
import type { AwsError } from '../aws/errors.js';
import type { Operation } from '../aws/operations.js';
import type { DetailType, Snapshot } from '../aws/inventory.js';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, SecretLocation, Target } from '../contract/entity.js';
import type { Changes, Comparison, PropertyRules } from '../engine/comparison.js';
import type { ManifestKind } from '../engine/manifest/manifest-kind.js';
import type { Observed } from '../engine/observed.js';

/**
 * One write to IAM, as data. A kind says which; `activities/` sends them, counts them and keeps their request IDs.
 */
export interface Write {
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
  readonly isAlreadyApplied?: (error: AwsError) => boolean;
  /**
   * Input members whose values are secret, and where each is read at the moment of sending: they are in no history, no
   * log and no digest. With `field`, the stored text is a JSON object and the value is a field of it.
   */
  readonly secretInput?: Readonly<Record<string, SecretInput>>;
  /**
   * Waits for what AWS does after it has answered, and throws what it ended with. Reads only: it is repeated after a
   * crash. Default: the answer is the end.
   */
  readonly waitUntilApplied?: (reader: Reader, output: unknown) => Promise<void>;
}

/** Where a secret input member is read. */
export interface SecretInput {
  readonly location: SecretLocation;
  readonly field?: string;
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

/** Which entity is to be read. The spec of one that shall be absent has its key properties only. */
export interface WantedEntity {
  readonly name: string;
  readonly spec: JsonObject;
}

/** An amount that one of the account's quotas limits. */
export interface QuotaUsage {
  /** Key of `GetAccountSummary`: `AttachedPoliciesPerRoleQuota`. */
  readonly quota: string;
  readonly amount: number;
  /** What is counted, for people: `attached policies`. */
  readonly label: string;
}

/** Something that holds on to an entity and so stands in the way of its deletion. */
export interface Dependent {
  readonly kind: string;
  readonly name: string;
  /** Takes the entity off the holder; null where that is not for us to do, as with a permissions boundary. */
  readonly detach: Write | null;
}

/** One of several that a Create of the same spec may have made: what AWS gives an ID and no name. */
export interface Candidate {
  /** AWS's ID; of what has a name, ID and incarnation. */
  readonly id: string;
  /** ISO 8601, or null where AWS does not say. */
  readonly createdAt: string | null;
}

/** What a kind whose secret AWS shows once, or takes and never shows, says of it. The engine stores it. */
export interface SecretRules {
  /** Where the manifest wants it. */
  readonly locationOf: (spec: JsonObject) => SecretLocation;
  /**
   * What is stored, from the output of the Create: a flat object of strings, AWS's names.
   * Undefined where {@link generateRecord} makes it.
   */
  readonly recordFromReply?: (output: unknown, desired: Desired) => Readonly<Record<string, string>>;
  /** What is stored before the Create, which takes it from there by `secretInput`. */
  readonly generateRecord?: (desired: Desired) => Readonly<Record<string, string>>;
  /**
   * For {@link recordFromReply}: all that is there of what Creates like this one make. Listed right before the first Create
   * and kept in history: what is new later, and whose secret is not stored, is an orphan of a lost reply.
   */
  readonly listCandidates?: (reader: Reader, desired: Desired) => Promise<readonly Candidate[]>;
  /** Which candidate a stored record is of. */
  readonly candidateIdOf?: (record: Readonly<Record<string, string>>) => string;
  /** Whether somebody has made use of a candidate, and so holds its secret: it is no orphan then. */
  readonly isCandidateUsed?: (reader: Reader, id: string) => Promise<boolean>;
  /** Writes that remove an orphan. */
  readonly deleteCandidate?: (id: string, desired: Desired) => readonly Write[];
}

/**
 * The contract between the engine and one kind of IAM entity. A kind answers and lists writes; it decides nothing,
 * names no other kind's file, and knows no Temporal. Its schema loads without the AWS SDK.
 */
export interface Kind extends ManifestKind {
  /** CloudFormation's name for it without the service: `Role`. */
  readonly name: string;
  /**
   * Properties of the manifest that tell which entity it is, and all that one that shall be absent has to declare:
   * `roleName`. None for what an account has once.
   */
  readonly keyProperties: readonly string[];
  /** The kind's own properties in the manifest, IAM's names in camel case. Strict. */
  readonly schema: z.ZodObject;
  /** The entity's key, from {@link keyProperties}: a name, or what AWS makes of them. `account` for what is there once. */
  readonly nameOf: (spec: JsonObject) => string;
  /** ARN that the entity will have when it is created from this spec. */
  readonly arnOf: (spec: JsonObject, target: Target) => string;
  /** Entities, as `Kind/name`, that the spec needs without spelling their ARN. Default: none. */
  readonly references?: (spec: JsonObject) => readonly string[];
  /** Kinds whose entities this kind can hold on to, so that a deletion of those comes after. */
  readonly dependsOnKinds: readonly string[];
  /** Whether it carries tags, and so shows an owner. */
  readonly ownable: boolean;
  /** AWS's Create takes no tags: they are put on afterwards. Default: false. */
  readonly tagsAfterCreate?: boolean;
  /** AWS gives it an ID that later writes need, and that only the reply to the Create or a read shows. Default: false. */
  readonly hasAwsAssignedId?: boolean;
  /** It lives on a path that AWS keeps for itself, which is no sign of another owner. Default: false. */
  readonly usesReservedPath?: boolean;
  /** How each property is compared. `tags` is the engine's and is not listed. */
  readonly properties: PropertyRules;

  /** IAM actions that its calls need, for the operator's least-privilege policy. */
  readonly actions: { readonly read: readonly string[]; readonly write: readonly string[] };
  /** How AWS guards against a second one, for people. */
  readonly duplicateProtection: string;
  /** How one that exists already is recognised as such, and as ours, for people. */
  readonly recognizedBy: string;
  /** Keys of `GetAccountSummary`: how many there are, and how many there may be. */
  readonly quota?: { readonly used: string; readonly limit: string };

  /** What a spec asks for, by the key of `GetAccountSummary` that limits it in this account. Default: nothing. */
  readonly quotaUsage?: (spec: JsonObject) => readonly QuotaUsage[];

  /** What of `GetAccountAuthorizationDetails` {@link readMany} needs, or null. */
  readonly detailType: DetailType | null;
  /** Calls that {@link read} makes for an entity that exists, about; decides between bulk and single reads. */
  readonly readCost: number;
  /** Reads one entity whole, every page; undefined where it does not exist. */
  readonly read: (reader: Reader, wanted: WantedEntity, target: Target) => Promise<Observed | undefined>;
  /**
   * Reads many from the account's snapshot, which is fetched once for all kinds.
   * Undefined where the snapshot does not serve (denied, or dearer than single reads).
   * The map's keys are names as IAM compares them (lower case).
   */
  readonly readMany: (
    snapshot: Snapshot,
    wanted: readonly WantedEntity[],
    target: Target,
  ) => Promise<ReadonlyMap<string, Observed> | undefined>;

  /** The one call that makes the entity. It carries tags where the kind can. */
  readonly create: (desired: Desired) => Write;
  /** Whether a create's error says that the entity is already there. */
  readonly isAlreadyExistsError: (error: AwsError) => boolean;
  /** A Create replaces what is there without an error, so that a read has to come right before it. Default: false. */
  readonly createOverwrites?: boolean;
  /**
   * It is unique beyond what its reads show, as among all accounts or all users: "already exists" about what no read
   * shows is a refusal for this reason, and no propagation to wait for.
   */
  readonly globallyTakenReason?: string;
  /** What AWS reveals once, or takes and does not show. Default: nothing is secret. */
  readonly secret?: SecretRules;
  /** State right after {@link create} was answered with `output`: what the create itself has set. */
  readonly observedAfterCreate: (desired: Desired, output: unknown) => Observed;
  /** Writes that mend the changes, in an order that AWS accepts. Only what differs. */
  readonly update: (desired: Desired, observed: Observed, changes: Changes) => readonly Write[];
  /** Writes that remove the entity and what it holds, in order. Reads what {@link read} does not show. */
  readonly delete: (reader: Reader, observed: Observed) => Promise<readonly Write[]>;
  /** What holds on to the entity and is not part of it: AWS would refuse to delete it. Default: nothing can. */
  readonly listDependents?: (reader: Reader, observed: Observed) => Promise<readonly Dependent[]>;
  /**
   * Merges with what other namespaces declared, for `shared` entities. Default: the kind cannot be shared, and
   * `shared: true` is refused in validation.
   */
  readonly share?: {
    /** What of the entity this namespace declares, as the value of its mark: at most 256 characters. Default: nothing. */
    readonly claim?: (spec: JsonObject) => string;
    /** Writes that take back what this namespace alone declared. */
    readonly withdraw: (desired: Desired, observed: Observed, others: readonly string[]) => readonly Write[];
  };
}

export type { Changes, Comparison, Observed, PropertyRules };
