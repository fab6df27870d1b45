import { gzipSync } from 'node:zlib';
import { defaultPayloadConverter } from '@temporalio/common';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import fc from 'fast-check';
import { dataConverter } from '../../../src/temporal/payload-codec.js';

/** The size of a payload that Temporal rejects. */
const LIMIT = 2 * 1024 * 1024;

/** The largest payload that the codec does not compress. */
const READABLE = 128 * 1024;

function codec(): PayloadCodec {
  return dataConverter.payloadCodecs[0];
}

async function encode(payload: Payload): Promise<Payload> {
  const [encoded] = await codec().encode([payload]);
  if (encoded === undefined) throw new Error('a payload was lost');
  return encoded;
}

async function decode(payload: Payload): Promise<Payload> {
  const [decoded] = await codec().decode([payload]);
  if (decoded === undefined) throw new Error('a payload was lost');
  return decoded;
}

function encodingOf({ metadata }: Payload): string {
  return Buffer.from(metadata?.['encoding'] ?? []).toString();
}

/** Converts payloads to a comparable form: some hold buffers, some hold plain arrays. */
function plain({ data, metadata }: Payload): { data: string; metadata: Record<string, string> } {
  const text = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString('base64');
  return {
    data: text(data),
    metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([key, value]) => [key, text(value)])),
  };
}

/** Decisions for the largest number of roles that AWS allows in an account. */
function largestPlan(): { readonly entities: readonly object[] } {
  const entities = Array.from({ length: 5_000 }, (_, index) => {
    const name = `application-${String(index)}-deployment-in-production`;
    return {
      kind: 'Role',
      name,
      arn: `arn:aws:iam::111111111111:role/applications/${String(index % 37)}/${name}`,
      decision: {
        action: 'update',
        drift: [{ path: 'maxSessionDuration', observed: 3600, desired: 3600 + index }],
        unmanaged: [`managedPolicyArns: arn:aws:iam::111111111111:policy/legacy-${String((index * 7919) % 5000)}`],
        reason: null,
        remedy: null,
      },
      workflowId: `iam:111111111111:Role:${name}`,
      after: [],
    };
  });
  return { entities };
}

test('leaves a small payload unchanged and readable', async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), async (value) => {
      const payload = defaultPayloadConverter.toPayload(value);
      expect(await encode(payload)).toBe(payload);
      expect(await decode(payload)).toBe(payload);
    }),
  );
});

test('restores a large payload byte for byte, with its metadata', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 2_000 }),
      fc.integer({ min: READABLE, max: READABLE * 3 }),
      fc.dictionary(fc.string({ minLength: 1, maxLength: 20 }), fc.uint8Array({ maxLength: 50 }), { maxKeys: 5 }),
      async (pattern, length, metadata) => {
        const payload = {
          data: Buffer.alloc(length, pattern),
          metadata: { ...metadata, encoding: Buffer.from('binary/plain') },
        };
        const encoded = await encode(payload);
        expect(encodingOf(encoded)).toBe('binary/gzip');
        expect(plain(await decode(encoded))).toEqual(plain(payload));
      },
    ),
    { numRuns: 30 },
  );
});

test('keeps the order and the number of payloads', async () => {
  const values = ['small', 'l'.repeat(READABLE), null, 'm'.repeat(READABLE)];
  const encoded = await codec().encode(values.map((value) => defaultPayloadConverter.toPayload(value)));
  expect(encoded.map(encodingOf)).toEqual(['json/plain', 'binary/gzip', 'json/plain', 'binary/gzip']);
  const decoded = await codec().decode(encoded);
  expect(decoded.map((payload) => defaultPayloadConverter.fromPayload(payload))).toEqual(values);
});

