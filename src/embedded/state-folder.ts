import type { Stats } from 'node:fs';
import { chmod, lstat, readdir, realpath, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../files/make-folder.js';
import { type Announce, EmbeddedError, hasCode, reasonOf } from './options.js';

/** The mode of a state folder: it has keys, and the database of a server that acts with the user's AWS credentials. */
export const FOLDER_MODE = 0o700;

/** The mode of a file in it. */
export const FILE_MODE = 0o600;

/** The permissions of other users. */
const OTHERS = 0o077;

const WRITABLE_BY_OTHERS = 0o022;

const PERMISSIONS = 0o777;

/** The names of keys and of databases. */
const KEY = /^(permit|request)\.key/;
const DATABASE = /^(temporal|dev)\.db/;

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
 * @throws EmbeddedError where the folder, or something in it, may be of another user's making, or cannot be used
 */
export async function openStateFolder(directory: string, announce?: Announce): Promise<string> {
  return explainStateErrors(directory, async () => {
    await makeFolder(directory, { mode: FOLDER_MODE });
    const path = await realpath(directory);
    await assertOwn(path);
    await closeToOthers(path, () =>
      announce?.(`state folder ${directory}: other users could read it; now only you can`),
    );
    await protectFiles(path);
    await makeFolder(join(path, 'users'), { mode: FOLDER_MODE });
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

/** Closes a folder that other users can read. A folder with something else in it stays unchanged, and is refused. */
async function closeToOthers(path: string, announce: () => void): Promise<void> {
  const { mode } = await stat(path);
  if (process.platform === 'win32' || (mode & OTHERS) === 0) return;
  const foreign = (await readdir(path)).find((name) => !OURS.test(name));
  if (foreign !== undefined) {
    throw new EmbeddedError(
      `state folder ${path}: other users can read it, and it also has ${foreign}, which is not iam-bootstrap's; ` +
        'set IAM_BOOTSTRAP_STATE to a folder of its own',
    );
  }
  // From here on nobody else can put anything into it.
  await chmod(path, mode & PERMISSIONS & ~OTHERS);
  announce();
}

/** Something in a state folder. */
interface Entry {
  /** Its path within the folder. */
  readonly name: string;
  readonly stats: Stats;
}

/**
 * Closes all files to other users, and refuses those that another user may have put there or written: the folder may have
 * been open before. A user that knows a key can have the worker do anything, and the database tells what has been approved.
 */
async function protectFiles(path: string): Promise<void> {
  const own = process.getuid?.();
  if (own === undefined) return;
  const entries = await listEntries(path);
  const isSuspect = problemsIn(entries, own).length > 0;
  // A key has two names for a moment, while another process makes it.
  const [problem] = isSuspect ? problemsIn(await listEntries(path), own) : [];
  if (problem !== undefined) {
    const { name, text } = problem;
    const effect = KEY.test(name)
      ? ': a new key is made, and what still runs by the old one has to be applied again'
      : '';
    throw new EmbeddedError(`state folder ${path}: ${name} ${text}; find out who put it there, and remove it${effect}`);
  }
  for (const { name, stats } of entries) {
    const closed = stats.mode & PERMISSIONS & ~OTHERS;
    if ((stats.mode & OTHERS) !== 0) await chmod(join(path, name), closed).catch(ignoreMissing);
  }
}

/** Returns the entries that are not, or not only, of this user's making. */
function problemsIn(
  entries: readonly Entry[],
  own: number,
): readonly { readonly name: string; readonly text: string }[] {
  return entries.flatMap((entry) => {
    const names = entries.filter(({ stats }) => stats.ino === entry.stats.ino).length;
    const text = problemOf(entry, own, names);
    return text === null ? [] : [{ name: entry.name, text }];
  });
}

/** Returns the problem of an entry that has so many names in its folder; null where it has none. */
function problemOf({ name, stats }: Entry, own: number, names: number): string | null {
  if (stats.uid !== own) return `belongs to another user (${String(stats.uid)}, and this is user ${String(own)})`;
  if (stats.isDirectory()) return null;
  if (!stats.isFile()) return stats.isSymbolicLink() ? 'is a link' : 'is no file';
  if (stats.nlink > names) return 'has another name elsewhere (a hard link)';
  if (KEY.test(name) && (stats.mode & OTHERS) !== 0) return 'could be read by other users';
  return DATABASE.test(name) && (stats.mode & WRITABLE_BY_OTHERS) !== 0 ? 'could be written by other users' : null;
}

/** Returns what is in a folder, links not followed. Processes that share the folder make and remove files meanwhile. */
async function listEntries(path: string): Promise<readonly Entry[]> {
  const names = await readdir(path, { recursive: true });
  const entries = await Promise.all(
    names.map(async (name) => ({ name, stats: await lstat(join(path, name)).catch(ignoreMissing) })),
  );
  return entries.flatMap(({ name, stats }) => (stats === undefined ? [] : [{ name, stats }]));
}

function ignoreMissing(error: unknown): undefined {
  if (!hasCode(error, 'ENOENT')) throw error;
}
