import { randomUUID } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { ExitCode } from '../../../contract/failures.js';
import { UserFacingError } from '../../../contract/user-facing-error.js';
import { fileErrorText, readTextFile } from '../../manifest/load.js';
import type { ChangedFile } from './update-input.js';

const BYTE_ORDER_MARK = Buffer.from('\ufeff');

/** A file that is written over, as it was. */
interface Target {
  readonly file: string;
  readonly path: string;
  readonly before: Buffer;
  readonly after: Buffer;
  readonly mode: number;
  readonly temporary: string;
}

/**
 * Writes files with their new texts: all of them, or none. A byte order mark, and the mode, stay.
 *
 * @param files - the files of an update
 * @param cwd - the folder that their names are relative to
 * @throws FileChangedError if a file is not as it was read, or must not be written; then none is
 * @throws FilesNotWrittenError if the file system refuses one; it names those that have changed nevertheless
 */
export function saveFiles(files: readonly ChangedFile[], cwd: string = process.cwd()): void {
  const targets = new Map<string, Target>();
  for (const file of files) {
    const target = targetOf(file, cwd);
    const same = targets.get(target.path);
    if (same !== undefined) throw new FileChangedError(file.file, `is the same file as ${same.file}`);
    targets.set(target.path, target);
  }
  const replaced: Target[] = [];
  try {
    for (const target of targets.values()) write(target, target.after);
    for (const target of targets.values()) {
      renameSync(target.temporary, target.path);
      replaced.push(target);
    }
  } catch (error) {
    const changed: string[] = [];
    for (const target of replaced) if (!restoreFile(target)) changed.push(target.file);
    throw new FilesNotWrittenError(error, changed);
  } finally {
    for (const { temporary } of targets.values()) rmSync(temporary, { force: true });
  }
}

/** @throws FileChangedError if a file must not be written */
function targetOf(changed: ChangedFile, cwd: string): Target {
  const { file, before, text } = changed;
  const { path, current, old, mode } = currentFile(changed, cwd);
  if (current !== before) throw new FileChangedError(file, 'has changed since it was read');
  if (!isWritable(path, mode)) {
    throw new FileChangedError(file, 'is read-only', 'make it writable, then run the command again');
  }
  const mark = old.subarray(0, 3).equals(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK : Buffer.alloc(0);
  return {
    file,
    path,
    before: old,
    after: Buffer.concat([mark, Buffer.from(text)]),
    mode: mode & 0o7777,
    temporary: join(dirname(path), `.${randomUUID()}.tmp`),
  };
}

/** A file as it is now. */
interface CurrentFile {
  /** The path without links. */
  readonly path: string;
  readonly current: string;
  readonly old: Buffer;
  readonly mode: number;
}

/** @throws FileChangedError if a file is gone, cannot be read, or is a link that leads out of its folder */
function currentFile({ file, folder = dirname(file) }: ChangedFile, cwd: string): CurrentFile {
  const named = resolve(cwd, file);
  try {
    // A link stays one: the file that it leads to is replaced.
    const path = realpathSync(named);
    if (![cwd, resolve(cwd, folder)].some((one) => isIn(path, realpathSync(one)))) {
      const remedy = 'pass the path of that file instead of the link';
      throw new FileChangedError(file, 'links to a file outside its folder', remedy);
    }
    return { path, current: readTextFile(path), old: readFileSync(path), mode: statSync(path).mode };
  } catch (error) {
    if (error instanceof FileChangedError) throw error;
    const remedy = 'restore it, then run the command again';
    throw new FileChangedError(file, `cannot be read any more, ${fileErrorText(error)}`, remedy);
  }
}

function isIn(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** Reports whether a file is writable by its mode: for root, `access` also allows read-only files. */
function isWritable(path: string, mode: number): boolean {
  try {
    accessSync(path, constants.W_OK);
    return (mode & 0o222) !== 0;
  } catch {
    return false;
  }
}

function write({ temporary, mode }: Target, bytes: Buffer): void {
  writeFileSync(temporary, bytes, { mode, flush: true });
  // The mask of the process does not apply to what exists.
  chmodSync(temporary, mode);
}

/** Writes the old content back. Returns false where the file system refuses. */
function restoreFile(target: Target): boolean {
  try {
    write(target, target.before);
    renameSync(target.temporary, target.path);
    return true;
  } catch {
    return false;
  }
}

/** Reports a file that is not written over: it is not as it was read, or must not be written. */
export class FileChangedError extends UserFacingError {
  override readonly name = 'FileChangedError';
  override readonly exitCode = ExitCode.Failed;

  constructor(file: string, what: string, remedy = 'run the command again') {
    super(`${file} ${what}: no file was written`, remedy);
  }
}

/** Reports files that the file system has refused to write. */
export class FilesNotWrittenError extends UserFacingError {
  override readonly name = 'FilesNotWrittenError';
  override readonly exitCode = ExitCode.Failed;

  /**
   * @param cause - the error of the file system
   * @param changed - the files that have changed, and could not be put back
   */
  constructor(
    cause: unknown,
    readonly changed: readonly string[],
  ) {
    const rest = changed.length === 0 ? 'no file has changed' : `these have changed: ${changed.join(', ')}`;
    super(
      `the files could not be written: ${fileErrorText(cause)}; ${rest}`,
      'free disk space or grant write access, then run the command again',
      {
        cause,
      },
    );
  }
}
