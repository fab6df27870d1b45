import type { ReportedUnreadPart } from './capture.js';

/** Something about a captured account that a person should look at. */
export interface CaptureWarning {
  readonly code:
    /** A trust policy trusts the unique ID of a role or user that does not exist any more. */
    | 'deleted-principal'
    /** It has the permissions of an administrator. */
    | 'administrator'
    /** An access key is older than 90 days, and was used within a year. */
    | 'old-access-key'
    /** A role, a password or an access key was not used for a year. */
    | 'unused'
    /** The manifest as a whole cannot be used as it is. */
    | 'manifest';
  /** `Role/deploy`; null for the manifest. */
  readonly entity: string | null;
  readonly message: string;
}

/** The result of `capture`: described by `schema/capture.schema.json`. */
export interface CaptureReport {
  readonly version: 1;
  readonly command: 'capture';
  /** `incomplete`: AWS refused reads, so that entities may be missing. `nothing`: no entity can be declared. */
  readonly result: 'captured' | 'incomplete' | 'nothing';
  readonly account: string;
  readonly partition: string;
  readonly namespace: string;
  readonly environment: string;
  /** The folder of the files. */
  readonly directory: string;
  /** The manifests, which are applied together, relative to the folder. Empty where nothing was captured. */
  readonly manifests: readonly string[];
  /** All files, the manifests first, relative to the folder. */
  readonly files: readonly string[];
  /**
   * Files in the folder that an earlier capture may have written and this one does not have, relative to the folder. They are kept.
   * Empty where no file may be replaced.
   */
  readonly otherFiles: readonly string[];
  /** The number of captured entities, by kind. */
  readonly captured: Readonly<Record<string, number>>;
  /** Entities that a manifest cannot declare, or must not, with the reason. */
  readonly leftOut: readonly {
    readonly kind: string;
    readonly name: string;
    readonly arn: string | null;
    readonly reason: string;
  }[];
  /** Parts of captured entities that the manifest does not declare: `tags.cost`. */
  readonly notDeclared: readonly {
    readonly kind: string;
    readonly name: string;
    readonly property: string;
    readonly reason: string;
  }[];
  /** Properties that AWS does not show, and whose value a person has to check. */
  readonly toFillIn: readonly { readonly kind: string; readonly name: string; readonly property: string }[];
  /** Reads that AWS refused. */
  readonly unread: readonly ReportedUnreadPart[];
  readonly warnings: readonly CaptureWarning[];
  readonly apiCalls: { readonly total: number; readonly byOperation: Readonly<Record<string, number>> };
}
