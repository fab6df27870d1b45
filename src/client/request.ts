import { createHash, randomUUID } from 'node:crypto';
import type { DesiredEntity } from '../contract/entity.js';
import type { BootstrapRequest } from '../contract/request.js';
import type { ManifestRequest, RefusedManifest, Validation } from '../engine/manifest/resolve.js';
import type { Problem } from '../engine/manifest/problem.js';
import { KINDS } from '../kinds/index.js';
import { loadManifest, requestDigest, validateManifestFiles } from './load.js';
import type { LoadOptions } from './load.js';
import { revisionOf } from './revision.js';
import { tooLarge } from './size.js';

/** How manifests are read for a request. */
export type RequestOptions = Omit<LoadOptions, 'kinds'> & {
  /** Names this request: the same key asks for the same. Default: in CI, made of the attempt of the job; else a new one. */
  readonly requestKey?: string | undefined;
  /** Give up what the manifests declare, or remove it. Default: bring it to its declared state. */
  readonly command?: 'release' | 'destroy' | undefined;
  /** `destroy` deletes what was adopted, too. Default: false. */
  readonly includeAdopted?: boolean | undefined;
  /** Wait for an approval before the first write, and for so long. Default: nobody is asked. */
  readonly approval?: { readonly timeoutMs: number } | undefined;
  /** How new the manifests are. Default: in CI, the time of the commit that is checked out; else none. */
  readonly revision?: number | undefined;
  /** Apply them even where they are older than what was applied last. Default: false. */
  readonly allowOlder?: boolean | undefined;
};

/** A request to apply or to plan, or what is wrong with the manifests. */
export type LoadedRequest =
  { readonly ok: true; readonly request: BootstrapRequest; readonly warnings: readonly Problem[] } | RefusedManifest;

/** Reads manifests (YAML, JSON, TypeScript) and makes the request of them for one environment. */
export async function loadRequest(files: readonly string[], options: RequestOptions): Promise<LoadedRequest> {
  const loaded = await loadManifest(files, { ...options, kinds: KINDS });
  if (!loaded.ok) return loaded;
  const asked = options.command === undefined ? loaded.request : leaving(loaded.request, options.command, options);
  const { approval, revision: given, allowOlder, pipeline, cwd } = options;
  const revision = await revisionOf(files, { given, pipeline, cwd });
  const unguarded = revision === undefined && pipeline.provider !== 'local';
  const warnings = unguarded ? [...loaded.warnings, unrevised(files)] : loaded.warnings;
  const request: ManifestRequest = {
    ...asked,
    ...(approval === undefined ? {} : { approval }),
    ...(revision === undefined ? {} : { revision }),
    ...(allowOlder === true ? { allowOlder } : {}),
  };
  const problem = await tooLarge({ request, positions: loaded.positions });
  if (problem !== null) return { ok: false, problems: [problem], warnings };
  const digest = requestDigest(request);
  const key = options.requestKey ?? attemptKey(request, digest) ?? randomUUID();
  return { ok: true, request: { ...request, digest, key }, warnings };
}

/** In CI somebody may count on the guard, which has nothing to compare. */
function unrevised([file = '-']: readonly string[]): Problem {
  return {
    file,
    line: 0,
    column: 0,
    path: '',
    message:
      'git knows no commit here, so nothing keeps an older manifest from being applied after this one: ' +
      'check it out with git, or give --revision',
    remedy: 'check it out with git, or give --revision',
  };
}

/** The same for the same attempt of a job that asks for the same; undefined outside of CI. */
function attemptKey({ pipeline, revision, allowOlder }: ManifestRequest, digest: string): string | undefined {
  const { provider, run, job, attempt } = pipeline;
  if (typeof run !== 'string') return undefined;
  const whole = JSON.stringify([provider, run, job, attempt, digest, revision, allowOlder]);
  return `ci-${createHash('sha256').update(whole).digest('hex').slice(0, 32)}`;
}

/** The same entities, to be given up or removed; nothing waits for what it needed while it was there. */
function leaving(
  request: ManifestRequest,
  command: 'release' | 'destroy',
  { includeAdopted = false }: RequestOptions,
): ManifestRequest {
  const entities = request.entities.map((entity): DesiredEntity => {
    const left = { ...entity, spec: keyOf(entity), dependsOn: [] };
    if (command === 'release') return { ...left, state: 'released' };
    return { ...left, state: 'destroyed', ...(includeAdopted ? { includeAdopted } : {}) };
  });
  return { ...request, entities, command };
}

/** What tells which entity it is: all that one that goes has to say. */
function keyOf({ kind: name, spec }: DesiredEntity): DesiredEntity['spec'] {
  const key = KINDS.find((kind) => kind.name === name)?.keyProperties ?? [];
  return Object.fromEntries(Object.entries(spec).filter(([property]) => key.includes(property)));
}

/** Checks manifests offline, for every environment or for the one that is asked for. */
export async function validate(files: readonly string[], options: RequestOptions): Promise<Validation> {
  const checked = await validateManifestFiles(files, { ...options, kinds: KINDS });
  const sizes = await Promise.all(checked.resolved.map(tooLarge));
  const problems = sizes.filter((problem) => problem !== null);
  return { ...checked, ok: checked.ok && problems.length === 0, problems: [...checked.problems, ...problems] };
}
