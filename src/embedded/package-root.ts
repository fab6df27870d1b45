import { resolve } from 'node:path';

/** The folder of the package, two above this file: in `src/` as in `dist/`, which is built from it. */
export const packageRoot = resolve(__dirname, '..', '..');
