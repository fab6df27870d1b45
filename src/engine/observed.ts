import type { JsonObject } from '../contract/entity.js';

/** One entity as IAM showed it, in the manifest's words. */

export interface Observed {
  /** The name as IAM writes it. */
  readonly name: string;
  readonly arn: string;
  /** ISO 8601, or null where AWS does not say. */
  readonly createdAt: string | null;
  /** Empty where the kind carries none. */
  readonly tags: Readonly<Record<string, string>>;
  /** Property values; those that AWS does not show are absent and are not compared. */
  readonly state: JsonObject;
  /** What the kind needs beside, to write its steps: a policy's versions. Never compared, never reported. */
  readonly facts?: JsonObject;
}
