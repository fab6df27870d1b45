import type { AwsError } from '../aws/errors.js';
import type { CompleteSnapshot, DetailType, Snapshot } from '../aws/inventory.js';
import type { Operation } from '../aws/operations.js';
import type { Reader } from '../aws/reader.js';
import type { SecretForm } from '../aws/secret-form.js';
import type { JsonObject, SecretLocation, Target } from '../contract/entity.js';
import type { AlsoRemoves, Changes, Comparison, Observed, PropertyRules } from '../engine/comparison.js';
import type { ManifestKind } from '../engine/manifest/manifest-kind.js';
import type { ShareRules } from '../engine/sharing.js';
import type { OrderedWrite } from '../engine/write-order.js';

/** One AWS write, as data. A kind returns writes; `activities/` sends them, counts them and keeps their request IDs. */
export interface Write extends OrderedWrite<Write> {
  readonly operation: Operation;
  readonly input: Readonly<Record<string, unknown>>;
  /**
   * True where a repeat would make a second thing instead of failing, as with `CreatePolicyVersion`. After an unclear
   * reply, such a write is sent again only once a read has shown that the first one had no effect. Default: false.
   */
  readonly unguarded?: boolean;
  /** Reports an error that means "already in the wanted state"; the write then counts as done. Default: no error does. */
  readonly isAlreadyApplied?: ((error: AwsError) => boolean) | undefined;
  /**
   * Reports an error that means that the read behind this write is outdated. The activity then reads the entity again
   * and repeats its work. Default: no error does.
   */
  readonly isOutdated?: ((error: AwsError) => boolean) | undefined;
  /**
   * The entity of its own that this write deletes as a part of a larger deletion, and that earlier writes have detached.
   * It is kept where it belongs to another owner. Default: the write deletes no such entity.
   */
  readonly deletes?: OwnedEntity;
  /**
   * Input members that are secret, and the source of each value. Values are read right before the write is sent, and
   * appear in no history, log or digest.
   */
  readonly secretInput?: Readonly<Record<string, SecretInput>>;
  /**
   * Changes the stored record of the entity together with AWS. The record is written before the write is sent, so that a
   * location that cannot be written is found first. Default: the record stays.
   */
  readonly record?: RecordChange;
  /**
   * Waits for work that AWS does after its reply, and throws if that work fails. It may only read, since it is repeated
   * after a crash. Default: the reply means that the work is done.
   */
  readonly waitUntilApplied?: (reader: Reader, output: unknown) => Promise<void>;
  /** The write sets tags, or removes them. An adoption sets them before it writes anything else. */
  readonly tagging?: 'put' | 'remove';
}

/** Fields of a stored record. An empty text removes a field. */
export type RecordFields = Readonly<Record<string, string>>;

/** The change of a stored record by a write. Repeats of a write whose reply was lost make the change again. */
export interface RecordChange {
  readonly location: SecretLocation;
  /** Returns the fields to store before the write is sent, where `secretInput` can read them. */
  readonly before?: (stored: RecordFields) => RecordFields;
  /** Returns the fields to store once AWS has replied with `output`. */
  readonly after: (output: unknown, stored: RecordFields) => RecordFields;
}

/** An entity with everything that shows its owner. */
export interface OwnedEntity extends Pick<Observed, 'name' | 'arn' | 'tags'> {
  readonly kind: string;
}

/** The source of a secret input member. */
export interface SecretInput {
  readonly location: SecretLocation;
  /** Field to take from the stored JSON object. Default: the value is the stored text. */
  readonly field?: string;
  /** The form that the stored text must have to be sent. Default: that of the record with the field. */
  readonly form?: SecretForm;
  /** Computes the value from the stored one, right before the write is sent. `now` is the time by AWS's clock. */
  readonly derive?: (stored: string, now: number) => string;
}

/** A desired entity, ready for AWS calls: references are resolved and tags are complete. */
export interface Desired {
  readonly name: string;
  readonly spec: JsonObject;
  /** Declared tags and ownership tags; empty where the kind cannot carry tags. */
  readonly tags: Readonly<Record<string, string>>;
  readonly target: Target;
}

/** An entity to read, with the spec that the manifest declares: for `state: absent`, its key properties only. */
export interface WantedEntity {
  readonly name: string;
  readonly spec: JsonObject;
  /** Its tags may come from the tag index, where the kind has {@link Kind.confirmTags}. Default: they come from IAM. */
  readonly mayHaveIndexedTags?: boolean;
}

/** An entity that a listing of the account shows, with its key and all that a complete read of it needs. */
export interface ListedEntity extends WantedEntity {
  /** Default: only a read shows it. */
  readonly arn?: string;
  /** The reason for which a manifest cannot declare this one. It is not read. Default: it can. */
  readonly leftOut?: string;
  /** ISO 8601. Default: the listing does not show it. */
  readonly createdAt?: string | null;
  /** AWS's refusal where the entities of this user could not be listed. The entity stands for them. Default: they are. */
  readonly unread?: string;
}

