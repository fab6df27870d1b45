import { MAX_SENT_BYTES } from '../contract/request.js';

/** Returns the compressed size of data, or its size where that is small enough already. */
export async function sentBytes(data: Uint8Array): Promise<number> {
  if (data.length <= MAX_SENT_BYTES) return data.length;
  const { dataConverter } = await import('./payload-codec.js');
  let payloads = [{ metadata: {}, data }];
  for (const codec of dataConverter.payloadCodecs) {
    payloads = (await codec.encode(payloads)).map((payload) => ({ metadata: {}, data: payload.data ?? data }));
  }
  return payloads.reduce((sum, payload) => sum + payload.data.length, 0);
}
