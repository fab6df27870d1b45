import type { JsonObject, Target, Timestamp } from './entity.js';
import type { Proof } from './identity.js';

/** The argument of the `lookUp` workflow, which takes no lock and writes nothing. */
export interface LookUpRequest {
  readonly target: Target;
  readonly entities: readonly EntityToLookUp[];
  /** Proves who asks, where the worker asks for it. */
  readonly proof?: Proof;
}

/** The members of an entity that are no property of its kind. */
export const HeldSet = {
  /** The roles, users and groups that a policy is attached to, as `Role/deploy`. */
  AttachedTo: 'attachedTo',
  /** The groups that a user is in. */
  Groups: 'groups',
  /** The IDs of a user's credentials of this kind. The entity itself is not read. */
  Credentials: 'credentials',
} as const;

/** An entity to find by its name, whatever its path and case. */
export interface EntityToLookUp {
  readonly kind: string;
  readonly name: string;
  /** The properties that identify it, and empty ones for sets that only a further read shows. */
  readonly spec: JsonObject;
  /** Members to look for, by property of the kind or {@link HeldSet}. */
  readonly members: Readonly<Record<string, readonly string[]>>;
  /** List members that were not looked for as well. Default: count them. */
  readonly listsOthers?: boolean;
}

/** The usage and the quotas of an account, by AWS's names: `Roles`, `RolesQuota`. */
export type AccountSummary = Readonly<Record<string, number>>;

/** The findings of the worker, which has the credentials. */
export interface LookUps {
  /** In the order of the request's entities. */
  readonly found: readonly LookedUp[];
  /** Undefined where AWS refuses it. */
  readonly summary?: AccountSummary | undefined;
  /** The number of calls to AWS, by operation. */
  readonly calls: Readonly<Record<string, number>>;
}

/** One entity as IAM shows it. */
export interface LookedUp {
  /** `unread`: AWS did not answer; {@link message} has the reason. */
  readonly status: 'present' | 'absent' | 'unread';
  readonly message: string | null;
  /** The name as IAM writes it. */
  readonly name: string | null;
  readonly arn: string | null;
  readonly path: string | null;
  readonly createdAt: Timestamp | null;
  readonly owner: string | null;
  /** The ID that AWS has given it. Null for kinds that have none. */
  readonly id: string | null;
  /** AWS refused the listing, so a name in another case or under another path was not found. Default: it was looked for. */
  readonly isByExactName?: true;
  /** By property, as far as they could be read. */
  readonly members: Readonly<Record<string, FoundMembers>>;
}

/** The members of one set. */
export interface FoundMembers {
  /** The members that were looked for and are there. */
  readonly present: readonly string[];
  /** Others, the first of them; none where they were not asked for. */
  readonly others: readonly string[];
  /** The number of others that are not listed. */
  readonly omitted: number;
}

/** Others that are listed of one set. */
export const MAX_OTHER_MEMBERS = 20;
