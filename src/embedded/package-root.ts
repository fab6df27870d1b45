import { resolve } from 'node:path';

/** Where the package lies: this file is two folders below it, in the sources and in what is built from them. */
export const packageRoot = resolve(__dirname, '..', '..');
