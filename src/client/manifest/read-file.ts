import { readFileSync, realpathSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';

/** The largest file that is read. The engine has a limit of its own, in characters. */
const MAX_BYTES = 8_000_000;

/** Reads standard input as text. */
export async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    const part = Buffer.from(chunk as Uint8Array);
    bytes += part.length;
    // A pipe may never end.
    if (bytes > MAX_BYTES) throw new Error(`it has more than ${String(MAX_BYTES)} bytes`);
    chunks.push(part);
  }
  return decode(Buffer.concat(chunks));
}

/** Reads a file that a manifest refers to. A link must stay inside the manifest's folder. */
export function readReferencedFile(path: string, folder: string): string {
  const root = realpathSync(folder);
  let real: string;
  try {
    real = realpathSync(join(root, path));
  } catch (error) {
    throw new Error(fileErrorText(error), { cause: error });
  }
  if (!real.startsWith(root.endsWith(sep) ? root : root + sep)) {
    throw new Error("it is a link that leaves the manifest's folder");
  }
  try {
    return readTextFile(real);
  } catch (error) {
    throw new Error(fileErrorText(error), { cause: error });
  }
}

/** Reads a regular file as text. */
export function readTextFile(path: string): string {
  assertReadable(path);
  return decode(readFileSync(path));
}

/** @throws Error where a path is not a regular file of a permitted size */
export function assertReadable(path: string): void {
  const stat = statSync(path);
  if (stat.isDirectory()) throw new Error('it is a folder');
  // A pipe or a device may never end.
  if (!stat.isFile()) throw new Error('it is not a regular file');
  if (stat.size > MAX_BYTES) throw new Error(`it has ${String(stat.size)} bytes, more than ${String(MAX_BYTES)}`);
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Error('it is not UTF-8 text', { cause: error });
  }
}

/** Describes an error of the file system without its path, which may make sense on this machine only. */
export function fileErrorText(error: unknown): string {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'ELOOP':
      return 'its links form a loop';
    default:
      return typeof code === 'string' ? code : String(message);
  }
}
