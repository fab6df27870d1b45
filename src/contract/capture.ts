import type { JsonObject, Target, Timestamp } from './entity.js';
import type { Proof } from './identity.js';

/** Days without a use after which an entity is likely to be needed no more. AWS remembers the last 400 days of roles. */
export const UNUSED_DAYS = 365;

/** The argument of the `capture` workflow, which reads one page of an account. It takes no lock and writes nothing. */
export interface CaptureRequest {
  readonly target: Target;
  /** The same for all pages of a capture, so that a worker reads the account once for all of them. Up to 100 characters. */
  readonly captureId: string;
  readonly filter: CaptureFilter;
  /** The last item of the page before, or null for the first page. */
  readonly after: EntityKey | null;
  /** Proves who asks, where the worker asks for it. */
  readonly proof?: Proof;
}

/** The entities that a capture is limited to. Each member limits further. */
export interface CaptureFilter {
  /** The namespace that the manifest is for, which decides what is `ours`. */
  readonly namespace: string;
  /** Up to 100; empty for all kinds. Service-linked roles are captured only where `ServiceLinkedRole` is named. */
  readonly kinds: readonly string[];
  /** Up to 100 names of up to 256 characters, with `*` for any text, compared without case. Empty for all. */
  readonly names: readonly string[];
  /** The path that an entity's path begins with. Kinds without paths do not match. Up to 512 characters. Null for any. */
  readonly path: string | null;
  /** Up to 50 tags that an entity must have; null for any value. */
  readonly tags: Readonly<Record<string, string | null>>;
  /** `unowned` for those without an owner, `ours` for those of the namespace. Null for both. */
  readonly owner: 'unowned' | 'ours' | null;
}

/** One page of an account, in the order of the names of kinds and then of entities, by their UTF-16 code units. */
export interface CapturedPage {
  /** Up to 1,000, and up to 800 kB of JSON, unless one alone is larger. */
  readonly items: readonly CapturedItem[];
  /** The item to go on after; null at the end. */
  readonly next: EntityKey | null;
  /** Reads that AWS refused, which leave entities or kinds out. Only on the last page. */
  readonly unread: readonly UnreadPart[];
  /** The number of calls to AWS, by operation. Pages that need none have none. */
  readonly calls: Readonly<Record<string, number>>;
}

/** An entity by kind and name. */
export interface EntityKey {
  readonly kind: string;
  readonly name: string;
}

/** One entity of the account, captured or left out. */
export type CapturedItem = CapturedEntity | LeftOutEntity;

/** One entity as a manifest can declare it. */
export interface CapturedEntity extends EntityKey {
  readonly arn: string;
  /**
   * All properties that the manifest can declare and that AWS shows, the key among them, tags not. Documents are decoded,
   * and values equal to AWS's default are there as well. What is unset and has no form in the manifest is missing, and so
   * is what asks for a change, as `reset` does.
   */
  readonly spec: JsonObject;
  /** All tags, with those of owners. Those of sharers tell that the entity needs `shared: true`. Empty where the kind has none. */
  readonly tags: Readonly<Record<string, string>>;
  readonly isOurs: boolean;
  readonly createdAt: Timestamp | null;
  /** The last use that AWS shows, of roles and login profiles. Null where it shows none; undefined where it does not tell. */
  readonly lastUsedAt?: Timestamp | null;
  /** Required properties that AWS does not show, such as the location of a secret. The manifest must name them. */
  readonly missing: readonly string[];
}

/**
 * One entity that a manifest cannot declare, or must not. Where several would have one name, each has the ID of AWS in
 * its own: `AccessKey/ann/AKIA…`.
 */
export interface LeftOutEntity extends EntityKey {
  readonly arn: string | null;
  /** The reason, in words, such as `belongs to CloudFormation stack "network"`. */
  readonly leftOut: string;
  /** Undefined where the listing does not show it. */
  readonly createdAt?: Timestamp;
  /** The last use of an access key that is older than a year. Null where AWS shows none; undefined where it does not tell. */
  readonly lastUsedAt?: Timestamp | null;
}

/** A read that AWS refused. */
export interface UnreadPart {
  /** The kind, and the entity where only that one could not be read. */
  readonly kind: string;
  readonly name: string | null;
  /** `ListRoles answered AccessDenied: …`. */
  readonly message: string;
}

/** A part that could not be read, as a report tells it. */
export interface ReportedUnreadPart extends UnreadPart {
  /** The permission to give to the worker. Null where none helps. */
  readonly remedy: string | null;
}
