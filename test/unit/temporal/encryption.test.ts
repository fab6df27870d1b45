import { randomBytes } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { defaultPayloadConverter, type Payload, type PayloadCodec } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import fc from 'fast-check';
import { loadConfig } from '../../../src/config/config.js';
import type { Unreadable } from '../../../src/contract/unreadable.js';
import { KeyFile, KeyList, parseKeys } from '../../../src/temporal/encryption/key-list.js';
import { CombinedKeys, type KeySource } from '../../../src/temporal/encryption/keys.js';
import { type DataKeys, KmsKeys } from '../../../src/temporal/encryption/kms-keys.js';
import { openEncryption } from '../../../src/temporal/encryption/open.js';
import { createDataConverter, dataConverter, type CodecOptions } from '../../../src/temporal/payload-codec.js';

const OLD = `2025-01: ${randomBytes(32).toString('base64')}`;
const NEW = `2026-01: ${randomBytes(32).toString('base64')}`;
const { toPayload, fromPayload } = {
  toPayload: (value: unknown): Payload => defaultPayloadConverter.toPayload(value),
  fromPayload: <T>(payload: Payload): T => defaultPayloadConverter.fromPayload<T>(payload),
};

type Codec = Required<Pick<PayloadCodec, 'encode'>> & {
  decode(payloads: Payload[], context?: object): Promise<Payload[]>;
};

function codec(options: CodecOptions): Codec {
  return createDataConverter(options).payloadCodecs[0];
}

function keys(...lines: readonly string[]): KeySource {
  return new KeyList(parseKeys(lines.join('\n'), 'keys'), 'keys');
}

async function encode(value: unknown, source: KeySource = keys(NEW)): Promise<Payload> {
  const [encoded] = await codec({ keys: source }).encode([toPayload(value)]);
  if (encoded === undefined) throw new Error('a payload was lost');
  return encoded;
}

async function decode<T>(payload: Payload, options: CodecOptions = { keys: keys(NEW) }, context?: object): Promise<T> {
  const [decoded] = await codec(options).decode([payload], context);
  return fromPayload<T>(decoded ?? {});
}

async function reasonOf(payload: Payload, options?: CodecOptions, context?: object): Promise<string | undefined> {
  return (await decode<Partial<Unreadable> | null>(payload, options, context))?.unreadablePayload;
}

function meta({ metadata }: Payload): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString()]),
  );
}

