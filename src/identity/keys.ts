import { readFileSync } from 'node:fs';
import { ConfigError } from '../contract/user-facing-error.js';

/** The shortest key, in characters. */
const MIN_KEY_LENGTH = 32;

/** A key that processes share: in a variable, or in the file that another variable names. */
export interface SharedKey {
  /** The variable with the key. That with the file has the suffix `_FILE`. */
  readonly variable: string;
  readonly key: string | undefined;
  readonly file: string | undefined;
  /** The remedy: who shares the key, and how to make one. */
  readonly make: string;
}

/**
 * Returns the keys: one a line, the one that signs first. Undefined where none is set.
 *
 * @throws ConfigError where both variables are set, the file cannot be read, or a key is short
 */
export function readKeys({ variable, key, file, make }: SharedKey): readonly [string, ...string[]] | undefined {
  if (key !== undefined && file !== undefined) {
    throw new ConfigError(`both ${variable} and ${variable}_FILE are set`, 'unset one of them');
  }
  const name = file === undefined ? variable : `${variable}_FILE=${file}`;
  const text = file === undefined ? key : readKeyFile(name, file);
  return text === undefined ? undefined : parseKeys(text, name, make);
}

/**
 * Returns the keys in a text: one a line.
 *
 * @param text - the content of a file or of a variable
 * @param name - the file or variable, for people
 * @param make - the remedy
 * @throws ConfigError where there is none, or one is short
 */
export function parseKeys(text: string, name: string, make: string): readonly [string, ...string[]] {
  const [first, ...older] = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (first === undefined || [first, ...older].some(({ length }) => length < MIN_KEY_LENGTH)) {
    throw new ConfigError(`${name} has a key of less than ${String(MIN_KEY_LENGTH)} characters`, make);
  }
  return [first, ...older];
}

function readKeyFile(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as { readonly code?: string };
    throw new ConfigError(`${name} cannot be read: ${code ?? 'unknown'}`, 'make the file readable', { cause: error });
  }
}

/** The configuration of the key that clients and workers share. */
export interface RequestKeyConfig {
  readonly requestKey: string | undefined;
  readonly requestKeyFile: string | undefined;
}

/**
 * Returns the request keys. Undefined where none is set.
 *
 * @throws ConfigError
 */
export function readRequestKeys(config: RequestKeyConfig): readonly [string, ...string[]] | undefined {
  return readKeys({
    variable: 'IAM_BOOTSTRAP_REQUEST_KEY',
    key: config.requestKey,
    file: config.requestKeyFile,
    make: 'give the workers of a task queue and those who may ask them one key, as from `openssl rand -base64 32`',
  });
}
