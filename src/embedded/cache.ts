import { randomUUID } from 'node:crypto';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type LockOptions, withLock } from './lock.js';
import { hasCode } from './options.js';

/**
 * Makes a file or folder once, however many processes ask for it at a time, and returns its path.
 *
 * `make` gets a temporary path beside it, which is renamed into place once `make` has finished. A process that dies
 * before that leaves nothing at `path`, and the next process starts afresh.
 */
export async function makeOnce(
  path: string,
  make: (temporary: string) => Promise<void>,
  options: LockOptions,
): Promise<string> {
  if (await exists(path)) return path;
  const makeUnderLock = async (): Promise<string> => {
    if (await exists(path)) return path;
    await removeTemporaries(path);
    const temporary = `${path}.tmp-${randomUUID()}`;
    try {
      await make(temporary);
      await rename(temporary, path).catch((error: unknown) => {
        if (!hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
      });
      return path;
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  };
  return withLock(`${path}.lock`, makeUnderLock, options);
}

/** Reports whether a file or folder exists at this path. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Removes the temporaries of processes that died. The caller holds the lock, so no living process has one. */
async function removeTemporaries(path: string): Promise<void> {
  const directory = dirname(path);
  for (const name of await readdir(directory).catch(() => [])) {
    if (!name.startsWith(`${basename(path)}.tmp-`)) continue;
    // A child of the dead process may still write there. A later call then removes it.
    await rm(join(directory, name), { recursive: true, force: true }).catch(() => undefined);
  }
}
