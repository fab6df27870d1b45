import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { FleetRequest, ManifestBundle, ManifestFile } from '../contract/fleet.js';
import { filePaths, openBundle, pathMatcher, withoutNames } from '../engine/manifest/bundle.js';
import { checkFleet } from '../engine/manifest/check-fleet.js';
import type { Fleet } from '../engine/manifest/fleets.js';
import { NO_CONTEXT, parseSource } from '../engine/manifest/header.js';
import { type Problem, sortProblems } from '../engine/manifest/problem.js';
import type { ManifestSource, RefusedManifest } from '../engine/manifest/resolve.js';
import { toJson, type Tree } from '../engine/manifest/tree.js';
import { fleetDigest } from '../engine/request-digest.js';
import { MAX_SENT_BYTES } from '../contract/request.js';
import { sentBytes } from '../temporal/sent-bytes.js';
import { KINDS } from '../kinds/index.js';
import { type Origin, originOf } from './checkout.js';
import { loadSources, manifestName, readReferencedFile, STANDARD_INPUT_NAME } from './manifest/load.js';
import { attemptKey, NO_CI, type RequestOptions } from './request.js';

/** Options for a request for a fleet. */
export type FleetRequestOptions = Omit<
  RequestOptions,
  'environment' | 'fleet' | 'command' | 'includeAdopted' | 'approval'
> & {
  /** The name of the fleet in the manifests. */
  readonly fleet: string;
  /** Default: apply. */
  readonly command?: FleetRequest['command'] | undefined;
  /** Waits for an approval before each wave but the first. Default: false. */
  readonly approveWaves?: boolean | undefined;
  /** The accounts of the fleet to apply to. Default: all. */
  readonly only?: readonly string[] | undefined;
};

/** A request for a fleet, or the problems of the manifests. */
export type LoadedFleetRequest =
  { readonly ok: true; readonly request: FleetRequest; readonly warnings: readonly Problem[] } | RefusedManifest;

/** Accounts that the manifests are rendered for before they are sent. Workers render them for each account. */
const MAX_CHECKED_ACCOUNTS = 25;

/** The files that templates of one path may stand for. */
const MAX_FILES_OF_PATH = 2_000;

/**
 * Reads manifests and makes a request of them for the accounts of a fleet. Workers render the manifests for each account,
 * so the request contains them, and the files that they refer to.
 */
export async function loadFleetRequest(
  files: readonly string[],
  options: FleetRequestOptions,
): Promise<LoadedFleetRequest> {
  const { pipeline = NO_CI, fleet: name } = options;
  const { sources, problems } = await loadSources(files, options);
  const template = sources.find((source) => 'tree' in source);
  if (template !== undefined) return { ok: false, problems: [templateProblem(template.file)], warnings: [] };
  if (problems.length > 0) return { ok: false, problems, warnings: [] };
  const bundle = bundleOf(sources, files, options);
  const opened = openBundle(bundle, { isOffline: true });
  const checked = checkFleet(sources, name, { ...opened, kinds: KINDS, pipeline }, MAX_CHECKED_ACCOUNTS);
  const names = sources.map(({ file }) => file);
  const found = { problems: sortProblems(checked.problems, names), warnings: sortProblems(checked.warnings, names) };
  if (found.problems.length > 0 || checked.fleet === undefined) return { ok: false, ...found };
  const origin = await originOf(files, { given: options.revision, pipeline, cwd: options.cwd });
  const warnings = origin.warning === undefined ? found.warnings : [...found.warnings, origin.warning];
  if (origin.problem !== undefined) return { ok: false, problems: [origin.problem], warnings };
  const content = contentOf(options, bundle, { ...checked, fleet: checked.fleet }, origin);
  const problem = await sizeProblem(content);
  if (problem !== null) return { ok: false, problems: [problem], warnings };
  const digest = fleetDigest(content);
  const key = options.requestKey ?? attemptKey(content, digest) ?? randomUUID();
  return { ok: true, request: { ...content, digest, key }, warnings };
}

function templateProblem(file: string): Problem {
  const message =
    'this is a CloudFormation template, whose values are those of one stack, and a fleet has many accounts';
  const remedy = 'write it as a manifest with `iam-bootstrap convert`, and declare the fleet there';
  return { file, line: 1, column: 1, path: '', message, remedy };
}

