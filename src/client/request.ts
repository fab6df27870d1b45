import { createHash, randomUUID } from 'node:crypto';
import type { DesiredEntity, Pipeline } from '../contract/entity.js';
import type { BootstrapRequest } from '../contract/request.js';
import { keyOf } from '../engine/manifest/manifest-kind.js';
import type { Problem } from '../engine/manifest/problem.js';
import type { ManifestRequest, RefusedManifest } from '../engine/manifest/resolve.js';
import type { Validation } from '../engine/manifest/validate.js';
import { requestDigest } from '../engine/request-digest.js';
import { requestSizeProblem } from '../engine/request-size.js';
import { KINDS } from '../kinds/index.js';
import { originOf } from './checkout.js';
import { loadGuardrails, refusalsOf } from './guardrails.js';
import { sentBytes } from '../temporal/sent-bytes.js';
import { loadManifest, type LoadOptions, validateManifestFiles } from './manifest/load.js';

/** Options for a request that is made from manifests. */
export type RequestOptions = Omit<LoadOptions, 'kinds' | 'variables' | 'pipeline' | 'fleet'> & {
  /** The values of variables, as `--var` gives them. Default: none. */
  readonly variables?: LoadOptions['variables'] | undefined;
  /** The job that asks: `loadConfig().pipeline` reads it from the variables of the CI service. Default: no CI service. */
  readonly pipeline?: Pipeline | undefined;
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
  /** The time after which a run that makes no progress ends, in milliseconds. Default: an hour. */
  readonly timeoutMs?: number | undefined;
};

/** The origin of requests outside of CI. */
export const NO_CI: Pipeline = { provider: 'local', url: null, commit: null, actor: null };

/** A request to apply or to plan, or the problems of the manifests. */
export type LoadedRequest =
  { readonly ok: true; readonly request: BootstrapRequest; readonly warnings: readonly Problem[] } | RefusedManifest;

/** Reads manifests (YAML, JSON, TypeScript) and makes a request of them for one environment. */
export async function loadRequest(files: readonly string[], options: RequestOptions = {}): Promise<LoadedRequest> {
  const { pipeline = NO_CI, variables = {} } = options;
  const loaded = await loadManifest(files, { ...options, pipeline, variables, kinds: KINDS });
  if (!loaded.ok) return loaded;
  const desired =
    options.command === undefined ? loaded.request : removalRequest(loaded.request, options.command, options);
  const { approval, revision: given, allowOlder, timeoutMs, cwd } = options;
  const origin = await originOf(files, { given, pipeline, cwd });
  const warnings = origin.warning === undefined ? loaded.warnings : [...loaded.warnings, origin.warning];
  if (origin.problem !== undefined) return { ok: false, problems: [origin.problem], warnings };
  const { revision } = origin;
  const request: ManifestRequest = {
    ...desired,
    pipeline: origin.pipeline,
    ...(approval === undefined ? {} : { approval }),
    ...(revision === undefined ? {} : { revision }),
    ...(allowOlder === true ? { allowOlder } : {}),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
  const problem = await requestSizeProblem({ request, positions: loaded.positions }, sentBytes);
  if (problem !== null) return { ok: false, problems: [problem], warnings };
  const digest = requestDigest(request);
  const key = options.requestKey ?? attemptKey(request, digest) ?? randomUUID();
  return { ok: true, request: { ...request, digest, key }, warnings };
}

/** Returns the same key for the same request of the same job attempt. Undefined outside CI. */
export function attemptKey(
  { pipeline, revision, allowOlder }: Pick<ManifestRequest, 'pipeline' | 'revision' | 'allowOlder'>,
  digest: string,
): string | undefined {
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
    const kind = KINDS.find(({ name }) => name === entity.kind);
    const removed = { ...entity, spec: kind === undefined ? {} : keyOf(kind, entity.spec), dependsOn: [] };
    for (const field of ['renamedFrom', 'formerReferences']) Reflect.deleteProperty(removed, field);
    if (command === 'release') return { ...removed, state: 'released' };
    return { ...removed, state: 'destroyed', ...(includeAdopted ? { includeAdopted } : {}) };
  });
  // A release deletes nothing.
  const keepsOrphans = command === 'release' && request.orphans === 'remove';
  return { ...request, entities, command, ...(keepsOrphans ? { orphans: 'release' } : {}) };
}

/** The result of checking manifests. */
export interface CheckedManifests extends Validation {
  /** The refusals of the guardrails, with their positions in the manifests. */
  readonly refusals: readonly Problem[];
}

/** Options for a check of manifests. */
export type ValidateOptions = RequestOptions & {
  /** A guardrails file that the manifests must keep to. Default: none. */
  readonly guardrails?: string | undefined;
};

/** Checks manifests offline, for every environment or for the selected one. */
export async function validate(files: readonly string[], options: ValidateOptions = {}): Promise<CheckedManifests> {
  const { pipeline = NO_CI, variables = {}, guardrails: file } = options;
  const checked = await validateManifestFiles(files, { ...options, pipeline, variables, kinds: KINDS });
  const all = [...checked.resolved, ...checked.fleets.flatMap(({ resolved }) => resolved)];
  const sizes = await Promise.all(all.map((resolved) => requestSizeProblem(resolved, sentBytes)));
  const guardrails = file === undefined ? undefined : loadGuardrails(file);
  const problems = [
    ...checked.problems,
    ...sizes.filter((problem) => problem !== null),
    ...(guardrails?.ok === false ? guardrails.problems : []),
  ];
  const refusals =
    guardrails?.ok === true ? all.flatMap((resolved) => refusalsOf(guardrails.guardrails, resolved)) : [];
  return { ...checked, ok: checked.ok && problems.length === 0 && refusals.length === 0, problems, refusals };
}
