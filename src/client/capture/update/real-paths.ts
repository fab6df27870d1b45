import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Identify } from './source-files.js';

/** Returns what gives each file its one name: a link has that of the file that it leads to. */
export function realPathsIn(cwd: string): Identify {
  const known = new Map<string, string>();
  return (file) => {
    const path = resolve(cwd, file);
    const found = known.get(path) ?? realPathOf(path);
    known.set(path, found);
    return found;
  };
}

function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
