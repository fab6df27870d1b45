/** Descriptions of errors of the file system, by code, of a file or folder to write. */
const TEXTS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOENT: 'its folder does not exist and cannot be made',
  ENOTDIR: 'a file stands where its folder would be',
  EEXIST: 'a file stands where its folder would be',
  EISDIR: 'it is a folder',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENAMETOOLONG: 'its name is too long',
};

/** Returns why a file or a folder cannot be written, without its path: `the disk is full (ENOSPC)`. */
export function writeErrorText(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined) return message;
  const text = TEXTS[code];
  return text === undefined ? code : `${text} (${code})`;
}
