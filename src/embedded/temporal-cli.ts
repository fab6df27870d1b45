import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { chmod, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { once } from './cache.js';
import { EmbeddedError, hasCode, reasonOf } from './error.js';
import type { EmbeddedOptions } from './options.js';
import { packageRoot } from './package-root.js';

const execFileAsync = promisify(execFile);

/** The newest version that `go install` can build: later ones have a `replace` in their go.mod. */
const GO_VERSION = 'v1.5.1';
const GO_MODULE = `github.com/temporalio/cli/cmd/temporal@${GO_VERSION}`;
const GIVE_PATH = '--temporal-cli or IAM_BOOTSTRAP_TEMPORAL_CLI';
const GO_TIMEOUT_MS = 30 * 60_000;
const PROGRESS_MS = 30_000;
const DOWNLOAD_INDEX = 'https://temporal.download/cli/default';
const FIRST_BYTE_TIMEOUT_MS = 15_000;
const STALL_TIMEOUT_MS = 30_000;

/** Where a Temporal CLI is looked for. */
export interface TemporalCliOptions extends EmbeddedOptions {
  /** The user's own choice; nothing else is tried then. */
  readonly path?: string | undefined;
  /** Where the SDK's download index is; for tests and mirrors. */
  readonly downloadIndex?: string | undefined;
}

/** A Temporal CLI that can be run, and how it was come by. */
export interface TemporalCli {
  readonly path: string;
  readonly source: 'option' | 'path' | 'cache' | 'download' | 'go-install';
}

/** A way to a Temporal CLI: its path, or why it leads nowhere. */
type Way = (options: TemporalCliOptions) => Promise<{ readonly path: string } | { readonly reason: string }>;

/** In this order; the first that leads to a CLI is taken. */
const WAYS: readonly { readonly source: TemporalCli['source']; readonly label: string; readonly go: Way }[] = [
  { source: 'path', label: 'PATH', go: onPath },
  { source: 'cache', label: 'cache', go: inCache },
  { source: 'download', label: 'download', go: downloaded },
  { source: 'go-install', label: 'go install', go: goInstalled },
];

/**
 * Finds the Temporal CLI: the path given, `temporal` on PATH, the cache, the download that the SDK itself uses, or
 * a build with Go. What it fetches or builds stays in the cache.
 *
 * @throws EmbeddedError that lists each way with the reason why it failed
 */
export async function findTemporalCli(options: TemporalCliOptions): Promise<TemporalCli> {
  if (options.path !== undefined) return { path: await given(options.path, options), source: 'option' };
  const failures: string[] = [];
  for (const { source, label, go } of WAYS) {
    const found = await go(options).catch((error: unknown) => ({ reason: reasonOf(error) }));
    if ('path' in found) return { path: found.path, source };
    failures.push(`  ${label}: ${found.reason}`);
  }
  throw new EmbeddedError(
    [
      'no Temporal CLI found:',
      ...failures,
      `install it (https://docs.temporal.io/cli), or give its path with ${GIVE_PATH}`,
    ].join('\n'),
  );
}

async function given(path: string, options: TemporalCliOptions): Promise<string> {
  const absolute = resolve(path);
  const problem = await whyUnusable(absolute, options);
  if (problem === undefined) return absolute;
  throw new EmbeddedError(`the Temporal CLI given, ${path}: ${problem}; give the path of its binary with ${GIVE_PATH}`);
}

async function onPath(options: TemporalCliOptions): ReturnType<Way> {
  const path = await locate('temporal', options);
  if (path === undefined) return { reason: 'no temporal there' };
  const problem = await whyUnusable(path, options);
  return problem === undefined ? { path } : { reason: `${path}: ${problem}` };
}

async function inCache(options: TemporalCliOptions): ReturnType<Way> {
  const reasons: string[] = [];
  for (const directory of [await downloadDirectory(options), goDirectory(options)]) {
    const path = join(directory, 'temporal');
    const problem = await whyUnusable(path, options);
    if (problem === undefined) return { path };
    if (problem === NOT_THERE) continue;
    reasons.push(`${path}: ${problem}`);
    await rm(directory, { recursive: true, force: true });
  }
  return { reason: reasons.length > 0 ? reasons.join('; ') : `none in ${options.cacheDirectory}` };
}

async function downloaded(options: TemporalCliOptions): ReturnType<Way> {
  const platform = { linux: 'linux', darwin: 'darwin' }[process.platform as string];
  const architecture = { x64: 'amd64', arm64: 'arm64' }[process.arch as string];
  if (platform === undefined || architecture === undefined) {
    return { reason: `there is none for ${process.platform} on ${process.arch}` };
  }
  const index = new URL(options.downloadIndex ?? DOWNLOAD_INDEX);
  index.search = new URLSearchParams({
    platform,
    arch: architecture,
    format: 'tar.gz',
    'sdk-name': 'sdk-typescript',
    'sdk-version': await sdkVersion(),
  }).toString();
  const directory = await once(
    await downloadDirectory(options),
    async (temporary) => {
      const { archiveUrl, fileToExtract } = await readIndex(index);
      options.announce?.(`downloading the Temporal CLI (some 50 MB, once) from ${new URL(archiveUrl).host}`);
      await mkdir(temporary, { recursive: true });
      const archive = join(temporary, 'archive.tar.gz');
      await fetchTo(archiveUrl, archive);
      await execFileAsync('tar', ['-xzf', archive, '-C', temporary, fileToExtract]);
      await rm(archive);
      const path = join(temporary, 'temporal');
      if (fileToExtract !== basename(path)) await rename(join(temporary, fileToExtract), path);
      await chmod(path, 0o755);
      await requireUsable(path, options);
    },
    { purpose: 'downloading the Temporal CLI', announce: options.announce },
  ).catch((error: unknown) => {
    throw new Error(`${index.origin}: ${reasonOf(error)}`, { cause: error });
  });
  return { path: join(directory, 'temporal') };
}

async function goInstalled(options: TemporalCliOptions): ReturnType<Way> {
  if ((await locate('go', options)) === undefined) return { reason: 'no go on PATH' };
  const directory = await once(
    goDirectory(options),
    async (temporary) => {
      await mkdir(temporary, { recursive: true });
      const started = Date.now();
      options.announce?.(`building the Temporal CLI ${GO_VERSION} with go install (about 5 minutes, once)`);
      const progress = setInterval(() => {
        const elapsed = Math.round((Date.now() - started) / 1000);
        options.announce?.(`still building the Temporal CLI: ${String(elapsed)} s so far`);
      }, PROGRESS_MS);
      try {
        await execFileAsync('/bin/sh', ['-c', 'GOBIN=$1 exec go install "$2"', 'sh', temporary, GO_MODULE], {
          cwd: temporary,
          env: options.environment,
          timeout: GO_TIMEOUT_MS,
          maxBuffer: 64_000_000,
        }).catch((error: unknown) => {
          throw new Error(`go install ${GO_MODULE} failed: ${lastLine(error)}`, { cause: error });
        });
      } finally {
        clearInterval(progress);
      }
      await requireUsable(join(temporary, 'temporal'), options);
    },
    { purpose: 'building the Temporal CLI with go install', announce: options.announce },
  );
  return { path: join(directory, 'temporal') };
}

const NOT_THERE = 'there is no such file';

/** Why this is not a Temporal CLI that runs here; `undefined` where it is one. */
async function whyUnusable(path: string, options: TemporalCliOptions): Promise<string | undefined> {
  try {
    const { stdout } = await execFileAsync(path, ['--version'], { env: options.environment, timeout: 30_000 });
    return stdout.startsWith('temporal version')
      ? undefined
      : 'is another program: it does not say its Temporal version';
  } catch (error) {
    return hasCode(error, 'ENOENT') ? NOT_THERE : `does not run: ${lastLine(error)}`;
  }
}

async function requireUsable(path: string, options: TemporalCliOptions): Promise<void> {
  const problem = await whyUnusable(path, options);
  if (problem !== undefined) throw new Error(`what came is not usable: ${basename(path)} ${problem}`);
}

async function locate(name: string, options: TemporalCliOptions): Promise<string | undefined> {
  try {
    const { stdout } = await execFileAsync('/bin/sh', ['-c', 'command -v "$1"', 'sh', name], {
      env: options.environment,
    });
    return resolve(stdout.trim());
  } catch {
    return undefined;
  }
}

async function readIndex(index: URL): Promise<{ archiveUrl: string; fileToExtract: string }> {
  const response = await fetch(index, { signal: AbortSignal.timeout(FIRST_BYTE_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`HTTP ${String(response.status)}`);
  const body: unknown = await response.json();
  const { archiveUrl, fileToExtract } = (body ?? {}) as Record<string, unknown>;
  if (typeof archiveUrl !== 'string' || typeof fileToExtract !== 'string') throw new Error('an answer of another form');
  if (new URL(archiveUrl).protocol !== index.protocol)
    throw new Error(`an archive that is not under ${index.protocol}`);
  return { archiveUrl, fileToExtract };
}

/** No limit on the whole, which depends on the line, but on the time in which nothing comes. */
async function fetchTo(url: string, path: string): Promise<void> {
  const abort = new AbortController();
  const stalled = (): void => {
    abort.abort(new Error(`nothing came for ${String(STALL_TIMEOUT_MS / 1000)} s`));
  };
  let timer = setTimeout(stalled, STALL_TIMEOUT_MS);
  try {
    const response = await fetch(url, { signal: abort.signal });
    if (!response.ok || response.body === null) throw new Error(`HTTP ${String(response.status)} for ${url}`);
    const watch = new Transform({
      transform(chunk, _encoding, done) {
        clearTimeout(timer);
        timer = setTimeout(stalled, STALL_TIMEOUT_MS);
        done(null, chunk);
      },
    });
    await pipeline(Readable.fromWeb(response.body), watch, createWriteStream(path));
  } finally {
    clearTimeout(timer);
  }
}

async function downloadDirectory(options: TemporalCliOptions): Promise<string> {
  return directoryFor(options, `sdk-typescript-${await sdkVersion()}`);
}

function goDirectory(options: TemporalCliOptions): string {
  return directoryFor(options, `go-${GO_VERSION}`);
}

/** A home directory may be shared by machines of several kinds. */
function directoryFor(options: TemporalCliOptions, version: string): string {
  return join(options.cacheDirectory, 'temporal-cli', `${version}-${process.platform}-${process.arch}`);
}

async function sdkVersion(): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8'));
  const { dependencies } = manifest as { readonly dependencies: Readonly<Record<string, string>> };
  return dependencies['@temporalio/client'] ?? 'unknown';
}

/** The last thing that a failed child process said. */
function lastLine(error: unknown): string {
  const { stderr } = error as { readonly stderr?: string };
  const line = stderr?.trim().split('\n').at(-1);
  return line === undefined || line === '' ? reasonOf(error) : line;
}
