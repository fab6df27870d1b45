import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ExitCode } from '../../contract/failures.js';
import { UserFacingError } from '../../contract/user-facing-error.js';
import { joinFirst } from '../../report/text.js';
import type { CapturedFile } from './contents.js';

/** Reports that the files of a capture cannot be written. */
export class CaptureFileError extends UserFacingError {
  override readonly name = 'CaptureFileError';
  override readonly exitCode = ExitCode.Usage;
}

/** Files that are named in a message. */
const MAX_NAMED = 5;

/**
 * Writes the files of a capture into a folder. Without `force`, it writes all of them or none.
 *
 * @throws CaptureFileError where a file exists, because a person may have edited it, or where one cannot be written
 */
export async function saveCapture(
  files: readonly CapturedFile[],
  directory: string,
  { force = false }: { readonly force?: boolean } = {},
): Promise<void> {
  if (!force) assertAbsent(files, directory);
  for (const { path, text } of files) {
    const file = join(directory, path);
    try {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text, { flag: force ? 'w' : 'wx' });
    } catch (error) {
      const { code = 'unknown error' } = error as NodeJS.ErrnoException;
      throw new CaptureFileError(`${file} cannot be written: ${code}`, 'name another folder with --directory');
    }
  }
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
