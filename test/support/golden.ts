import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Compares a text with the file that keeps it. `UPDATE_GOLDEN=1` writes the files anew: read what has changed before it
 * is committed.
 */
export function expectGolden(folder: string, file: string, text: string): void {
  const path = join(folder, file);
  const content = text.endsWith('\n') ? text : `${text}\n`;
  if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(path, content);
  expect(content).toBe(readFileSync(path, 'utf8'));
}