/** The rule for what a capture of an account leaves out. */
export interface LeftOutRule {
  /** The reason, in words that follow the name of an entity. */
  readonly reason: string;
  /** They are captured where the kind is asked for by name. Default: they never are. */
  readonly unlessNamed?: true;
}

/** The usage of one of the account's quotas. */
export interface QuotaUsage {
  /** Key of `GetAccountSummary`: `AttachedPoliciesPerRoleQuota`. */
  readonly quota: string;
  readonly amount: number;
  /** The unit, for people: `attached policies`. */
  readonly label: string;
}

/** Another entity that uses this one, so that AWS refuses to delete this one. */
export interface Dependent {
  readonly kind: string;
  readonly name: string;
  /** Detaches this entity from the dependent; null where the engine must not, as with a permissions boundary. */
  readonly detach: Write | null;
}

/** Rules for a set whose members AWS limits from their side: how many groups a user is in. */
export interface MembershipRules {
  /** The property that lists the members. */
  readonly property: string;
  /** The number of entities of this kind that a member may be in. AWS does not raise it. */
  readonly max: number;
  /** Key of `GetAccountSummary`. */
  readonly quota: string;
  /** The entities of this kind, for people: `groups`. */
  readonly label: string;
  /** Lists the names of the entities of this kind that a member is in. */
  readonly list: (reader: Reader, member: string) => Promise<readonly string[]>;
}

/** One of several things that a Create of the same spec may have made, for kinds that AWS gives an ID and no name. */
export interface Candidate {
  /** ID that AWS gave; for things with a name, an ID that also tells one incarnation from the next. */
  readonly id: string;
  /** ISO 8601; null where AWS does not show it. */
  readonly createdAt: string | null;
}

/** Rules for the secret of a kind, for secrets that AWS reveals once or takes and never shows. The engine stores it. */
export interface SecretRules {
  readonly locationOf: (spec: JsonObject) => SecretLocation;
  /**
   * Returns the record to store, from the output of the Create: a flat object of strings with AWS's names.
   * Undefined where {@link generateRecord} makes the secret.
   */
  readonly recordFromReply?: (output: unknown, desired: Desired) => Readonly<Record<string, string>>;
  /** Makes the record that is stored before the Create, which reads it by `secretInput`. */
  readonly generateRecord?: (desired: Desired) => Readonly<Record<string, string>>;
  /**
   * Lists all things that a Create like this one may have made; required with {@link recordFromReply}. The list from
   * right before the first Create is kept in history. A thing that is listed only later, and whose secret is not
   * stored, was made by a Create whose reply was lost: an orphan.
   */
  readonly listCandidates?: (reader: Reader, desired: Desired) => Promise<readonly Candidate[]>;
  /** Returns the ID of the candidate that a stored record belongs to. */
  readonly candidateIdOf?: (record: Readonly<Record<string, string>>) => string;
  /** Reports whether a candidate has been used. Its user has the secret, so it is not an orphan. */
  readonly isCandidateUsed?: (reader: Reader, id: string) => Promise<boolean>;
  readonly deleteCandidate?: (id: string, desired: Desired) => readonly Write[];
}

/**
 * The contract between the engine and one kind of IAM entity. A kind reads AWS and returns writes. It makes no
 * decisions, imports no other kind, and does not know Temporal. Its schema loads without the AWS SDK. The members that
 * manifests depend on (name, key, schema, ARN, references) are those of {@link ManifestKind}.
 */
export interface Kind extends ManifestKind {
  /** Kinds whose entities an entity of this kind can use. Those entities are deleted after it. */
  readonly dependsOnKinds: readonly string[];
  /** True where AWS's Create takes no tags, so that a later write sets them. Default: false. */
  readonly tagsAfterCreate?: boolean;
  /**
   * True where AWS deletes an entity of this kind together with the entity that it refers to. Without tags, it has the name
   * of that entity. Default: false.
   */
  readonly isDeletedWithReference?: boolean;
  /**
   * True where AWS assigns an ID that later writes need. Only the reply to the Create, or a read, shows it.
   * Default: false.
   */
  readonly hasAwsAssignedId?: boolean;
  /** True where the kind lives on a path that AWS reserves, so that the path does not mean a foreign owner. Default: false. */
  readonly usesReservedPath?: boolean;
  /** Rules for comparing each property. `tags` belong to the engine and are not listed. */
  readonly properties: PropertyRules;

  /** IAM actions that the kind's calls need, for the operator's least-privilege policy. */
  readonly actions: { readonly read: readonly string[]; readonly write: readonly string[] };
  /** Documentation: how AWS prevents a duplicate. */
  readonly duplicateProtection: string;
  /** Documentation: how an existing entity is recognized, and how it is known whether a run of ours created it. */
  readonly recognizedBy: string;
  /** Keys of `GetAccountSummary`: the number of entities, and the quota for it. */
  readonly quota?: { readonly used: string; readonly limit: string };

  /** Returns the spec's usage of account quotas, by key of `GetAccountSummary`. Default: none. */
  readonly quotaUsage?: (spec: JsonObject) => readonly QuotaUsage[];

  /** Default: AWS limits no member of its sets from the member's side. */
  readonly memberships?: MembershipRules;

