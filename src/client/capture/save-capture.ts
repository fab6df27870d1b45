import { existsSync } from 'node:fs';
import { access, constants, readdir, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ExitCode } from '../../contract/failures.js';
import { UserFacingError } from '../../contract/user-facing-error.js';
import { makeFolder } from '../../files/make-folder.js';
import { writeErrorText } from '../../files/write-error.js';
import { joinFirst } from '../../report/text.js';
import type { CapturedFile } from './contents.js';
import { CAPTURE_MANIFEST } from './format.js';

/** Reports that the files of a capture cannot be written. */
export class CaptureFileError extends UserFacingError {
  override readonly name = 'CaptureFileError';
  override readonly exitCode = ExitCode.Usage;
}

/** Files that are named in a message. */
const MAX_NAMED = 5;

/** The names that captures give to files, by folder. A person may have other files beside them. */
const NAMES: Readonly<Record<string, RegExp>> = {
  '': new RegExp(`^${CAPTURE_MANIFEST}(?:-\\d+)?\\.(?:yaml|json|ts)$`),
  policies: /\.json$/,
  certificates: /\.pem$/,
  keys: /\.pub$/,
  metadata: /\.xml$/,
  texts: /\.txt$/,
};

/**
 * Writes the files of a capture into a folder. Without `force`, it writes all of them or none. With `force`, returns the
 * files that an earlier capture may have written and this one does not have, relative to the folder. They are kept, since a
 * person may have edited them, or another manifest may use them.
 *
 * @throws CaptureFileError where a file exists, because a person may have edited it, or where one cannot be written
 */
export async function saveCapture(
  files: readonly CapturedFile[],
  directory: string,
  { force = false }: { readonly force?: boolean } = {},
): Promise<readonly string[]> {
  if (!force) assertAbsent(files, directory);
  for (const { path, text } of files) {
    const file = join(directory, path);
    try {
      await makeFolder(dirname(file));
      await writeFile(file, text, { flag: force ? 'w' : 'wx' });
    } catch (error) {
      throw unwritable(file, error);
    }
  }
  return force ? otherFiles(files, directory) : [];
}

function unwritable(path: string, error: unknown): CaptureFileError {
  return new CaptureFileError(
    `${path} cannot be written: ${writeErrorText(error)}`,
    'name another folder with --directory',
  );
}

/**
 * Checks that a folder can have files, before an account is read for them. What it makes for that, it removes.
 *
 * @throws CaptureFileError where it cannot be made or written
 */
export async function assertWritable(directory: string): Promise<void> {
  const missing: string[] = [];
  for (let folder = resolve(directory); !existsSync(folder); folder = dirname(folder)) missing.push(folder);
  try {
    await makeFolder(directory);
    await access(directory, constants.W_OK);
  } catch (error) {
    throw unwritable(directory, error);
  } finally {
    // Those that another process has put something into stay.
    for (const folder of missing) await rmdir(folder).catch(() => undefined);
  }
}

/** Returns the files of a folder that have paths of a capture and are not of this one. */
async function otherFiles(files: readonly CapturedFile[], directory: string): Promise<readonly string[]> {
  // Without case: on some systems, a file that is replaced keeps the spelling of its name.
  const own = new Set(files.map(({ path }) => path.toLowerCase()));
  const found = await Promise.all(Object.entries(NAMES).map(([folder, names]) => filesIn(directory, folder, names)));
  return found.flat().filter((path) => !own.has(path.toLowerCase()));
}

async function filesIn(directory: string, folder: string, wanted: RegExp): Promise<readonly string[]> {
  // A folder that cannot be read has no file that could be named.
  const entries = await readdir(join(directory, folder), { withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => entry.isFile() && wanted.test(entry.name)).map(({ name }) => name);
  return names.sort().map((name) => (folder === '' ? name : `${folder}/${name}`));
}

/** @throws CaptureFileError where one of the files exists */
export function assertAbsent(files: readonly Pick<CapturedFile, 'path'>[], directory: string): void {
  const present = files.map(({ path }) => join(directory, path)).filter((file) => existsSync(file));
  if (present.length === 0) return;
  const verb = present.length === 1 ? 'exists' : 'exist';
  throw new CaptureFileError(
    `${joinFirst(present, MAX_NAMED)} ${verb}; nothing was written`,
    'name another folder with --directory, or replace the files with --force',
  );
}
