import { ExitCode } from '../../contract/failures.js';
import { UserFacingError } from '../../contract/user-facing-error.js';
import { writeErrorText } from '../../files/write-error.js';
import { fileErrorText } from '../manifest/load.js';

/** Reports a file of exported records that cannot be read or written. */
export class AuditFileError extends UserFacingError {
  override readonly name = 'AuditFileError';
  override readonly exitCode = ExitCode.Usage;
}

/** The next action for an error of the operating system, by its code. */
const REMEDIES: Readonly<Record<string, string>> = {
  EACCES: 'let this user read and write the file and its folder, or name another file',
  EPERM: 'let this user read and write the file and its folder, or name another file',
  ENOENT: 'name a file that exists, or for an export one in a folder that can be made',
  ENOTDIR: 'name a file whose folder is no file',
  EISDIR: 'name a file, not a folder',
  ENOSPC: 'free space on its disk, and export again: what is missing is added',
  EDQUOT: 'free space on its disk, and export again: what is missing is added',
  EROFS: 'name a file on a file system that can be written to',
};

/** Returns the error for a file that cannot be read or written. */
export function fileError(path: string, verb: 'read' | 'written', error: unknown): AuditFileError {
  const { code } = error as NodeJS.ErrnoException;
  const remedy = REMEDIES[code ?? ''] ?? 'name another file';
  const why = verb === 'read' ? fileErrorText(error) : writeErrorText(error);
  return new AuditFileError(`${path} cannot be ${verb}: ${why}`, remedy, { cause: error });
}
