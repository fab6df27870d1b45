import type { CapturedItem, ReportedUnreadPart } from '../../../contract/capture.js';
import type { Identify } from './source-files.js';
import type { ManifestOptions, ManifestSource } from '../../../engine/manifest/resolve.js';

/** The inputs of `updateManifest`. */
export interface UpdateInput {
  readonly sources: readonly ManifestSource[];
  /** Those by which the manifests are resolved for the account that was captured. */
  readonly options: ManifestOptions;
  readonly items: readonly CapturedItem[];
  /** Reads that AWS refused: what they leave out is not taken for gone. */
  readonly unread: readonly ReportedUnreadPart[];
  /**
   * The keys of entities that were applied before. Others are new and not gone, and `removed` leaves them. Default: nobody knows.
   */
  readonly applied?: ReadonlySet<string>;
  /** Declare entities absent that the account does not have. Default: they are reported. */
  readonly removed?: boolean;
  /** Tells two names of one file. Default: they differ in dots that mean nothing. */
  readonly identify?: Identify;
  /**
   * Change what other environments and fleets use, too: the difference was meant for all of them. Default: such a change
   * is a patch to make by hand.
   */
  readonly everywhere?: boolean;
}

/** A file with its text before and after. */
export interface ChangedFile {
  /** The name of the manifest, or the path of the file beside it. */
  readonly file: string;
  /** The folder of its manifest, which no link may lead out of. Default: the folder of the file. */
  readonly folder?: string;
  readonly before: string;
  readonly text: string;
}
