import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Client } from '@temporalio/client';
import { defaultPayloadConverter, type Payload, type PayloadCodec } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import { type Unreadable, unreadableReason } from '../contract/unreadable.js';
import { ENCRYPTED, type EncryptionOptions, PayloadEncryption } from './encryption/payload-encryption.js';
import { JsonLimitError, requireModestJson } from './json-limits.js';
import { MissingKeyError, UnreadablePayloadError } from './unreadable-payload.js';

const compress = promisify(gzip);
const expand = promisify(gunzip);

/** Smaller payloads stay readable in the Temporal UI. Temporal rejects payloads of more than two million bytes. */
const MIN_COMPRESSED_BYTES = 128 * 1024;

/**
 * The bytes that the payloads of one task may have, decrypted and decompressed. A run whose payloads have more would be terminated for
 * the size of its history. A client can compress four gigabytes into one payload.
 */
const MAX_DECODED_BYTES = 45_000_000;

const COMPRESSED = 'binary/gzip';

/** The encodings that the SDK's own converter reads. */
const JSON_ENCODING = 'json/plain';
const READABLE: readonly string[] = [JSON_ENCODING, 'binary/null', 'binary/plain'];

/** Options of the codec of a worker or a client. */
export interface CodecOptions extends EncryptionOptions {
  /**
   * Fails the task of a workflow, and the attempt of an activity, whose key is missing. Temporal tries both again, so
   * that a worker without the key loses no run. Default: the payload counts as unreadable, as clients need it.
   */
  readonly isWorker?: boolean;
}

/**
 * Compresses large payloads, and encrypts all of them where keys are configured. A manifest of all roles of an account
 * exceeds Temporal's limit, and repeats itself a lot.
 *
 * Any client may have sent what is decoded. A payload that cannot be read becomes an {@link Unreadable}, which is refused
 * like any other value of the wrong shape. An error would fail the task of a workflow, which Temporal then repeats for
 * ever, and the memo of one run would keep a client from listing all runs.
 *
 * A key that is missing is the exception: what a worker cannot decrypt yet may be what it has to act upon. The first
 * payload of a context is the argument of a run or the result of an activity, and holds up nothing but its run. Later
 * ones are signals and updates, by which any client could hold up the run of another one.
 */
class PayloadGuard implements PayloadCodec {
  readonly #inflater = new Inflater();
  readonly #budget = new Budget();
  readonly #encryption: PayloadEncryption;
  readonly #isWorker: boolean;
  /** The runs and activities that a payload was decoded for. */
  readonly #started = new WeakSet<object>();

  constructor({ isWorker = false, ...options }: CodecOptions) {
    this.#encryption = new PayloadEncryption(options);
    this.#isWorker = isWorker;
  }

