import { randomUUID } from 'node:crypto';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { hasCode } from './error.js';
import { withLock, type LockOptions } from './lock.js';

/**
 * Makes a file or directory once, however many processes ask for it at a time; returns its path.
 *
 * `make` is given a temporary path beside it, which is renamed into place when it is done. A process that dies half
 * way leaves nothing at `path`, and the next one starts afresh.
 */
export async function once(
  path: string,
  make: (temporary: string) => Promise<void>,
  options: LockOptions,
): Promise<string> {
  if (await exists(path)) return path;
  const makeUnderLock = async (): Promise<string> => {
    if (await exists(path)) return path;
    await removeLeavings(path);
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

/** Whether something is at this path. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Under the lock nobody else is making it, so every temporary is that of a process that died. */
async function removeLeavings(path: string): Promise<void> {
  const directory = dirname(path);
  for (const name of await readdir(directory).catch(() => [])) {
    if (!name.startsWith(`${basename(path)}.tmp-`)) continue;
    // A child of the dead process may still be writing there; then it is removed another time.
    await rm(join(directory, name), { recursive: true, force: true }).catch(() => undefined);
  }
}