test('compresses the plan of the largest account below the limit', async () => {
  const plan = largestPlan();
  const payload = defaultPayloadConverter.toPayload(plan);
  expect(payload.data?.length).toBeGreaterThan(LIMIT);
  const encoded = await encode(payload);
  expect(encoded.data?.length).toBeLessThan(LIMIT / 4);
  expect(defaultPayloadConverter.fromPayload(await decode(encoded))).toEqual(plan);
});

/** Returns why a payload cannot be read; undefined where it can. */
async function unreadable(payload: Payload, context?: object): Promise<string | undefined> {
  const [decoded] = await (codec() as { decode(payloads: Payload[], context?: object): Promise<Payload[]> }).decode(
    [payload],
    context,
  );
  return defaultPayloadConverter.fromPayload<{ unreadablePayload?: string }>(decoded ?? {}).unreadablePayload;
}

function payload(encoding: string, data: Uint8Array | string): Payload {
  return { metadata: { encoding: Buffer.from(encoding) }, data: Buffer.from(data) };
}

describe('a payload that cannot be read says why in place of its value', () => {
  const large = defaultPayloadConverter.toPayload('x'.repeat(READABLE));

  test.each([
    ['no data', (): Uint8Array => new Uint8Array()],
    ['what was never compressed', (): Uint8Array => Buffer.from('{"plain":true}')],
    ['a part', (data: Uint8Array): Uint8Array => data.slice(0, -20)],
    ['a changed byte', (data: Uint8Array): Uint8Array => data.map((byte, at) => (at === 20 ? byte ^ 0xff : byte))],
  ])('%s', async (_what, spoil) => {
    const encoded = await encode(large);
    expect(await unreadable({ ...encoded, data: spoil(encoded.data ?? new Uint8Array()) })).toMatch(
      /^the payload cannot be read: it cannot be decompressed: /,
    );
  });

  test.each<[string, Payload, RegExp]>([
    ['another encoding', payload('binary/encrypted', '?'), /nothing here knows the encoding binary\/encrypted$/],
    ['no encoding', {}, /it has no encoding$/],
    ['no JSON', payload('json/plain', '{"a":'), /it is not valid JSON: /],
    ['no payload inside', payload('binary/gzip', gzipSync(Buffer.alloc(64, 0xff))), /it holds no payload: /],
  ])('%s', async (_what, sent, reason) => {
    expect(await unreadable(sent)).toMatch(reason);
  });

  test('a payload within a payload', async () => {
    const twice = temporal.api.common.v1.Payload.encode(await encode(large)).finish();
    expect(await unreadable(payload('binary/gzip', gzipSync(twice)))).toMatch(/it is compressed twice$/);
  });
});

describe('what is decompressed has a limit', () => {
  /** Compresses JSON of one long string. */
  function bomb(bytes: number): Payload {
    const inner = payload('json/plain', Buffer.concat([Buffer.from('"'), Buffer.alloc(bytes, 0x61), Buffer.from('"')]));
    return payload('binary/gzip', gzipSync(temporal.api.common.v1.Payload.encode(inner).finish()));
  }

  test('of one payload, which stops before the rest is decompressed', async () => {
    const sent = bomb(1_000_000_000);
    expect(sent.data?.length).toBeLessThan(2_000_000);
    const before = process.memoryUsage.rss();
    expect(await unreadable(sent)).toMatch(/more than 45,000,000 bytes/);
    expect(process.memoryUsage.rss() - before).toBeLessThan(200_000_000);
  });

  test('of all payloads of one task together; the next task starts anew, and another run is not counted', async () => {
    const half = bomb(20_000_000);
    const run = {};
    const reasons = await Promise.all([half, half, half, half].map((sent) => unreadable(sent, run)));
    expect(reasons.map((reason) => reason === undefined)).toEqual([true, true, false, false]);
    await new Promise(setImmediate);
    expect(await unreadable(half, run)).toBeUndefined();
    const apart = await Promise.all([half, half, half].map((sent) => unreadable(sent, {})));
    expect(apart).toEqual([undefined, undefined, undefined]);
  });
});