  async encode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.all(payloads.map(async (payload) => this.#encryption.encrypt(await compressed(payload))));
  }

  async decode(payloads: Payload[], context?: object): Promise<Payload[]> {
    const isFirst = context === undefined || !this.#started.has(context);
    if (context !== undefined && payloads.length > 0) this.#started.add(context);
    const mayFail = this.#isWorker && isFirst;
    try {
      return await Promise.all(payloads.map((payload) => this.#decode(payload, context, mayFail)));
    } catch (error) {
      // The next attempt may reuse the context.
      if (isFirst && context !== undefined) this.#started.delete(context);
      throw error;
    }
  }

  async #decode(payload: Payload, context: object | undefined, mayFail: boolean): Promise<Payload> {
    try {
      const encoding = encodingOf(payload);
      const decoded =
        encoding === ENCRYPTED || encoding === COMPRESSED
          ? await this.#budget.spend(context, (use) => this.#unwrap(payload, use))
          : await this.#encryption.decrypt(payload);
      requireReadable(decoded);
      return decoded;
    } catch (error) {
      if (error instanceof MissingKeyError && this.#isWorker && (mayFail || error.isTemporary)) throw error;
      if (!(error instanceof UnreadablePayloadError || error instanceof MissingKeyError)) throw error;
      const unreadablePayload = `the payload cannot be read: ${error.message}`;
      const encryptionKey = error instanceof MissingKeyError ? { encryptionKey: error.keyId } : {};
      // The SDK shows the field `message` where the payload is that of a failure.
      const value = { unreadablePayload, ...encryptionKey, message: unreadablePayload } satisfies Unreadable;
      return defaultPayloadConverter.toPayload(value);
    }
  }

  async #unwrap(payload: Payload, use: Use): Promise<Payload> {
    const decrypted = await this.#encryption.decrypt(payload);
    if (decrypted !== payload) use.count(decrypted.data?.length ?? 0);
    if (encodingOf(decrypted) !== COMPRESSED) return decrypted;
    const inner = decodeProto(await this.#inflater.inflate(decrypted.data ?? Buffer.alloc(0), use));
    if (encodingOf(inner) === COMPRESSED) throw new UnreadablePayloadError('it is compressed twice');
    if (encodingOf(inner) === ENCRYPTED) throw new UnreadablePayloadError('it is encrypted before its compression');
    return inner;
  }
}

async function compressed(payload: Payload): Promise<Payload> {
  if ((payload.data?.length ?? 0) < MIN_COMPRESSED_BYTES) return payload;
  const encoded = temporal.api.common.v1.Payload.encode(payload).finish();
  return { metadata: { encoding: Buffer.from(COMPRESSED) }, data: await compress(encoded) };
}

/** The part of {@link MAX_DECODED_BYTES} that the payloads of one task use. */
class Use {
  #bytes = 0;
  pending = 0;

  get rest(): number {
    return Math.max(0, MAX_DECODED_BYTES - this.#bytes);
  }

  count(bytes: number): void {
    if (bytes > this.rest) throw tooLarge();
    this.#bytes += bytes;
  }
}

/** The bytes that the payloads of each task may still have. */
class Budget {
  /** By the context that the payloads of a task share. */
  readonly #uses = new WeakMap<object, Use>();

  async spend<T>(context: object = {}, work: (use: Use) => Promise<T>): Promise<T> {
    const use = this.#uses.get(context) ?? new Use();
    this.#uses.set(context, use);
    use.pending += 1;
    try {
      return await work(use);
    } finally {
      use.pending -= 1;
      // The next payload of the task is asked for at once, and the next task of the run starts at zero.
      setImmediate(() => {
        if (use.pending === 0) this.#uses.delete(context);
      });
    }
  }
}

/** Decompresses one payload at a time, so that several at once do not exhaust the memory. */
class Inflater {
  #last: Promise<unknown> = Promise.resolve();

  inflate(data: Uint8Array, use: Use): Promise<Buffer> {
    const inflated = this.#last.then(() => inflateWithin(data, use));
    this.#last = inflated.catch(() => undefined);
    return inflated;
  }
}

async function inflateWithin(data: Uint8Array, use: Use): Promise<Buffer> {
  try {
    const bytes = await expand(data, { maxOutputLength: Math.max(1, use.rest) });
    use.count(bytes.length);
    return bytes;
  } catch (error) {
    if (error instanceof UnreadablePayloadError) throw error;
    const isTooLarge = (error as { readonly code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE';
    throw isTooLarge
      ? tooLarge()
      : new UnreadablePayloadError(`it cannot be decompressed: ${(error as Error).message}`);
  }
}

function tooLarge(): UnreadablePayloadError {
  const limit = `${MAX_DECODED_BYTES.toLocaleString('en-US')} bytes`;
  return new UnreadablePayloadError(
    `decompressed, it has more than ${limit}, or the payloads of its task have together`,
  );
}

function requireReadable(payload: Payload): void {
  const encoding = encodingOf(payload);
  if (encoding === '') throw new UnreadablePayloadError('it has no encoding');
  if (!READABLE.includes(encoding)) {
    throw new UnreadablePayloadError(`nothing here knows the encoding ${encoding.slice(0, 100)}`);
  }
  if (encoding !== JSON_ENCODING) return;
  try {
    requireModestJson(payload.data ?? new Uint8Array());
    defaultPayloadConverter.fromPayload(payload);
  } catch (error) {
    if (error instanceof JsonLimitError) throw new UnreadablePayloadError(error.message);
    throw new UnreadablePayloadError(`it is not valid JSON: ${(error as Error).message}`);
  }
}

function decodeProto(bytes: Uint8Array): Payload {
  try {
    return temporal.api.common.v1.Payload.decode(bytes);
  } catch (error) {
    throw new UnreadablePayloadError(`it holds no payload: ${(error as Error).message}`);
  }
}

function encodingOf({ metadata }: Payload): string {
  return Buffer.from(metadata?.['encoding'] ?? []).toString();
}

/** Returns the data converter of a worker or a client. */
export function createDataConverter(options: CodecOptions): { readonly payloadCodecs: [PayloadCodec] } {
  return { payloadCodecs: [new PayloadGuard(options)] };
}

/** The data converter of a client that has no keys. */
export const dataConverter = createDataConverter({});

/** Decodes the first of the payloads in an event of a workflow's history. Null where there is none. */
export async function decodeFirstPayload<T>(
  client: Client,
  payloads: readonly Payload[] | null | undefined,
): Promise<T | null> {
  if (payloads == null || payloads.length === 0) return null;
  let decoded = payloads.slice(0, 1);
  for (const codec of client.options.loadedDataConverter.payloadCodecs) decoded = await codec.decode(decoded);
  const [payload] = decoded;
  return payload === undefined ? null : defaultPayloadConverter.fromPayload<T>(payload);
}

type Failure = temporal.api.failure.v1.IFailure;

/** Returns the message of a failure in an event of a workflow's history. A worker with encryption encodes it. */
export async function readFailureMessage(client: Client, failure: Failure): Promise<string> {
  const { message, encodedAttributes } = failure;
  if (encodedAttributes == null) return message ?? '';
  const attributes = await decodeFirstPayload<Readonly<Record<string, unknown>>>(client, [encodedAttributes]);
  const unreadable = unreadableReason(attributes);
  if (unreadable !== null) return unreadable;
  return typeof attributes?.['message'] === 'string' ? attributes['message'] : (message ?? '');
}
