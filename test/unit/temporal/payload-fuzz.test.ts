import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import fc from 'fast-check';
import { unreadableReason } from '../../../src/contract/unreadable.js';
import { dataConverter } from '../../../src/temporal/payload-codec.js';

const [codec] = dataConverter.payloadCodecs;
const text = (value: string): Uint8Array => Buffer.from(value);

/** A value that is large enough to be sent compressed. */
const VALUE = {
  entities: Array.from({ length: 10_000 }, (_, index) => ({ name: `role-${String(index)}`, state: 'present' })),
};

async function sent(): Promise<Payload> {
  const [payload] = await codec.encode([
    { metadata: { encoding: text('json/plain') }, data: text(JSON.stringify(VALUE)) },
  ]);
  if (payload === undefined) throw new Error('no payload');
  return payload;
}

/** Returns what a receiver gets: a value, or why there is none. An error would fail its task for ever. */
async function received(payload: Payload): Promise<unknown> {
  const [decoded] = await codec.decode([payload]);
  return decoded === undefined ? null : defaultPayloadConverter.fromPayload(decoded);
}

test('what is sent is received', async () => {
  const payload = await sent();
  expect(payload.data?.length).toBeLessThan(JSON.stringify(VALUE).length);
  expect(await received(payload)).toEqual(VALUE);
});

test('a compressed payload whose bytes were changed, cut or doubled is what was sent, or unreadable', async () => {
  const payload = await sent();
  const data = Buffer.from(payload.data ?? []);
  await fc.assert(
    fc.asyncProperty(
      fc.nat(data.length - 1),
      fc.nat(255),
      fc.constantFrom('change', 'cut', 'double'),
      async (at, byte, how) => {
        const changed = Buffer.from(data);
        changed[at] = byte;
        const bytes = { change: changed, cut: data.subarray(0, at), double: Buffer.concat([data, data.subarray(at)]) }[
          how
        ];
        const value = await received({ ...payload, data: bytes });
        if (unreadableReason(value) === null) expect(value).toEqual(VALUE);
      },
    ),
    { numRuns: 300 },
  );
});

test('any bytes that claim to be compressed are a value or unreadable, and so are any bytes that are', async () => {
  const { metadata } = await sent();
  const claimed = fc.uint8Array({ maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(claimed, fc.boolean(), async (bytes, isGzip) => {
      const value = await received({ metadata: metadata ?? {}, data: isGzip ? gzipSync(bytes) : bytes });
      expect(value === undefined || value === null || unreadableReason(value) !== null).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test('any encoding with any bytes is a value or unreadable', async () => {
  const encodings = fc.oneof(
    fc.string(),
    fc.constantFrom('json/plain', 'binary/plain', 'binary/null', 'binary/gzip', '__proto__'),
  );
  await fc.assert(
    fc.asyncProperty(encodings, fc.uint8Array({ maxLength: 100 }), async (encoding, data) => {
      await expect(codec.decode([{ metadata: { encoding: text(encoding) }, data }])).resolves.toHaveLength(1);
    }),
    { numRuns: 300 },
  );
  await expect(codec.decode([{}, { metadata: {} }, { data: randomBytes(10) }])).resolves.toHaveLength(3);
});
