import type { BootstrapRequest } from '../../contract/request.js';
import type { Problem, SourcePosition } from './problem.js';

/** A request without its digest and its key. */
export type ManifestRequest = Omit<BootstrapRequest, 'digest' | 'key'>;

/** The result for valid manifests. */
export interface ResolvedManifest {
  readonly ok: true;
  readonly request: ManifestRequest;
  /** The position of each entity of the request. */
  readonly positions: readonly SourcePosition[];
  readonly warnings: readonly Problem[];
}

/** The result for invalid manifests: all problems, sorted by position. */
export interface RefusedManifest {
  readonly ok: false;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}
/** The result of {@link resolveManifest}. */
export type ManifestResult = ResolvedManifest | RefusedManifest;
