import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import { MissingKeyError, UnreadablePayloadError } from '../unreadable-payload.js';
import type { EncryptionKey, KeyReference, KeySource } from './keys.js';
import { NO_KEYS } from './keys.js';

/** The encoding of encrypted payloads, as in Temporal's samples. */
export const ENCRYPTED = 'binary/encrypted';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Metadata of an encrypted payload. The first name is that of Temporal's samples, and tools show it. */
const KEY_ID = 'encryption-key-id';
const KEY_CHECK = 'encryption-key-check';
const DATA_KEY = 'encryption-data-key';

/** The length of a key ID that is looked for, in bytes: an ARN of KMS is shorter. */
const MAX_KEY_ID_BYTES = 300;

/** The length of an encrypted data key, in bytes. Those of KMS have less than 300. */
const MAX_DATA_KEY_BYTES = 1_024;

/** Options of the encryption of payloads. */
export interface EncryptionOptions {
  /** Undefined where nothing is encrypted. */
  readonly keys?: KeySource | undefined;
  /** Refuses payloads that are not encrypted. Default: they are read, so that encryption can be switched on. */
  readonly isRequired?: boolean;
}

/** Encrypts payloads with AES-256-GCM. The whole payload is encrypted, its metadata included. */
export class PayloadEncryption {
  readonly #keys: KeySource | undefined;
  readonly #isRequired: boolean;

  constructor({ keys, isRequired = false }: EncryptionOptions) {
    this.#keys = keys;
    this.#isRequired = isRequired;
  }

  /**
   * Encrypts a payload with the first key; returns it unchanged where there are no keys.
   *
   * @throws MissingKeyError where the service that keeps the key does not answer
   */
  async encrypt(payload: Payload): Promise<Payload> {
    if (this.#keys === undefined) return payload;
    const key = await this.#keys.current();
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, key.secret, nonce).setAAD(boundMetadata(key));
    const encoded = temporal.api.common.v1.Payload.encode(payload).finish();
    const data = Buffer.concat([nonce, cipher.update(encoded), cipher.final(), cipher.getAuthTag()]);
    return {
      metadata: {
        encoding: Buffer.from(ENCRYPTED),
        [KEY_ID]: Buffer.from(key.id),
        [KEY_CHECK]: Buffer.from(key.check),
        ...(key.dataKey === undefined ? {} : { [DATA_KEY]: key.dataKey }),
      },
      data,
    };
  }

  /**
   * Decrypts a payload; returns it unchanged where it is not encrypted.
   *
   * @throws UnreadablePayloadError where no key would help, MissingKeyError where this process lacks the key
   */
  async decrypt(payload: Payload): Promise<Payload> {
    if (textOf(payload, 'encoding') !== ENCRYPTED) {
      if (!this.#isRequired) return payload;
      throw new UnreadablePayloadError('it is not encrypted, and IAM_BOOTSTRAP_ENCRYPTION=required');
    }
    const reference = referenceOf(payload);
    const keys = this.#keys ?? NO_KEYS;
    const key = await keys.find(reference);
    if (key === undefined) {
      throw new MissingKeyError(printable(reference.id), `which is not here; add it to ${keys.setting}`);
    }
    const decrypted = decryptWith(key, payload.data ?? new Uint8Array());
    if (textOf(decrypted, 'encoding') === ENCRYPTED) throw new UnreadablePayloadError('it is encrypted twice');
    return decrypted;
  }
}

function decryptWith(key: EncryptionKey, data: Uint8Array): Payload {
  if (data.length < NONCE_BYTES + TAG_BYTES) throw new UnreadablePayloadError('it is too short to be encrypted');
  const tagStart = data.length - TAG_BYTES;
  const decipher = createDecipheriv(CIPHER, key.secret, data.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
    .setAAD(boundMetadata(key))
    .setAuthTag(data.subarray(tagStart));
  let bytes: Buffer;
  try {
    bytes = Buffer.concat([decipher.update(data.subarray(NONCE_BYTES, tagStart)), decipher.final()]);
  } catch {
    throw new UnreadablePayloadError(`it was changed after its encryption with key ${printable(key.id)}`);
  }
  try {
    return temporal.api.common.v1.Payload.decode(bytes);
  } catch (error) {
    throw new UnreadablePayloadError(`it holds no payload: ${(error as Error).message}`);
  }
}

/** Returns the metadata that the tag protects. A data key is protected by the check, which depends on it. */
function boundMetadata({ id, check }: KeyReference): Buffer {
  return Buffer.from(JSON.stringify(['iam-bootstrap/1', id, check]));
}

function referenceOf(payload: Payload): KeyReference {
  const { metadata } = payload;
  const dataKey = metadata?.[DATA_KEY];
  const isOurs = [KEY_ID, KEY_CHECK].every((name) => {
    const bytes = metadata?.[name]?.length ?? 0;
    return bytes > 0 && bytes <= MAX_KEY_ID_BYTES;
  });
  if (!isOurs || dataKey?.length === 0 || (dataKey?.length ?? 0) > MAX_DATA_KEY_BYTES) {
    throw new UnreadablePayloadError(`nothing here knows the encoding ${ENCRYPTED}`);
  }
  const reference = { id: textOf(payload, KEY_ID), check: textOf(payload, KEY_CHECK) };
  return dataKey == null ? reference : { ...reference, dataKey };
}

function textOf({ metadata }: Payload, name: string): string {
  return Buffer.from(metadata?.[name] ?? []).toString();
}

/** Returns an ID that any client may have written, without what a terminal or a page would act on. */
function printable(id: string): string {
  return id.replace(/[^\w.@:/-]/g, '?').slice(0, 100);
}
