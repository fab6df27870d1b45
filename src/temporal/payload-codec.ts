import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { defaultPayloadConverter, type Payload, type PayloadCodec } from '@temporalio/common';
import { temporal } from '@temporalio/proto';

const compress = promisify(gzip);
const expand = promisify(gunzip);

/** Smaller payloads stay readable in the Temporal UI. Temporal rejects payloads of more than two million bytes. */
const MIN_COMPRESSED_BYTES = 128 * 1024;
const ENCODING = 'binary/gzip';

/** Compresses large payloads. A manifest of all roles of an account exceeds Temporal's limit, and repeats itself a lot. */
class CompressingCodec implements PayloadCodec {
  async encode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.all(
      payloads.map(async (payload) => {
        if ((payload.data?.length ?? 0) < MIN_COMPRESSED_BYTES) return payload;
        const encoded = temporal.api.common.v1.Payload.encode(payload).finish();
        return { metadata: { encoding: Buffer.from(ENCODING) }, data: await compress(encoded) };
      }),
    );
  }

  async decode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.all(
      payloads.map(async (payload) => {
        if (Buffer.from(payload.metadata?.['encoding'] ?? []).toString() !== ENCODING) return payload;
        return temporal.api.common.v1.Payload.decode(await expand(payload.data ?? Buffer.alloc(0)));
      }),
    );
  }
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
