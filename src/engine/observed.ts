import type { JsonObject } from '../contract/entity.js';

/** One entity as IAM showed it, with the manifest's property names. */
export interface Observed {
  readonly name: string;
  readonly arn: string;
  /** ISO 8601. Null if AWS does not report it. */
  readonly createdAt: string | null;
  /** Empty if the kind has no tags. */
  readonly tags: Readonly<Record<string, string>>;
  /** Property values. Those that AWS does not show are missing, and are not compared. */
  readonly state: JsonObject;
  /** Facts that the kind needs for its writes, such as a policy's versions. Never compared, never reported. */
  readonly facts?: JsonObject;
}
