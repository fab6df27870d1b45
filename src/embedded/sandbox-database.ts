import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { withLock } from './lock.js';
import { type Announce, EmbeddedError } from './options.js';
import { FOLDER_MODE, openStateFolder } from './state-folder.js';

/** The database of `dev --sandbox` in the state folder. */
export const SANDBOX_DATABASE = 'dev.db';

/**
 * Runs work on the database of the sandbox while no other process does. Two servers on one database would show the runs of
 * both, although each has an account of its own.
 *
 * @throws EmbeddedError where another process uses it
 */
export async function withSandboxDatabase<T>(
  stateDirectory: string,
  work: () => Promise<T>,
  announce?: Announce,
): Promise<T> {
  const folder = await openStateFolder(stateDirectory, announce);
  const refuse = (holder: string): EmbeddedError =>
    new EmbeddedError(
      `state folder ${folder}: ${holder} runs dev --sandbox on it, and two cannot share its database; ` +
        'stop that process, or set IAM_BOOTSTRAP_STATE to another folder, with other ports: ' +
        'IAM_BOOTSTRAP_STATE=.iam-bootstrap-2 iam-bootstrap dev --sandbox --port 7333 --ui-port 8333',
    );
  const lock = join(folder, 'lock-dev');
  const closed = async (): Promise<T> => {
    await chmod(lock, FOLDER_MODE);
    return work();
  };
  return withLock(lock, closed, { purpose: 'running dev --sandbox', announce, refuse });
}
