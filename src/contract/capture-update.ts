import type { EntityKey, ReportedUnreadPart } from './capture.js';
import type { CaptureWarning } from './capture-report.js';
import type { Json } from './entity.js';

/** One difference between a manifest and an account, as the manifest would take it over. */
export interface Difference {
  /** The manifest, or the file that it names. */
  readonly file: string;
  /** From 1; 0 where the file is a program. */
  readonly line: number;
  readonly column: number;
  /** The entities that have it, as `Kind/name`: several where they share what is written. */
  readonly entities: readonly string[];
  /** The path in the manifest: `entities[3].maxSessionDuration`. */
  readonly path: string;
  readonly action: 'change' | 'add' | 'remove';
  /** The value of the manifest. Missing where it has none. */
  readonly from?: Json | undefined;
  /** The value of the account. Missing where it has none. */
  readonly to?: Json | undefined;
}

/** A difference that is left to a person. */
export interface Patch extends Difference {
  readonly reason: string;
}

/** A declared entity that the account does not have. */
export interface GoneEntity extends EntityKey {
  /** The manifest declares it absent now. */
  readonly isDeclaredAbsent: boolean;
  /** Temporal has a record of an apply that made it, or took it over. Null where nobody asked to declare it absent. */
  readonly wasApplied: boolean | null;
}

/** A declared entity that was not compared. */
export interface UntouchedEntity extends EntityKey {
  readonly reason: string;
  /** True if the account differs from the manifest; false for a kind that cannot be compared. */
  readonly isDifferent: boolean;
}

/** The result of `capture --update`: described by `schema/capture-update.schema.json`. */
export interface CaptureUpdateReport {
  readonly version: 1;
  readonly command: 'capture';
  /**
   * `pending`: something differs still; with `--check`, what the files would take over as well. `updated`: files have changed, and
   * nothing differs now. `unchanged`: nothing differs.
   */
  readonly result: 'updated' | 'pending' | 'unchanged';
  readonly account: string;
  readonly namespace: string;
  readonly environment: string;
  /** The files that have changed, or would. */
  readonly files: readonly string[];
  /** The differences that the files take over. */
  readonly changes: readonly Difference[];
  /** Administrator access of the entities that differ, as the account has it. */
  readonly warnings: readonly CaptureWarning[];
  /** Differences that are left to a person, with the source position and the reason. */
  readonly patches: readonly Patch[];
  readonly gone: readonly GoneEntity[];
  readonly untouched: readonly UntouchedEntity[];
  /** Entities of the account, of the kinds of the manifest, that it does not declare. They are not added. */
  readonly notDeclared: readonly EntityKey[];
  /** Reads that AWS refused. */
  readonly unread: readonly ReportedUnreadPart[];
}
