import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { chmod, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { makeOnce } from './cache.js';
import { cliDirectory, requireUsable } from './cli-binary.js';
import { type EmbeddedOptions, packageRoot, reasonOf } from './options.js';

const execFileAsync = promisify(execFile);

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
      await mkdir(temporary, { recursive: true });
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
