import { existsSync } from 'node:fs';
import module from 'node:module';
import { dirname } from 'node:path';
import { compileCacheDirectory } from '../config/folders.js';

// Imported before what takes long to compile: a command loads some seven hundred modules. Node.js would keep their
// compiled code in a temporary folder that all users share, so it has one of its own. No command makes the cache folder
// for that alone. Node.js 20 has no such cache.
const { enableCompileCache } = module as { readonly enableCompileCache?: (directory: string) => unknown };
const directory = compileCacheDirectory();
if (directory !== undefined && existsSync(dirname(directory))) enableCompileCache?.(directory);
