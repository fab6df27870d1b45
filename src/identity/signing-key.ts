import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRequestKeys, type RequestKeyConfig } from './keys.js';

/** The file of the key in a state folder. */
export const REQUEST_KEY_FILE = 'request.key';

/**
 * Returns the key that a client signs its requests with: the one that is configured; else, for a server on this machine,
 * that of the state folder, as an embedded server has it. Undefined where there is none.
 *
 * @throws ConfigError where the configured one cannot be used
 */
export function signingKey(
  config: RequestKeyConfig & { readonly stateDirectory: string },
  address: string,
): string | undefined {
  const [configured] = readRequestKeys(config) ?? [];
  if (configured !== undefined || !isThisMachine(address)) return configured;
  try {
    const [key = ''] = readFileSync(join(config.stateDirectory, REQUEST_KEY_FILE), 'utf8').split('\n');
    return key.trim() === '' ? undefined : key.trim();
  } catch {
    // No server of this folder has asked for it, or it belongs to another user: a worker that needs it says so.
    return undefined;
  }
}

function isThisMachine(address: string): boolean {
  return /^(localhost|127\.0\.0\.1|\[::1\]):\d+$/.test(address);
}
