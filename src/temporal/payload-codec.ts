import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { defaultPayloadConverter, type Payload, type PayloadCodec } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import type { Unreadable } from '../contract/unreadable.js';
import { JsonLimitError, requireModestJson } from './json-limits.js';

const compress = promisify(gzip);
const expand = promisify(gunzip);

/** Smaller payloads stay readable in the Temporal UI. Temporal rejects payloads of more than two million bytes. */
const MIN_COMPRESSED_BYTES = 128 * 1024;

/**
 * The bytes that the payloads of one task may have, decompressed. A run whose payloads have more would be terminated for
 * the size of its history. A client can compress four gigabytes into one payload.
 */
const MAX_DECOMPRESSED_BYTES = 45_000_000;

const COMPRESSED = 'binary/gzip';

/** The encodings that the SDK's own converter reads. */
const JSON_ENCODING = 'json/plain';
const READABLE: readonly string[] = [JSON_ENCODING, 'binary/null', 'binary/plain'];

/** Reports why a payload cannot be read, as the end of a sentence: `it has no encoding`. */
class UnreadablePayloadError extends Error {
  override readonly name = 'UnreadablePayloadError';
}

/**
 * Compresses large payloads. A manifest of all roles of an account exceeds Temporal's limit, and repeats itself a lot.
 *
 * Any client may have sent what is decoded. A payload that cannot be read becomes an {@link Unreadable}, which is refused
 * like any other value of the wrong shape. An error would fail the task of a workflow, which Temporal then repeats for
 * ever, and the memo of one run would keep a client from listing all runs.
 */
class CompressingCodec implements PayloadCodec {
  readonly #inflater = new Inflater();

  async encode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.all(
      payloads.map(async (payload) => {
        if ((payload.data?.length ?? 0) < MIN_COMPRESSED_BYTES) return payload;
        const encoded = temporal.api.common.v1.Payload.encode(payload).finish();
        return { metadata: { encoding: Buffer.from(COMPRESSED) }, data: await compress(encoded) };
      }),
    );
  }

  async decode(payloads: Payload[], context?: object): Promise<Payload[]> {
    return Promise.all(payloads.map((payload) => this.#decode(payload, context)));
  }

  async #decode(payload: Payload, context: object | undefined): Promise<Payload> {
    try {
      const decoded = await this.#decompress(payload, context);
      requireReadable(decoded);
      return decoded;
    } catch (error) {
      if (!(error instanceof UnreadablePayloadError)) throw error;
      const unreadablePayload = `the payload cannot be read: ${error.message}`;
      return defaultPayloadConverter.toPayload({ unreadablePayload } satisfies Unreadable);
    }
  }

  async #decompress(payload: Payload, context: object | undefined): Promise<Payload> {
    if (encodingOf(payload) !== COMPRESSED) return payload;
    const inner = decodeProto(await this.#inflater.inflate(payload.data ?? Buffer.alloc(0), context));
    if (encodingOf(inner) === COMPRESSED) throw new UnreadablePayloadError('it is compressed twice');
    return inner;
  }
}

/** The part of {@link MAX_DECOMPRESSED_BYTES} that the payloads of one task use. */
interface Use {
  bytes: number;
  pending: number;
}

/** Decompresses one payload at a time, so that several at once do not exhaust the memory. */
class Inflater {
  #last: Promise<unknown> = Promise.resolve();
  /** By the context that the payloads of a task share. */
  readonly #uses = new WeakMap<object, Use>();

  async inflate(data: Uint8Array, context: object = {}): Promise<Buffer> {
    const use = this.#uses.get(context) ?? { bytes: 0, pending: 0 };
    this.#uses.set(context, use);
    use.pending += 1;
    const inflated = this.#last.then(() => inflateWithin(data, use));
    this.#last = inflated.catch(() => undefined);
    try {
      return await inflated;
    } finally {
      use.pending -= 1;
      // The next payload of the task is asked for at once, and the next task of the run starts at zero.
      setImmediate(() => {
        if (use.pending === 0) this.#uses.delete(context);
      });
    }
  }
}

async function inflateWithin(data: Uint8Array, use: Use): Promise<Buffer> {
  try {
    const bytes = await expand(data, { maxOutputLength: Math.max(1, MAX_DECOMPRESSED_BYTES - use.bytes) });
    use.bytes += bytes.length;
    return bytes;
  } catch (error) {
    const isTooLarge = (error as { readonly code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE';
    const limit = `${MAX_DECOMPRESSED_BYTES.toLocaleString('en-US')} bytes`;
    throw new UnreadablePayloadError(
      isTooLarge
        ? `decompressed, it has more than ${limit}, or the payloads of its task have together`
        : `it cannot be decompressed: ${(error as Error).message}`,
    );
  }
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

/** The data converter of workers and clients. */
export const dataConverter = { payloadCodecs: [new CompressingCodec()] };

/** Decodes the first of the payloads in an event of a workflow's history. Null where there is none. */
export async function decodeFirstPayload<T>(payloads: readonly Payload[] | null | undefined): Promise<T | null> {
  if (payloads == null || payloads.length === 0) return null;
  let decoded = payloads.slice(0, 1);
  for (const codec of dataConverter.payloadCodecs) decoded = await codec.decode(decoded);
  const [payload] = decoded;
  return payload === undefined ? null : defaultPayloadConverter.fromPayload<T>(payload);
}
