import { createHash, randomUUID } from 'node:crypto';
import type { DesiredEntity } from '../contract/entity.js';
import type { BootstrapRequest } from '../contract/request.js';
import type { ManifestRequest, RefusedManifest, Validation } from '../engine/manifest/resolve.js';
import type { Problem } from '../engine/manifest/problem.js';
import { KINDS } from '../kinds/index.js';
import { loadManifest, validateManifestFiles } from './manifest/load.js';
import type { LoadOptions } from './manifest/load.js';
import { requestDigest } from './request-digest.js';
import { revisionOf } from './revision.js';
import { requestSizeProblem } from './request-size.js';

/** Options of making a request from manifests. */
export type RequestOptions = Omit<LoadOptions, 'kinds'> & {
  /** Identifies this request: a repeat with the same key is the same request. Default: in CI, derived from the attempt of the job; else random. */
  readonly requestKey?: string | undefined;
  /** Releases or destroys what the manifests declare. Default: brings it to its declared state. */
  readonly command?: 'release' | 'destroy' | undefined;
  /** Lets `destroy` also delete adopted entities. Default: false. */
  readonly includeAdopted?: boolean | undefined;
  /** Requires an approval before the first write. Default: none. */
  readonly approval?: { readonly timeoutMs: number } | undefined;
  /** The revision of the manifests. Default: in CI, the time of the commit that is checked out; else none. */
  readonly revision?: number | undefined;
  /** Applies the manifests even if a newer revision was applied before. Default: false. */
  readonly allowOlder?: boolean | undefined;
};

/** A request to apply or to plan, or the problems of the manifests. */
export type LoadedRequest =
  { readonly ok: true; readonly request: BootstrapRequest; readonly warnings: readonly Problem[] } | RefusedManifest;

/** Reads manifests (YAML, JSON, TypeScript) and makes a request of them for one environment. */
export async function loadRequest(files: readonly string[], options: RequestOptions): Promise<LoadedRequest> {
  const loaded = await loadManifest(files, { ...options, kinds: KINDS });
  if (!loaded.ok) return loaded;
  const desired =
    options.command === undefined ? loaded.request : removalRequest(loaded.request, options.command, options);
  const { approval, revision: given, allowOlder, pipeline, cwd } = options;
  const revision = await revisionOf(files, { given, pipeline, cwd });
  const isUnguarded = revision === undefined && pipeline.provider !== 'local';
  const warnings = isUnguarded ? [...loaded.warnings, missingRevision(files)] : loaded.warnings;
  const request: ManifestRequest = {
    ...desired,
    ...(approval === undefined ? {} : { approval }),
    ...(revision === undefined ? {} : { revision }),
    ...(allowOlder === true ? { allowOlder } : {}),
  };
  const problem = await requestSizeProblem({ request, positions: loaded.positions });
  if (problem !== null) return { ok: false, problems: [problem], warnings };
  const digest = requestDigest(request);
  const key = options.requestKey ?? attemptKey(request, digest) ?? randomUUID();
  return { ok: true, request: { ...request, digest, key }, warnings };
}

/** Warns that the guard against older manifests has no revision to compare: a CI job may rely on it. */
function missingRevision([file = '-']: readonly string[]): Problem {
  return {
    file,
    line: 0,
    column: 0,
    path: '',
    message:
      'no git commit found, so nothing prevents an older manifest from being applied after this one: ' +
      'check it out with git, or give --revision',
    remedy: 'check it out with git, or give --revision',
  };
}

/** Returns the same key for the same request of the same job attempt. Undefined outside CI. */
function attemptKey({ pipeline, revision, allowOlder }: ManifestRequest, digest: string): string | undefined {
  const { provider, run, job, attempt } = pipeline;
  if (typeof run !== 'string') return undefined;
  const identity = JSON.stringify([provider, run, job, attempt, digest, revision, allowOlder]);
  return `ci-${createHash('sha256').update(identity).digest('hex').slice(0, 32)}`;
}

/** Returns a request that releases or destroys the entities. Their dependencies no longer matter. */
function removalRequest(
  request: ManifestRequest,
  command: 'release' | 'destroy',
  { includeAdopted = false }: RequestOptions,
): ManifestRequest {
  const entities = request.entities.map((entity): DesiredEntity => {
    const removed = { ...entity, spec: keyOf(entity), dependsOn: [] };
    if (command === 'release') return { ...removed, state: 'released' };
    return { ...removed, state: 'destroyed', ...(includeAdopted ? { includeAdopted } : {}) };
  });
  return { ...request, entities, command };
}

/** Returns the properties that identify an entity: a removal needs no others. */
function keyOf({ kind: name, spec }: DesiredEntity): DesiredEntity['spec'] {
  const key = KINDS.find((kind) => kind.name === name)?.keyProperties ?? [];
  return Object.fromEntries(Object.entries(spec).filter(([property]) => key.includes(property)));
}

/** Checks manifests offline, for every environment or for the selected one. */
export async function validate(files: readonly string[], options: RequestOptions): Promise<Validation> {
  const checked = await validateManifestFiles(files, { ...options, kinds: KINDS });
  const sizes = await Promise.all(checked.resolved.map(requestSizeProblem));
  const problems = sizes.filter((problem) => problem !== null);
  return { ...checked, ok: checked.ok && problems.length === 0, problems: [...checked.problems, ...problems] };
}
