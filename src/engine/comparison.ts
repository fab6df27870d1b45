import type { Json, JsonObject } from '../contract/entity.js';
import type { Drift } from '../contract/report.js';
import type { Holding } from '../contract/request.js';

/** One entity as IAM showed it, with the manifest's property names. */
export interface Observed {
  readonly name: string;
  readonly arn: string;
  /** The ID that AWS gave it, which stays where its name changes. Undefined for kinds that AWS does not rename. */
  readonly uniqueId?: string | undefined;
  /** ISO 8601. Null if AWS does not report it. */
  readonly createdAt: string | null;
  /** ISO 8601, null if it was never used. Undefined where the read does not tell. */
  readonly lastUsedAt?: string | null;
  /** Empty if the kind has no tags. */
  readonly tags: Readonly<Record<string, string>>;
  /** The tags come from the tag index, which may be behind IAM. Only "nothing to do" may follow. Default: from IAM. */
  readonly hasIndexedTags?: true | undefined;
  /** An owner that neither tags nor path show, null for none. Undefined where the read does not tell. */
  readonly owner?: string | null;
  /** Property values. Those that AWS does not show are missing, and are not compared. */
  readonly state: JsonObject;
  /** The parts of it that are no property of it, such as a user's access keys. Undefined where they were not read. */
  readonly holdings?: readonly Holding[];
  /** Facts that the kind needs for its writes, such as a policy's versions. Never compared, never reported. */
  readonly facts?: JsonObject;
  /** The reason for which it cannot be brought to its declared state, with a remedy. Default: none. */
  readonly blocked?: { readonly reason: string; readonly remedy: string };
}

/**
 * The way in which one property is compared.
 *
 * - `value`: equal or not. `default` is what AWS shows if nothing was set; null in the manifest asks for it.
 * - `set`: a list of strings in any order. Unmanaged members are kept, unless the manifest says to remove them.
 * - `document`: a policy document, by meaning.
 * - `documents`: policy documents by name. Unmanaged ones are kept, unless the manifest says to remove them.
 * - `text`: equal or not after `normalize`. A report shows digests of long texts.
 * - `writeOnly`: AWS does not show it, so it never drifts.
 */
export interface PropertyRule {
  readonly type: 'value' | 'set' | 'document' | 'documents' | 'text' | 'writeOnly';
  readonly default?: Json;
  /** Removes what has no meaning from a `text`. Default: trims white space at both ends. */
  readonly normalize?: (text: string) => string;
  /** AWS has no call that changes it after the Create. */
  readonly immutable?: boolean;
  /**
   * AWS only replaces the set in one call, and the manifest's list is the complete one. On a shared entity it is merged
   * like any other set. Default: false.
   */
  readonly authoritative?: boolean;
  /**
   * The number of members that AWS allows. If unmanaged members are kept and leave no room for a declared one, that is
   * an immutable drift: the fix would remove what the manifest does not declare. Default: no limit.
   */
  readonly limit?: number;
  /** AWS fills the property by itself where the manifest leaves it out, so what is there is nobody's. Default: false. */
  readonly setByAws?: boolean;
  /** Members of the set are compared without case. Default: false. */
  readonly ignoreCase?: boolean;
}

/** The rules of all properties of a kind. */
export type PropertyRules = Readonly<Record<string, PropertyRule>>;

/** The writes that bring one property to its desired state. `put` and `remove` are empty for a value or a document. */
export interface Change {
  readonly desired: Json;
  /** Members, or names of documents, to add or overwrite. */
  readonly put: readonly string[];
  readonly remove: readonly string[];
}

/** Changes by property; `tags` is one of them. */
export type Changes = Readonly<Record<string, Change>>;

/** The differences between a desired and an observed entity. */
export interface Comparison {
  readonly drift: readonly Drift[];
  /** Content that the manifest does not declare and that is kept. Content to remove is drift. */
  readonly unmanaged: readonly string[];
  /** Differences without an effect, as in the Sid of a statement. They are no drift. Missing if there are none. */
  readonly cosmetic?: readonly string[];
  readonly changes: Changes;
}

/** The circumstances of a comparison. */
export interface ComparisonOptions {
  readonly rules: PropertyRules;
  readonly partition: string;
  /** Reports whether to remove unmanaged content of a declared property. */
  readonly removesUnmanaged: (property: string) => boolean;
  /** Reports whether a member of a set is the old name, or the ARN, of what a declared member has replaced. Default: none is. */
  readonly isFormer?: (member: string) => boolean;
  /** Members that are not declared here belong to other namespaces, and are not unmanaged. */
  readonly shared: boolean;
}

/**
 * Returns what an update removes to make room for these changes, although the manifest does not mention it. The plan
 * shows it. Default: an update removes nothing else.
 */
export type AlsoRemoves = (
  spec: JsonObject,
  observed: Observed,
  changes: Changes,
  partition: string,
) => readonly Drift[];
