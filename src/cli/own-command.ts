import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join, relative, resolve } from 'node:path';
import { PACKAGE } from '../client/package.js';
import { loadConfig } from '../config/config.js';
import { packageRoot } from '../embedded/options.js';

const NAME = 'iam-bootstrap';

/**
 * Returns the start of a command line that runs this program in the working folder: by npx where the package is installed
 * there or is the folder itself, by its name where that is on PATH, else by the path of its file.
 */
export function ownCommand(): string {
  const folder = process.cwd();
  if (isOwn(join(folder, 'package.json')) || ancestorsOf(folder).some(hasInstalled)) return `npx --no-install ${NAME}`;
  const { environment } = loadConfig();
  const folders = (environment['PATH'] ?? '').split(delimiter).filter((path) => path !== '');
  const program = folders.map((path) => join(path, NAME)).find((path) => existsSync(path));
  const own = join(packageRoot, 'dist/cli/main.js');
  if (program !== undefined && realpathSync(program) === realpathSync(own)) return NAME;
  return `node ${pathFrom(folder, own)}`;
}

/** Returns the path of a file of the package as it is typed in the working folder. */
export function packageFile(path: string): string {
  return pathFrom(process.cwd(), join(packageRoot, path));
}

function pathFrom(folder: string, file: string): string {
  const path = relative(realpathSync(folder), realpathSync(file));
  return path.startsWith('..') ? file : path;
}

/** True where the file is that of this package itself: npx then runs the program of the folder. */
function isOwn(file: string): boolean {
  const own = join(packageRoot, 'package.json');
  return existsSync(file) && realpathSync(file) === realpathSync(own);
}

function hasInstalled(folder: string): boolean {
  return existsSync(join(folder, 'node_modules', PACKAGE.name)) && existsSync(join(folder, 'node_modules/.bin', NAME));
}

function ancestorsOf(folder: string): string[] {
  const above = dirname(resolve(folder));
  return above === folder ? [folder] : [folder, ...ancestorsOf(above)];
}