describe('an encrypted payload', () => {
  test('is read again, whatever its value and size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.integer({ min: 0, max: 300_000 }), async (value, size) => {
        const padded = { value, padding: 'x'.repeat(size) };
        expect(JSON.stringify(await decode(await encode(padded)))).toBe(JSON.stringify(padded));
      }),
      { numRuns: 40 },
    );
  });

  test('has the encoding and the key ID that tools show, and nothing of the value', async () => {
    const encoded = await encode('arn:aws:iam::111111111111:role/secret');
    expect(meta(encoded)).toEqual({
      encoding: 'binary/encrypted',
      'encryption-key-id': '2026-01',
      'encryption-key-check': expect.stringMatching(/^[\w-]{12}$/) as string,
    });
    expect(Buffer.from(encoded.data ?? []).toString('latin1')).not.toMatch(/arn|secret|json/);
  });

  test('has a nonce of its own', async () => {
    const source = keys(NEW);
    const encoded = await Promise.all(Array.from({ length: 500 }, () => encode('same', source)));
    const nonces = encoded.map(({ data }) =>
      Buffer.from(data ?? [])
        .subarray(0, 12)
        .toString('hex'),
    );
    expect(new Set(nonces).size).toBe(500);
  });

  test('is compressed before its encryption', async () => {
    const encoded = await encode('x'.repeat(1_000_000));
    expect(encoded.data?.length).toBeLessThan(10_000);
  });

  test('that was changed in any byte, or has the tag of another one, is refused', async () => {
    const encoded = await encode({ document: 'x'.repeat(200) });
    const data = Buffer.from(encoded.data ?? []);
    const places = { nonce: 3, start: 12, middle: 100, tag: data.length - 1 };
    for (const at of Object.values(places)) {
      const changed = Buffer.from(data);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(await reasonOf({ ...encoded, data: changed })).toMatch(
        /it was changed after its encryption with key 2026-01$/,
      );
    }
    const other = Buffer.from((await encode({ document: 'y'.repeat(200) })).data ?? []);
    const swapped = Buffer.concat([data.subarray(0, -16), other.subarray(-16)]);
    expect(await reasonOf({ ...encoded, data: swapped })).toMatch(/it was changed/);
    expect(await reasonOf({ ...encoded, data: data.subarray(0, 20) })).toMatch(/it is too short/);
    expect(await reasonOf({ ...encoded, data: data.subarray(0, -1) })).toMatch(/it was changed/);
  });

  test('that claims another key ID is not read by the key that made it', async () => {
    const bytes = NEW.split(': ')[1] ?? '';
    const encoded = await encode('value');
    const metadata = { ...encoded.metadata, 'encryption-key-id': Buffer.from('2025-01') };
    // The same bytes under another ID are another key.
    expect(await reasonOf({ ...encoded, metadata }, { keys: keys(NEW, `2025-01: ${bytes}`) })).toMatch(
      /encrypted with key 2025-01, which is not here/,
    );
  });

  test('within an encrypted or a compressed one is refused', async () => {
    const source = keys(NEW);
    const encoded = await encode('value', source);
    const [twice] = await codec({ keys: source }).encode([encoded]);
    expect(await reasonOf(twice ?? {}, { keys: source })).toMatch(/it is encrypted twice$/);
    const gzip = {
      metadata: { encoding: Buffer.from('binary/gzip') },
      data: gzipSync(temporal.api.common.v1.Payload.encode(encoded).finish()),
    };
    expect(await reasonOf(gzip, { keys: source })).toMatch(/it is encrypted before its compression$/);
    const [both] = await codec({ keys: source }).encode([gzip]);
    expect(await reasonOf(both ?? {}, { keys: source })).toMatch(/it is encrypted before its compression$/);
  });

  test('of another program, without our metadata, counts as an unknown encoding', async () => {
    const foreign = { metadata: { encoding: Buffer.from('binary/encrypted') }, data: Buffer.from('?') };
    for (const options of [{}, { keys: keys(NEW) }, { isWorker: true }]) {
      expect(await reasonOf(foreign, options)).toMatch(/nothing here knows the encoding binary\/encrypted/);
    }
  });

  test('counts in the budget of its task', async () => {
    const source = keys(NEW);
    const large = await Promise.all(
      Array.from({ length: 3 }, () => codec({ keys: source }).encode([toPayload('x'.repeat(20_000_000))])),
    );
    const one = codec({ keys: source });
    const task = {};
    const reasons = await Promise.all(
      large.map(async ([payload]) => {
        const [decoded] = await one.decode([payload ?? {}], task);
        return fromPayload<Partial<Unreadable> | string>(decoded ?? {});
      }),
    );
    expect(reasons.map((value) => typeof value)).toEqual(['string', 'string', 'object']);
  });
});

