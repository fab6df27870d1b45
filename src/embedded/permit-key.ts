import { randomBytes } from 'node:crypto';
import { link, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from './options.js';

/** Returns the file with the key of a state folder's permits. The first process that needs it makes it. */
export async function ensurePermitKey(stateDirectory: string): Promise<string> {
  const path = join(stateDirectory, 'permit.key');
  const own = `${path}.${String(process.pid)}`;
  await mkdir(stateDirectory, { recursive: true });
  await writeFile(own, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  try {
    // A link, since no process may read a file that is half written, nor replace the key of another.
    await link(own, path);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  } finally {
    await rm(own, { force: true });
  }
  return path;
}
