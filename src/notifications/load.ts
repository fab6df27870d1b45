import { readFileSync, statSync } from 'node:fs';
import { parseNotifications, type ParsedNotifications } from './parse.js';

/** The largest file that is read, in bytes. */
const MAX_BYTES = 1_000_000;

/** Reads a notifications file. */
export function loadNotifications(file: string): ParsedNotifications {
  try {
    const stat = statSync(file);
    if (!stat.isFile()) return unreadable(file, 'it is not a regular file');
    if (stat.size > MAX_BYTES) return unreadable(file, `it has more than ${String(MAX_BYTES)} bytes`);
    return parseNotifications(file, new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file)));
  } catch (error) {
    const { code } = error as { readonly code?: string };
    return unreadable(file, code === undefined || code.startsWith('ERR_') ? 'it is not UTF-8 text' : code);
  }
}

function unreadable(file: string, why: string): ParsedNotifications {
  const message = `cannot be read: ${why}`;
  return {
    ok: false,
    problems: [{ file, line: 0, column: 0, path: '', message, remedy: 'check the path of the notifications file' }],
  };
}
