import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ConfigError } from '../../contract/user-facing-error.js';

/** The result of a look at a bearer token: its owner, why it counts for nothing, or why that cannot be told now. */
export type Authorization =
  { readonly subject: string } | { readonly refused: string } | { readonly unavailable: string };

/** Decides whether the owner of a bearer token may read payloads. */
export type Authorize = (token: string) => Promise<Authorization>;

/** The shortest shared token, in characters. */
const MIN_TOKEN_LENGTH = 32;

/**
 * Returns a check of shared tokens, which a file has in lines: the owner of any of them may read.
 *
 * @throws ConfigError
 */
export function sharedTokens(path: string): Authorize {
  const digests = readTokens(path).map(digestOf);
  return (token) => {
    const digest = digestOf(token);
    // Each is compared, so that the time tells nothing.
    const matches = digests.filter((one) => timingSafeEqual(one, digest)).length;
    return Promise.resolve(matches > 0 ? { subject: 'shared token' } : { refused: 'the token is unknown' });
  };
}

function readTokens(path: string): readonly string[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code = 'unknown' } = error as { readonly code?: string };
    throw new ConfigError(`--token-file ${path} cannot be read: ${code}`, 'make the file readable', { cause: error });
  }
  const tokens = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (tokens.length === 0 || tokens.some(({ length }) => length < MIN_TOKEN_LENGTH)) {
    throw new ConfigError(
      `--token-file ${path} has a token of less than ${String(MIN_TOKEN_LENGTH)} characters`,
      'write one as from `openssl rand -hex 32`',
    );
  }
  return tokens;
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
