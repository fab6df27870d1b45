import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** Returns the folder of what may be deleted at any time: downloads, programs that were built, compiled code. */
export function cacheDirectory(environment: Environment): string {
  // A user without a home, as in a container with any user ID: a folder that no other user can have made.
  return ownCacheDirectory(environment) ?? join(tmpdir(), `iam-bootstrap-${String(process.getuid?.() ?? 0)}`);
}

/** Returns the cache folder that variables or the user's home name. Undefined where there is none. */
function ownCacheDirectory(environment: Environment): string | undefined {
  const named = environment['IAM_BOOTSTRAP_CACHE'];
  if (named !== undefined) return named;
  const xdg = environment['XDG_CACHE_HOME'];
  if (xdg !== undefined) return join(xdg, 'iam-bootstrap');
  const home = homeOf(environment);
  if (home === undefined) return undefined;
  return process.platform === 'darwin'
    ? join(home, 'Library/Caches/iam-bootstrap')
    : join(home, '.cache/iam-bootstrap');
}

/**
 * Returns the folder of compiled code, which Node.js executes as it finds it. Undefined where the cache would be in a
 * temporary folder, in which other users may have put code.
 */
export function compileCacheDirectory(variables: Environment = process.env): string | undefined {
  const environment = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''));
  const cache = ownCacheDirectory(environment);
  return cache === undefined ? undefined : join(cache, 'compiled');
}

/** Returns the user's home folder. Undefined where neither HOME nor the user database names one. */
export function homeOf(environment: Environment): string | undefined {
  if (environment['HOME'] !== undefined) return environment['HOME'];
  try {
    return homedir();
  } catch {
    return undefined;
  }
}
