import { readFileSync, statSync, type BigIntStats } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigError } from '../../contract/user-facing-error.js';
import { type EncryptionKey, encryptionKey, KEY_BYTES, KEY_ID, type KeyReference, type KeySource } from './keys.js';

/** The largest file that is read. */
const MAX_FILE_BYTES = 100_000;

/** The time for which a file of keys is not looked at again, in milliseconds. An unknown key has it looked at anyway. */
const LOOK_INTERVAL_MS = 1_000;

const MAKE_KEY = 'add a line such as `2026-01: KEY`, with KEY from `openssl rand -base64 32`';

/**
 * Reads keys in lines of `id: base64`, which are YAML, too. The first key encrypts.
 *
 * @param text - of the file or variable. No message repeats a part of it but IDs
 * @param source - names the file or variable in errors
 * @throws ConfigError
 */
export function parseKeys(text: string, source: string): readonly [EncryptionKey, ...EncryptionKey[]] {
  const keys: EncryptionKey[] = [];
  for (const [index, raw] of text.split(/\r?\n|,/).entries()) {
    const line = raw.replace(/(^|\s)#.*$/, '').trim();
    if (line === '' || line === '---') continue;
    const place = `${source}, line ${String(index + 1)}`;
    const key = parseLine(line, place);
    if (keys.some(({ id }) => id === key.id)) {
      throw new ConfigError(`${place}: there is another key with the ID ${key.id}`, 'give each key an ID of its own');
    }
    keys.push(key);
  }
  const [first, ...others] = keys;
  if (first === undefined) throw new ConfigError(`${source} has no key`, MAKE_KEY);
  return [first, ...others];
}

function parseLine(line: string, place: string): EncryptionKey {
  const [, id = '', encoded = ''] = /^["']?([^"':\s]+)["']?\s*:\s*["']?([^"'\s]*)["']?$/.exec(line) ?? [];
  if (!KEY_ID.test(id)) {
    throw new ConfigError(`${place}: expected a key ID, a colon and the key in base64`, MAKE_KEY);
  }
  const bytes = Buffer.from(encoded, 'base64');
  const isBase64 = /^[\w+/-]+={0,2}$/.test(encoded);
  if (!isBase64 || bytes.length !== KEY_BYTES) {
    const found = isBase64 ? `${String(bytes.length)} bytes` : 'text that is not base64';
    throw new ConfigError(`${place}: key ${id} has ${found}; expected ${String(KEY_BYTES)} bytes in base64`, MAKE_KEY);
  }
  if (new Set(bytes).size < KEY_BYTES / 4) {
    throw new ConfigError(`${place}: key ${id} is not random`, MAKE_KEY);
  }
  return encryptionKey(id, bytes);
}

/** Keys that never change. */
export class KeyList implements KeySource {
  readonly #keys: readonly [EncryptionKey, ...EncryptionKey[]];

  constructor(
    keys: readonly [EncryptionKey, ...EncryptionKey[]],
    readonly setting: string,
  ) {
    this.#keys = keys;
  }

  current(): Promise<EncryptionKey> {
    return Promise.resolve(this.#keys[0]);
  }

  find(reference: KeyReference): Promise<EncryptionKey | undefined> {
    return Promise.resolve(findIn(this.#keys, reference));
  }

  ids(): readonly string[] {
    return this.#keys.map(({ id }) => id);
  }
}

/** The effect of a change of the file of keys. */
export interface KeyFileChange {
  readonly ids: readonly string[];
  /** The reason why the new content is not used. Null where it is. */
  readonly error: ConfigError | null;
}

/**
 * Keys in a file. It is read again when it has changed, so that keys are rotated without a restart. Content that cannot
 * be used is reported once, and the keys that were read before stay in use.
 */
export class KeyFile implements KeySource {
  readonly setting: string;
  readonly #path: string;
  readonly #onChange: (change: KeyFileChange) => void;
  readonly #now: () => number;
  #keys: readonly [EncryptionKey, ...EncryptionKey[]];
  #version: string;
  #lookedAt: number;

  /**
   * Reads the file.
   *
   * @param path - of the file
   * @param onChange - is called for each later version of the file
   * @param now - returns milliseconds of any clock
   * @throws ConfigError
   */
  constructor(path: string, onChange: (change: KeyFileChange) => void, now: () => number = () => Date.now()) {
    this.#path = resolve(path);
    this.setting = `IAM_BOOTSTRAP_ENCRYPTION_KEYS_FILE=${path}`;
    this.#onChange = onChange;
    this.#now = now;
    this.#version = readVersion(this.#path);
    this.#lookedAt = now();
    this.#keys = parseKeys(readKeyFile(this.#path), this.setting);
  }

  current(): Promise<EncryptionKey> {
    if (this.#now() - this.#lookedAt >= LOOK_INTERVAL_MS) this.#look();
    return Promise.resolve(this.#keys[0]);
  }

  find(reference: KeyReference): Promise<EncryptionKey | undefined> {
    const found = findIn(this.#keys, reference);
    if (found !== undefined) return Promise.resolve(found);
    this.#look();
    return Promise.resolve(findIn(this.#keys, reference));
  }

  ids(): readonly string[] {
    return this.#keys.map(({ id }) => id);
  }

  #look(): void {
    this.#lookedAt = this.#now();
    const version = readVersion(this.#path);
    if (version === this.#version) return;
    this.#version = version;
    let error: ConfigError | null = null;
    try {
      this.#keys = parseKeys(readKeyFile(this.#path), this.setting);
    } catch (thrown) {
      if (!(thrown instanceof ConfigError)) throw thrown;
      error = thrown;
    }
    this.#onChange({ ids: this.ids(), error });
  }
}

function findIn(keys: readonly EncryptionKey[], { id, check }: KeyReference): EncryptionKey | undefined {
  return keys.find((key) => key.id === id && key.check === check);
}

/** Returns a text that changes with the file, and with the link to it. A file that cannot be looked at has one, too. */
function readVersion(path: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs }: BigIntStats = statSync(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch (error) {
    return `unreadable: ${codeOf(error)}`;
  }
}

function readKeyFile(path: string): string {
  const variable = `IAM_BOOTSTRAP_ENCRYPTION_KEYS_FILE=${path}`;
  try {
    const stat = statSync(path);
    if (!stat.isFile()) throw new ConfigError(`${variable} is not a regular file`, 'name a file of keys');
    if (stat.size > MAX_FILE_BYTES) {
      throw new ConfigError(`${variable} has more than ${String(MAX_FILE_BYTES)} bytes`, 'name a file of keys');
    }
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`${variable} cannot be read: ${codeOf(error)}`, 'make the file readable for this process', {
      cause: error,
    });
  }
}

function codeOf(error: unknown): string {
  return (error as { readonly code?: string }).code ?? 'unknown';
}
