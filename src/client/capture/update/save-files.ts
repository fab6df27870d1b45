import { randomUUID } from 'node:crypto';
import { readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ExitCode } from '../../../contract/failures.js';
import { UserFacingError } from '../../../contract/user-facing-error.js';
import { readTextFile } from '../../manifest/load.js';
import type { ChangedFile } from './update-input.js';

const BYTE_ORDER_MARK = Buffer.from('\ufeff');

/**
 * Writes files with their new texts: each is replaced at once, or not at all. A byte order mark, and the mode, stay.
 *
 * @param files - the files of an update
 * @param cwd - the folder that their names are relative to
 * @throws FileChangedError if a file is not as it was read; then none is written
 */
export function saveFiles(files: readonly ChangedFile[], cwd: string = process.cwd()): void {
  const paths = new Map<string, ChangedFile>();
  for (const file of files) {
    // A link stays one: the file that it leads to is replaced.
    const path = realpathSync(resolve(cwd, file.file));
    const same = paths.get(path);
    if (same !== undefined) throw new FileChangedError(file.file, `is the same file as ${same.file}`);
    if (readTextFile(path) !== file.before) throw new FileChangedError(file.file, 'has changed since it was read');
    paths.set(path, file);
  }
  const written = new Map<string, string>();
  try {
    for (const [path, { text }] of paths) {
      const temporary = `${path}.${randomUUID()}.tmp`;
      written.set(path, temporary);
      const mark = readFileSync(path).subarray(0, 3).equals(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK : Buffer.alloc(0);
      writeFileSync(temporary, Buffer.concat([mark, Buffer.from(text)]), { mode: statSync(path).mode, flush: true });
    }
    for (const [path, temporary] of written) renameSync(temporary, path);
  } finally {
    for (const temporary of written.values()) rmSync(temporary, { force: true });
  }
}

/** Reports a file that cannot be written over, because it is not as it was read. */
export class FileChangedError extends UserFacingError {
  override readonly name = 'FileChangedError';
  override readonly exitCode = ExitCode.Failed;

  constructor(file: string, what: string) {
    super(`${file} ${what}: no file was written`, 'run the command again');
  }
}