/** Returns a request without its digest and its key. */
function contentOf(
  {
    fleet,
    command = 'apply',
    approveWaves = false,
    keepGoing = false,
    only,
    allowOlder,
    timeoutMs,
  }: FleetRequestOptions,
  manifest: ManifestBundle,
  checked: { readonly fleet: Fleet; readonly namespace: string },
  { pipeline, revision }: Origin,
): Omit<FleetRequest, 'digest' | 'key'> {
  const { environment, partition, selection, rollout } = checked.fleet;
  return {
    version: 1,
    command,
    fleet,
    namespace: checked.namespace,
    environment,
    partition,
    manifest,
    selection,
    rollout: { ...rollout, approveWaves },
    pipeline,
    keepGoing,
    ...(only === undefined ? {} : { only }),
    ...(revision === undefined ? {} : { revision }),
    ...(allowOlder === true ? { allowOlder } : {}),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
}

function bundleOf(
  sources: readonly ManifestSource[],
  files: readonly string[],
  { cwd = process.cwd(), variables = {}, adopt, deleteTrusted, removeUnmanaged, orphans }: FleetRequestOptions,
): ManifestBundle {
  const bundled: ManifestFile[] = [];
  const texts: Record<string, Readonly<Record<string, string>>> = {};
  for (const source of sources) {
    // A function is left out: the check of the fleet reports it. Templates have been refused.
    if ('produce' in source || 'tree' in source) continue;
    const { tree } = parseSource(source, NO_CONTEXT);
    const { file } = source;
    bundled.push('text' in source ? source : { file, value: tree === null ? null : toJson(tree) });
    if (tree === null) continue;
    texts[file] = referencedFiles(tree, file === STANDARD_INPUT_NAME ? cwd : dirname(resolve(cwd, file)));
  }
  return {
    sources: bundled,
    files: texts,
    variables,
    adopt: adopt ?? [],
    deleteTrusted: deleteTrusted ?? [],
    ...(removeUnmanaged === true ? { removeUnmanaged } : {}),
    ...(orphans === undefined ? {} : { orphans }),
    name: manifestName(files),
  };
}

/** Returns the texts of the files that a manifest refers to. One that cannot be read is reported by the check. */
function referencedFiles(tree: Tree, folder: string): Readonly<Record<string, string>> {
  const texts = new Map<string, string>();
  for (const written of filePaths(tree)) {
    for (const path of written.includes('{{') ? pathsLike(written, folder) : [written]) {
      try {
        texts.set(path, readReferencedFile(path, folder));
      } catch {
        continue;
      }
    }
  }
  return Object.fromEntries(texts);
}

/** Returns the paths of files that a path with templates can stand for. */
function pathsLike(written: string, folder: string): readonly string[] {
  if (written.split('/').includes('..')) return [];
  let found: readonly string[] = [''];
  const segments = withoutNames(written).split('/');
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1;
    const isMeant = pathMatcher(segment);
    found = found
      .flatMap((parent) =>
        segment.includes('{{')
          ? entriesOf(join(folder, parent), isLast)
              .filter(isMeant)
              .map((entry) => parent + entry)
          : [parent + segment],
      )
      .map((path) => (isLast ? path : `${path}/`))
      .slice(0, MAX_FILES_OF_PATH);
  }
  return found;
}

function entriesOf(folder: string, areFiles: boolean): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => (areFiles ? !entry.isDirectory() : !entry.isFile()))
      .map(({ name }) => name)
      .sort();
  } catch {
    return [];
  }
}

/** Returns the problem of a request that is too large to be sent. Null where it fits. */
async function sizeProblem(request: Omit<FleetRequest, 'digest' | 'key'>): Promise<Problem | null> {
  const bytes = await sentBytes(Buffer.from(JSON.stringify(request)));
  if (bytes <= MAX_SENT_BYTES) return null;
  const count = (number: number): string => number.toLocaleString('en-US');
  return {
    file: request.manifest.name,
    line: 0,
    column: 0,
    path: '',
    message: `the manifests of fleet ${request.fleet} are too large: with the files that they refer to, they have ${count(bytes)} bytes, compressed, and the maximum is ${count(MAX_SENT_BYTES)}`,
    remedy: 'split them into several namespaces, or refer to fewer files',
  };
}
