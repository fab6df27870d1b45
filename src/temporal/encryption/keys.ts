import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';

/** The bytes of a key of AES-256. */
export const KEY_BYTES = 32;

/** The names by which keys are found. ARNs name keys of KMS. */
export const KEY_ID = /^[A-Za-z0-9][\w.@/-]{0,63}$/;

/** A key that encrypts payloads. */
export interface EncryptionKey {
  readonly id: string;
  /** Tells two keys of the same ID apart, and does not disclose the key. */
  readonly check: string;
  readonly secret: KeyObject;
  /** The key as KMS has encrypted it, which travels with each payload. Undefined for a key that is configured. */
  readonly dataKey?: Uint8Array;
}

/** The key of a payload, as its metadata names it. Any client may have written it. */
export type KeyReference = Pick<EncryptionKey, 'id' | 'check' | 'dataKey'>;

/** The keys of a process. */
export interface KeySource {
  /**
   * Returns the key that encrypts.
   *
   * @throws MissingKeyError where a service that keeps it does not answer
   */
  current(): Promise<EncryptionKey>;
  /**
   * Returns the key of a payload; undefined where this source does not have it.
   *
   * @throws MissingKeyError where a service that keeps it does not answer, UnreadablePayloadError where it cannot exist
   */
  find(reference: KeyReference): Promise<EncryptionKey | undefined>;
  /** Returns the IDs of the keys. The first one encrypts. */
  ids(): readonly string[];
  /** Returns what to set to add a key, for messages: `IAM_BOOTSTRAP_ENCRYPTION_KEYS_FILE=/etc/keys`. */
  readonly setting: string;
}

/** Makes a key of its bytes. */
export function encryptionKey(id: string, bytes: Uint8Array, dataKey?: Uint8Array): EncryptionKey {
  const secret = createSecretKey(bytes);
  const check = createHmac('sha256', secret).update(`iam-bootstrap key check ${id}`).digest('base64url').slice(0, 12);
  return { id, check, secret, ...(dataKey === undefined ? {} : { dataKey }) };
}

/** The source of a process that has no keys. */
export const NO_KEYS: Pick<KeySource, 'find' | 'ids' | 'setting'> = {
  find: () => Promise.resolve(undefined),
  ids: () => [],
  setting: 'IAM_BOOTSTRAP_ENCRYPTION_KEYS_FILE or IAM_BOOTSTRAP_ENCRYPTION_KMS_KEY',
};

/** Keys of several sources. The first source encrypts. */
export class CombinedKeys implements KeySource {
  readonly #sources: readonly [KeySource, ...KeySource[]];

  constructor(sources: readonly [KeySource, ...KeySource[]]) {
    this.#sources = sources;
  }

  get setting(): string {
    return this.#sources.map(({ setting }) => setting).join(' or ');
  }

  current(): Promise<EncryptionKey> {
    return this.#sources[0].current();
  }

  async find(reference: KeyReference): Promise<EncryptionKey | undefined> {
    for (const source of this.#sources) {
      const found = await source.find(reference);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  ids(): readonly string[] {
    return this.#sources.flatMap((source) => source.ids());
  }
}
