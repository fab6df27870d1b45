import { chmod, mkdir, readdir, realpath, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Announce, EmbeddedError, hasCode, reasonOf } from './options.js';

/** The mode of a state folder: it has keys, and the database of a server that acts with the user's AWS credentials. */
const FOLDER_MODE = 0o700;

/** The mode of a file in it. */
export const FILE_MODE = 0o600;

/** The permissions of other users. */
const OTHERS = 0o077;

const PERMISSIONS = 0o777;

/** The names of what a state folder has. */
const OURS =
  /^(\.gitignore|(temporal|dev)\.db.*|[a-z-]+\.log|server\.json.*|temporal\.pid|(permit|request)\.key.*|users|secrets|lock.*)$/;

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'free some space, or set IAM_BOOTSTRAP_STATE to a folder on another disk',
  EDQUOT: 'free some space, or set IAM_BOOTSTRAP_STATE to a folder on another disk',
  EFBIG: 'raise the limit of file sizes, or set IAM_BOOTSTRAP_STATE to a folder on another disk',
  EIO: 'check the disk, or set IAM_BOOTSTRAP_STATE to a folder on another disk',
};

const REMEDY =
  'make it writable, set IAM_BOOTSTRAP_STATE to another folder, or set TEMPORAL_ADDRESS to use another server';

/**
 * Opens the state folder, which only its user can read. A folder that others can read is corrected, with a notice.
 *
 * @returns its real path
 * @throws EmbeddedError where the folder belongs to another user, or cannot be used
 */
export async function openStateFolder(directory: string, announce?: Announce): Promise<string> {
  return explainStateErrors(directory, async () => {
    await mkdir(directory, { recursive: true, mode: FOLDER_MODE });
    const path = await realpath(directory);
    await assertOwn(path);
    if (await isOpen(path)) {
      await protectAll(path);
      announce?.(`state folder ${directory}: other users could read it; now only you can`);
    }
    await mkdir(join(path, 'users'), { recursive: true, mode: FOLDER_MODE });
    await writeFile(join(path, '.gitignore'), '*\n', { mode: FILE_MODE });
    return path;
  });
}

/**
 * Runs work on a state folder. An error of the operating system becomes one that names the folder and the remedy.
 *
 * @throws EmbeddedError
 */
export async function explainStateErrors<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (error instanceof EmbeddedError || code === undefined || syscall === undefined) throw error;
    const remedy = REMEDIES[code] ?? REMEDY;
    throw new EmbeddedError(`state folder ${directory}: ${reasonOf(error)}; ${remedy}`, { cause: error });
  }
}

/** Refuses a folder of another user, who could read its keys, and have its server do what is asked with the user's rights. */
async function assertOwn(path: string): Promise<void> {
  const { uid } = await stat(path);
  const own = process.getuid?.();
  if (own === undefined || uid === own) return;
  throw new EmbeddedError(
    `state folder ${path}: it belongs to another user (${String(uid)}, and this is user ${String(own)}); ` +
      'set IAM_BOOTSTRAP_STATE to a folder of your own, or give that one to you with chown',
  );
}

/** Reports whether other users have permissions. */
async function isOpen(path: string): Promise<boolean> {
  return process.platform !== 'win32' && ((await stat(path)).mode & OTHERS) !== 0;
}

/** Takes the permissions of other users away, from the folder first. A folder with something else in it stays unchanged. */
async function protectAll(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true });
  const foreign = entries.find(({ name }) => !OURS.test(name));
  if (foreign !== undefined) {
    throw new EmbeddedError(
      `state folder ${path}: other users can read it, and it also has ${foreign.name}, which is not iam-bootstrap's; ` +
        'set IAM_BOOTSTRAP_STATE to a folder of its own',
    );
  }
  await protect(path);
  // Links lead elsewhere.
  const kept = entries.filter((entry) => !entry.isSymbolicLink());
  for (const { name } of kept) await protect(join(path, name)).catch(ignoreMissing);
}

async function protect(path: string): Promise<void> {
  await chmod(path, (await stat(path)).mode & PERMISSIONS & ~OTHERS);
}

function ignoreMissing(error: unknown): void {
  if (!hasCode(error, 'ENOENT')) throw error;
}