describe('rotation', () => {
  test('reads old payloads by any later key of the list, and encrypts with the first', async () => {
    const old = await encode('before', keys(OLD));
    const source = keys(NEW, OLD);
    expect(await decode(old, { keys: source })).toBe('before');
    expect(meta(await encode('after', source))['encryption-key-id']).toBe('2026-01');
  });

  test('reads payloads from before encryption, unless encryption is required', async () => {
    const plain = toPayload({ plain: true });
    expect(await decode(plain)).toEqual({ plain: true });
    expect(await reasonOf(plain, { keys: keys(NEW), isRequired: true })).toMatch(
      /it is not encrypted, and IAM_BOOTSTRAP_ENCRYPTION=required$/,
    );
    const [gzip] = await codec({}).encode([toPayload('x'.repeat(200_000))]);
    expect(await reasonOf(gzip ?? {}, { keys: keys(NEW), isRequired: true })).toMatch(/it is not encrypted/);
    expect(await decode(await encode('value'), { keys: keys(NEW), isRequired: true })).toBe('value');
  });

  test('takes a key from the file as soon as a payload needs it, and keeps the old ones if the file is broken', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'keys-'));
    try {
      const path = join(folder, 'keys');
      const replace = (text: string): void => {
        writeFileSync(`${path}.new`, text);
        renameSync(`${path}.new`, path);
      };
      replace(`# the first\n${OLD}\n`);
      const changes: unknown[] = [];
      let now = 0;
      const file = new KeyFile(
        path,
        ({ ids, error }) => changes.push([ids, error?.message]),
        () => now,
      );
      const fresh = await encode('fresh');
      expect(await reasonOf(fresh, { keys: file })).toMatch(/key 2026-01, which is not here; add it to \S+KEYS_FILE=/);
      replace(`${OLD}\n${NEW}\n`);
      expect(await decode(fresh, { keys: file })).toBe('fresh');
      expect((await file.current()).id).toBe('2025-01');
      replace(`${NEW}\n${OLD}\n`);
      expect((await file.current()).id).toBe('2025-01');
      now += 1_000;
      expect((await file.current()).id).toBe('2026-01');
      replace('2027-01: short');
      now += 1_000;
      expect((await file.current()).id).toBe('2026-01');
      expect(changes).toEqual([
        [['2025-01', '2026-01'], undefined],
        [['2026-01', '2025-01'], undefined],
        [['2026-01', '2025-01'], expect.stringMatching(/line 1: key 2027-01 has 3 bytes/) as string],
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('a worker without the key', () => {
  test.each<[string, CodecOptions]>([
    ['any key', { isWorker: true }],
    ['this key', { isWorker: true, keys: keys(OLD) }],
    ['its bytes', { isWorker: true, keys: keys(`2026-01: ${randomBytes(32).toString('base64')}`) }],
  ])('lacks %s: the argument of a run fails its task, which Temporal tries again', async (_what, options) => {
    const encoded = await encode('request');
    const one = codec(options);
    const run = {};
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      await expect(one.decode([encoded], run)).rejects.toThrow(
        /encrypted with key 2026-01, which is not here; add it to/,
      );
    }
  });

  test('goes on where a signal to a readable run names an invented key', async () => {
    const one = codec({ isWorker: true, keys: keys(NEW) });
    const run = {};
    const invented = await encode('signal', keys(OLD));
    await one.decode([await encode('request')], run);
    const [decoded] = await one.decode([invented], run);
    expect(fromPayload<Unreadable>(decoded ?? {})).toMatchObject({ encryptionKey: '2025-01' });
  });

  test('is a client: what it cannot read never fails, and names the key', async () => {
    const encoded = await encode('memo');
    const [decoded] = await (dataConverter.payloadCodecs[0] as Codec).decode([encoded], {});
    expect(fromPayload<Unreadable>(decoded ?? {})).toMatchObject({ encryptionKey: '2026-01' });
  });

  test('shows an invented key ID without control characters', async () => {
    const encoded = await encode('memo');
    const metadata = { ...encoded.metadata, 'encryption-key-id': Buffer.from('\u001b[31m<b>') };
    expect(await reasonOf({ ...encoded, metadata }, {})).toMatch(/with key \?\?31m\?b\?, which/);
  });
});

describe('data keys of KMS', () => {
  const ARN = 'arn:aws:kms:eu-west-1:111111111111:key/11111111-2222-3333-4444-555555555555';
  const OTHER = 'arn:aws:kms:eu-west-1:111111111111:alias/other';

  class FakeKms implements DataKeys {
    readonly made = new Map<string, { arn: string; bytes: Buffer }>();
    calls = { generate: 0, decrypt: 0 };
    failure: Error | undefined;

    generate(arn: string): Promise<{ plaintext: Uint8Array; ciphertext: Uint8Array }> {
      this.calls.generate += 1;
      if (this.failure !== undefined) return Promise.reject(this.failure);
      const [bytes, ciphertext] = [randomBytes(32), randomBytes(180)];
      this.made.set(ciphertext.toString('hex'), { arn, bytes: Buffer.from(bytes) });
      return Promise.resolve({ plaintext: bytes, ciphertext });
    }

    decrypt(arn: string, ciphertext: Uint8Array): Promise<Uint8Array | undefined> {
      this.calls.decrypt += 1;
      if (this.failure !== undefined) return Promise.reject(this.failure);
      const found = this.made.get(Buffer.from(ciphertext).toString('hex'));
      return Promise.resolve(found?.arn === arn ? Buffer.from(found.bytes) : undefined);
    }
  }

  test('travel with each payload, and are decrypted once by each process', async () => {
    const kms = new FakeKms();
    const writer = new KmsKeys([ARN], kms);
    const encoded = await Promise.all([1, 2, 3].map((value) => encode(value, writer)));
    expect(meta(encoded[0] ?? {})).toMatchObject({ 'encryption-key-id': ARN });
    const reader = codec({ keys: new KmsKeys([ARN], kms) });
    const decoded = await Promise.all(encoded.map((payload) => reader.decode([payload])));
    expect(decoded.map(([payload]) => fromPayload(payload ?? {}))).toEqual([1, 2, 3]);
    expect(await decode(encoded[0] ?? {}, { keys: writer })).toBe(1);
    expect(kms.calls).toEqual({ generate: 1, decrypt: 1 });
  });

  test('are made anew after a day', async () => {
    const kms = new FakeKms();
    let now = 0;
    const source = new KmsKeys([ARN], kms, () => now);
    await encode(1, source);
    now += 24 * 3_600_000;
    await encode(2, source);
    expect(kms.calls.generate).toBe(2);
  });

  test('of an outage fail the task of any payload, and are asked for again', async () => {
    const kms = new FakeKms();
    const encoded = await encode('value', new KmsKeys([ARN], kms));
    const one = codec({ isWorker: true, keys: new KmsKeys([ARN], kms) });
    const run = {};
    await one.decode([toPayload('request')], run);
    kms.failure = Object.assign(new Error('try again'), { name: 'KMSInternal', $metadata: { httpStatusCode: 500 } });
    await expect(one.decode([encoded], run)).rejects.toThrow(/KMS does not give its data key: KMSInternal: try again/);
    kms.failure = undefined;
    expect(fromPayload((await one.decode([encoded], run))[0] ?? {})).toBe('value');
  });

  test('that KMS refuses to decrypt fail the task of the argument, and no later one: any client can name a disabled key', async () => {
    const kms = new FakeKms();
    const encoded = await encode('value', new KmsKeys([ARN], kms));
    const one = codec({ isWorker: true, keys: new KmsKeys([ARN], kms) });
    kms.failure = Object.assign(new Error('disabled'), {
      name: 'DisabledException',
      $metadata: { httpStatusCode: 400 },
    });
    const run = {};
    await expect(one.decode([encoded], run)).rejects.toThrow(/KMS does not give its data key: Disabled/);
    await one.decode([toPayload('request')], run);
    const [signal = {}] = await one.decode([encoded], run);
    expect(fromPayload(signal)).toMatchObject({ unreadablePayload: expect.stringContaining('disabled') as string });
  });

  test('that are empty are not sent to KMS', async () => {
    const kms = new FakeKms();
    const encoded = await encode('value', new KmsKeys([ARN], kms));
    const metadata = { ...encoded.metadata, 'encryption-data-key': new Uint8Array() };
    const payload = { ...encoded, metadata };
    expect(await reasonOf(payload, { keys: new KmsKeys([ARN], kms), isWorker: true })).toContain('encoding');
    expect(kms.calls.decrypt).toBe(0);
  });

  test('that KMS did not make are refused, and asked for once', async () => {
    const kms = new FakeKms();
    const source = new KmsKeys([ARN], kms);
    const encoded = await encode('value', new KmsKeys([ARN], kms));
    const metadata = { ...encoded.metadata, 'encryption-data-key': randomBytes(180) };
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      expect(await reasonOf({ ...encoded, metadata }, { keys: source, isWorker: true })).toMatch(
        /KMS did not make its data key with arn:/,
      );
    }
    expect(kms.calls.decrypt).toBe(1);
  });

  test('of keys that are not configured are never sent to KMS', async () => {
    const kms = new FakeKms();
    const encoded = await encode('value', new KmsKeys([OTHER], kms));
    expect(await reasonOf(encoded, { keys: new KmsKeys([ARN], kms) })).toMatch(/which is not here/);
    expect(kms.calls.decrypt).toBe(0);
    expect(await decode(encoded, { keys: new KmsKeys([ARN, OTHER], kms) })).toBe('value');
  });

  test('encrypt beside configured keys, which decrypt only', async () => {
    const kms = new FakeKms();
    const source = new CombinedKeys([new KmsKeys([ARN], kms), keys(OLD)]);
    expect(await decode(await encode('before', keys(OLD)), { keys: source })).toBe('before');
    expect(meta(await encode('after', source))['encryption-key-id']).toBe(ARN);
    expect(source.ids()).toEqual([ARN, '2025-01']);
  });
});

describe('keys that cannot be used are refused at the start', () => {
  const key = randomBytes(32).toString('base64');

  test.each<[string, Readonly<Record<string, string>>, RegExp]>([
    ['no key', { IAM_BOOTSTRAP_ENCRYPTION_KEYS: '# none' }, /has no key/],
    ['a key of another size', { IAM_BOOTSTRAP_ENCRYPTION_KEYS: 'a: AAAA' }, /line 1: key a has 3 bytes; expected 32/],
    ['no base64', { IAM_BOOTSTRAP_ENCRYPTION_KEYS: 'a: ?' }, /key a has text that is not base64/],
    ['a key alone', { IAM_BOOTSTRAP_ENCRYPTION_KEYS: key }, /line 1: expected a key ID, a colon and the key/],
    ['zeros', { IAM_BOOTSTRAP_ENCRYPTION_KEYS: `a: ${Buffer.alloc(32).toString('base64')}` }, /key a is not random/],
    ['an ID twice', { IAM_BOOTSTRAP_ENCRYPTION_KEYS: `${NEW},${NEW}` }, /line 2: there is another key with the ID/],
    ['no file', { IAM_BOOTSTRAP_ENCRYPTION_KEYS_FILE: '/nowhere/keys' }, /cannot be read: ENOENT/],
    ['a folder', { IAM_BOOTSTRAP_ENCRYPTION_KEYS_FILE: '/' }, /is not a regular file/],
    [
      'two sources',
      { IAM_BOOTSTRAP_ENCRYPTION_KEYS: NEW, IAM_BOOTSTRAP_ENCRYPTION_KEYS_FILE: '/keys' },
      /both \S+ and \S+ are set/,
    ],
    ['no ARN', { IAM_BOOTSTRAP_ENCRYPTION_KMS_KEY: 'alias/x' }, /is alias\/x; expected the ARN/],
    ['required without keys', { IAM_BOOTSTRAP_ENCRYPTION: 'required' }, /is set without keys/],
  ])('%s', async (_what, environment, message) => {
    const thrown: unknown = await openEncryption(loadConfig(environment)).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ name: 'ConfigError', message: expect.stringMatching(message) as string });
    // A message may name IDs, and no part of a key.
    expect((thrown as Error).message).not.toContain(key.slice(0, 8));
  });

  test('another mode than required', () => {
    expect(() => loadConfig({ IAM_BOOTSTRAP_ENCRYPTION: 'on' })).toThrow(/is on; expected required/);
  });

  test('YAML with quotes and comments is accepted', () => {
    const text = `---\n# keys\n"2026-01": '${key}' # new\n${OLD}\n`;
    expect(parseKeys(text, 'keys').map(({ id }) => id)).toEqual(['2026-01', '2025-01']);
  });
});