  /** The part of `GetAccountAuthorizationDetails` that {@link readMany} needs, or null. */
  readonly detailType: DetailType | null;
  /** The approximate number of calls that {@link read} makes. It decides between the bulk read and single reads. */
  readonly readCost: number;
  /** Reads one entity completely, every page; returns undefined where it does not exist. */
  readonly read: (reader: Reader, wanted: WantedEntity, target: Target) => Promise<Observed | undefined>;
  /**
   * Reads many entities from the account's snapshot, which is fetched once for all kinds. The keys of the map are names
   * as IAM compares them (lower case). Returns undefined where the snapshot is not available: it was denied, or it
   * would cost more calls than single reads. It may also show entities that are not wanted and whose tags name the
   * namespace.
   */
  readonly readMany: (
    snapshot: Snapshot,
    wanted: readonly WantedEntity[],
    target: Target,
  ) => Promise<ReadonlyMap<string, Observed> | undefined>;

  /**
   * Lists every entity of the kind, for {@link readMany}. What needs a read of its own to be known may turn out not to
   * exist. Names that AWS gives twice, as to credentials, have the ID that AWS gave.
   */
  readonly listAll: (snapshot: CompleteSnapshot, target: Target) => Promise<readonly ListedEntity[]>;
  /** Reads one listed entity, where {@link readMany} needs a call for each. Default: {@link readMany} reads them all. */
  readonly readListed?: (
    snapshot: CompleteSnapshot,
    listed: ListedEntity,
    target: Target,
  ) => Promise<Observed | undefined>;
  /** A part of `GetAccountAuthorizationDetails` that {@link listAll} needs besides {@link detailType}. Default: none. */
  readonly listedFrom?: DetailType;
  /** Returns the last use of a listed entity; null for none, undefined where AWS does not tell. Default: the reads tell, or nothing. */
  readonly readLastUse?: (snapshot: CompleteSnapshot, listed: ListedEntity) => Promise<string | null | undefined>;
  /** Entities that a capture leaves out. Default: none of the kind. */
  readonly leftOut?: LeftOutRule;
  /** Returns the observed properties that a manifest can declare without asking for a change. Default: all. */
  readonly declarable?: (observed: Observed) => JsonObject;

  /** True where {@link readMany} makes no call for a wanted entity whose spec has its key only. Default: false. */
  readonly isReadWithOthers?: boolean;
  /** True where {@link readMany} may leave out an owner, so that {@link readRest} comes before a deletion. Default: false. */
  readonly hidesOwner?: boolean;
  /** Reads from IAM the tags that {@link readMany} took from the index; undefined if it is gone. Default: it takes none. */
  readonly confirmTags?: (reader: Reader, observed: Observed) => Promise<Observed | undefined>;
  /**
   * Completes what {@link readMany} or {@link read} has shown, before the entity is adopted: its owner, properties
   * that a bulk read leaves out, and what belongs to it without being a property of it. Default: the reads show all of it.
   */
  readonly readRest?: (reader: Reader, observed: Observed) => Promise<Observed>;

  /** Returns the one call that creates the entity. It carries tags where AWS's Create takes them. */
  readonly create: (desired: Desired) => Write;
  /** Reports an error of the Create that means "already exists". */
  readonly isAlreadyExistsError: (error: AwsError) => boolean;
  /** True where a Create silently replaces an existing entity, so that a read must come right before it. Default: false. */
  readonly createOverwrites?: boolean;
  /**
   * The reason for a refusal where the name must be unique beyond what reads can show, as among all AWS accounts.
   * "Already exists" about an entity that no read shows is then a refusal, and not a matter of propagation.
   */
  readonly globallyTakenReason?: string;
  readonly secret?: SecretRules;
  /** Returns the entity's state right after {@link create} replied with `output`, without a read. */
  readonly observedAfterCreate: (desired: Desired, output: unknown) => Observed;
  /** Returns the writes for these changes only, with their effects. They are sent in the order of `orderByEffect`. */
  readonly update: (desired: Desired, observed: Observed, changes: Changes) => readonly Write[];
  /** Returns the writes that delete the entity and all that belongs to it, sent in the order of `orderByEffect`. It may read more. */
  readonly delete: (reader: Reader, observed: Observed) => Promise<readonly Write[]> | readonly Write[];
  readonly alsoRemoves?: AlsoRemoves;
  /** Lists entities that use this one. AWS refuses to delete an entity that is in use. Default: none can use it. */
  readonly listDependents?: (reader: Reader, observed: Observed) => Promise<readonly Dependent[]>;
  /** Lists entities that trust this one and lose access with it. AWS deletes it anyway. Default: none can trust it. */
  readonly listTrusting?: (reader: Reader, observed: Observed) => Promise<readonly OwnedEntity[]>;
  /**
   * Rules for entities that several namespaces declare together. Default: the kind cannot be shared, and validation
   * refuses `shared: true`. The writes of a shared kind set the ownership tags before they add members.
   */
  readonly share?: ShareRules;
}

export type { Changes, Comparison, Observed, PropertyRules };
