import { createHash } from 'node:crypto';
import { MissingKeyError, UnreadablePayloadError } from '../unreadable-payload.js';
import { type EncryptionKey, encryptionKey, KEY_BYTES, type KeyReference, type KeySource } from './keys.js';

/** The two calls to KMS, as `aws/kms.ts` makes them. */
export interface DataKeys {
  generate(keyArn: string): Promise<{ readonly plaintext: Uint8Array; readonly ciphertext: Uint8Array }>;
  decrypt(keyArn: string, ciphertext: Uint8Array): Promise<Uint8Array | undefined>;
}

/** Decrypted data keys that are kept, the last used ones. Each process that encrypts has made one or a few. */
const MAX_DATA_KEYS = 1_000;

/** Payloads after which a process makes another data key. Random nonces are safe for 2^32 payloads of a key. */
const MAX_PAYLOADS_PER_KEY = 2 ** 30;

/** The age at which a process makes another data key, in milliseconds. */
const MAX_KEY_AGE_MS = 24 * 3_600_000;

/** An ARN of a key or an alias of KMS. */
export const KMS_ARN = /^arn:[\w-]+:kms:[a-z0-9-]+:\d{12}:(key|alias)\/[\w/-]+$/;

/**
 * Data keys of KMS. Each process makes one, encrypts with it, and sends it along with each payload, encrypted by KMS. A
 * reader has KMS decrypt it once.
 */
export class KmsKeys implements KeySource {
  readonly setting = 'IAM_BOOTSTRAP_ENCRYPTION_KMS_KEY';
  readonly #arns: readonly [string, ...string[]];
  readonly #service: DataKeys;
  readonly #now: () => number;
  /** By the digest of the encrypted data key, the last used one at the end. Null where KMS did not make it. */
  readonly #decrypted = new Map<string, Promise<EncryptionKey | null>>();
  #current: { readonly key: Promise<EncryptionKey>; readonly madeAt: number; payloads: number } | undefined;

  /**
   * Names the keys. KMS is called at the first use.
   *
   * @param arns - of keys in KMS. The first one encrypts, and no other than these is asked for
   * @param service - the calls to KMS
   * @param now - returns milliseconds of any clock
   */
  constructor(arns: readonly [string, ...string[]], service: DataKeys, now: () => number = () => Date.now()) {
    this.#arns = arns;
    this.#service = service;
    this.#now = now;
  }

  ids(): readonly string[] {
    return this.#arns;
  }

  async current(): Promise<EncryptionKey> {
    const held = this.#current;
    if (held !== undefined && held.payloads < MAX_PAYLOADS_PER_KEY && this.#now() - held.madeAt < MAX_KEY_AGE_MS) {
      held.payloads += 1;
      return held.key;
    }
    const made = { key: this.#generate(), madeAt: this.#now(), payloads: 1 };
    this.#current = made;
    try {
      return await made.key;
    } catch (error) {
      if (this.#current === made) this.#current = undefined;
      throw error;
    }
  }

  async find(reference: KeyReference): Promise<EncryptionKey | undefined> {
    const { id, dataKey } = reference;
    if (dataKey === undefined || !this.#arns.includes(id)) return undefined;
    const digest = createHash('sha256').update(id).update(dataKey).digest('base64');
    const known = this.#decrypted.get(digest) ?? this.#decrypt(id, dataKey);
    this.#keep(digest, known);
    let key: EncryptionKey | null;
    try {
      key = await known;
    } catch (error) {
      if (this.#decrypted.get(digest) === known) this.#decrypted.delete(digest);
      throw error;
    }
    if (key?.check === reference.check) return key;
    throw new UnreadablePayloadError(`KMS did not make its data key with ${id}`);
  }

  async #generate(): Promise<EncryptionKey> {
    const [arn] = this.#arns;
    try {
      const { plaintext, ciphertext } = await this.#service.generate(arn);
      const key = keyOf(arn, plaintext, ciphertext);
      this.#keep(createHash('sha256').update(arn).update(ciphertext).digest('base64'), Promise.resolve(key));
      return key;
    } catch (error) {
      throw unavailable(arn, error);
    }
  }

  async #decrypt(arn: string, dataKey: Uint8Array): Promise<EncryptionKey | null> {
    try {
      const plaintext = await this.#service.decrypt(arn, dataKey);
      return plaintext === undefined ? null : keyOf(arn, plaintext, dataKey);
    } catch (error) {
      throw unavailable(arn, error);
    }
  }

  #keep(digest: string, key: Promise<EncryptionKey | null>): void {
    this.#decrypted.delete(digest);
    this.#decrypted.set(digest, key);
    for (const oldest of this.#decrypted.keys()) {
      if (this.#decrypted.size <= MAX_DATA_KEYS) break;
      this.#decrypted.delete(oldest);
    }
  }
}

/** Makes a key, and clears the bytes that it was made from. */
function keyOf(arn: string, plaintext: Uint8Array, dataKey: Uint8Array): EncryptionKey {
  if (plaintext.length !== KEY_BYTES) throw new Error(`KMS returned a key of ${String(plaintext.length)} bytes`);
  const key = encryptionKey(arn, plaintext, dataKey);
  plaintext.fill(0);
  return key;
}

/** The part of an error of the SDK that tells whether KMS has decided. */
interface KmsError {
  readonly name?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/**
 * Returns the error for a data key that KMS does not give. It is temporary only if KMS has not decided: a client could name
 * a key that is disabled, and the task that reads it would be tried for ever.
 */
function unavailable(arn: string, error: unknown): MissingKeyError {
  const { name = '', message = '', $metadata: { httpStatusCode: status } = {} } = error as KmsError;
  const isTemporary = status === undefined || status >= 500 || /throttl|limit|toomany/i.test(name);
  return new MissingKeyError(arn, `and KMS does not give its data key: ${name}: ${message.slice(0, 300)}`, isTemporary);
}
