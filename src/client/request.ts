import { randomUUID } from 'node:crypto';
import type { BootstrapRequest } from '../contract/messages.js';
import type { RefusedManifest, Validation } from '../engine/manifest/resolve.js';
import type { Problem } from '../engine/manifest/problem.js';
import { KINDS } from '../kinds/index.js';
import { loadManifest, requestDigest, validateManifestFiles } from './load.js';
import type { LoadOptions } from './load.js';

/** How manifests are read for a request. */
export type RequestOptions = Omit<LoadOptions, 'kinds'> & {
  /** Names this request; the same key asks for the same. Default: a new one. */
  readonly requestKey?: string | undefined;
};

/** A request to apply or to plan, or what is wrong with the manifests. */
export type LoadedRequest =
  { readonly ok: true; readonly request: BootstrapRequest; readonly warnings: readonly Problem[] } | RefusedManifest;

/** Reads manifests (YAML, JSON, TypeScript) and makes the request of them for one environment. */
export async function loadRequest(files: readonly string[], options: RequestOptions): Promise<LoadedRequest> {
  const loaded = await loadManifest(files, { ...options, kinds: KINDS });
  if (!loaded.ok) return loaded;
  const { request, warnings } = loaded;
  const key = options.requestKey ?? randomUUID();
  return { ok: true, request: { ...request, digest: requestDigest(request), key }, warnings };
}

/** Checks manifests offline, for every environment or for the one that is asked for. */
export async function validate(files: readonly string[], options: RequestOptions): Promise<Validation> {
  return validateManifestFiles(files, { ...options, kinds: KINDS });
}
