import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeOnce } from './cache.js';
import { cachedCli, cliDirectory, lastLineOf, locateProgram, requireUsable } from './cli-binary.js';
import type { EmbeddedOptions } from './options.js';

const execFileAsync = promisify(execFile);

/** The newest version that `go install` can build: later ones have a `replace` in their go.mod. */
const VERSION = 'v1.5.1';
const MODULE = `github.com/temporalio/cli/cmd/temporal@${VERSION}`;
const TIMEOUT_MS = 30 * 60_000;
const PROGRESS_INTERVAL_MS = 30_000;

/** Returns the cache folder of the Temporal CLI that is built with Go. */
export function goBuildDirectory(options: EmbeddedOptions): string {
  return cliDirectory(options, `go-${VERSION}`);
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
      await mkdir(temporary, { recursive: true });
      const startedAt = Date.now();
      announce?.(`building the Temporal CLI ${VERSION} with go install (about 5 minutes, once)`);
      const progress = setInterval(() => {
        const seconds = Math.round((Date.now() - startedAt) / 1000);
        announce?.(`still building the Temporal CLI: ${String(seconds)} s so far`);
      }, PROGRESS_INTERVAL_MS);
      try {
        await execFileAsync('/bin/sh', ['-c', 'GOBIN=$1 exec go install "$2"', 'sh', temporary, MODULE], {
          cwd: temporary,
          env: environment,
          timeout: TIMEOUT_MS,
          maxBuffer: 64_000_000,
        });
      } catch (error) {
        throw new Error(`go install ${MODULE} failed: ${lastLineOf(error)}`, { cause: error });
      } finally {
        clearInterval(progress);
      }
      await requireUsable(join(temporary, 'temporal'), environment);
    },
    { purpose: 'building the Temporal CLI with go install', announce },
  );
  return join(directory, 'temporal');
}
