import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The name under which the package is published, and its version. This file is two folders below the package's root. */
export const PACKAGE = JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8')) as {
  readonly name: string;
  readonly version: string;
};
