import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { temporal } from '@temporalio/proto';

const compress = promisify(gzip);
const expand = promisify(gunzip);

/** Payloads below this stay readable in the Temporal UI. In bytes; Temporal refuses two million. */
const THRESHOLD = 128 * 1024;
const ENCODING = 'binary/gzip';

/** Compresses large payloads: a manifest of an account's every role is far over Temporal's limit, and mostly repeats. */
class CompressingCodec implements PayloadCodec {
  async encode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.all(
      payloads.map(async (payload) => {
        if ((payload.data?.length ?? 0) < THRESHOLD) return payload;
        const whole = temporal.api.common.v1.Payload.encode(payload).finish();
        return { metadata: { encoding: Buffer.from(ENCODING) }, data: await compress(whole) };
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

/** How workers and clients both write and read payloads. */
export const dataConverter = { payloadCodecs: [new CompressingCodec()] };
