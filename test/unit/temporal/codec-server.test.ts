import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultPayloadConverter, type Payload, type PayloadCodec } from '@temporalio/common';
import { type Authorize, sharedTokens } from '../../../src/temporal/codec-server/bearer.js';
import {
  type Answered,
  type CodecServer,
  type CodecServerOptions,
  startCodecServer,
} from '../../../src/temporal/codec-server/codec-server.js';
import { oidcTokens } from '../../../src/temporal/codec-server/oidc.js';
import { jsonFetcher } from '../../../src/identity/fetch-json.js';
import { IssuerKeys } from '../../../src/identity/issuer-keys.js';
import { TokenIssuer } from '../../support/token-issuer.js';
import { KeyList, parseKeys } from '../../../src/temporal/encryption/key-list.js';
import { createDataConverter } from '../../../src/temporal/payload-codec.js';

const UI = 'https://temporal.example.com';
const TOKEN = randomBytes(16).toString('hex');
const keys = new KeyList(parseKeys(`2026-01: ${randomBytes(32).toString('base64')}`, 'keys'), 'keys');
const [codec] = createDataConverter({ keys }).payloadCodecs;

const open: CodecServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function start(more: Partial<CodecServerOptions> = {}): Promise<CodecServer> {
  const server = await startCodecServer({
    ...{ codec, host: '127.0.0.1', port: 0, origins: [UI], allowsEncode: false },
    ...more,
  });
  open.push(server);
  return server;
}

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Sends a request whose headers no library changes. */
function send(
  { url }: CodecServer,
  {
    method = 'POST',
    path = '/decode',
    headers = {},
    body = '',
  }: Partial<Record<'method' | 'path' | 'body', string>> & {
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      `${url}${path}`,
      { method, headers: { 'content-type': 'application/json', ...headers } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const { statusCode: status = 0, headers: received } = response;
          resolve({ status, headers: received, body: Buffer.concat(chunks).toString() });
        });
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

function json(payloads: readonly Payload[]): string {
  const base64 = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString('base64');
  return JSON.stringify({
    payloads: payloads.map(({ metadata, data }) => ({
      metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([name, value]) => [name, base64(value)])),
      data: base64(data),
    })),
  });
}

async function encrypted(...values: readonly unknown[]): Promise<string> {
  return json(await codec.encode(values.map((value) => defaultPayloadConverter.toPayload(value))));
}

/** Returns the values in the JSON of payloads. */
function valuesOf(body: string): unknown[] {
  const { payloads } = JSON.parse(body) as { payloads: { metadata: Record<string, string>; data: string }[] };
  return payloads.map(({ metadata, data }) =>
    defaultPayloadConverter.fromPayload({
      metadata: Object.fromEntries(Object.entries(metadata).map(([name, text]) => [name, Buffer.from(text, 'base64')])),
      data: Buffer.from(data, 'base64'),
    }),
  );
}

test('decodes payloads for an allowed origin, which alone may read the answer', async () => {
  const server = await start();
  const { status, headers, body } = await send(server, {
    headers: { origin: UI, 'x-namespace': 'default' },
    body: await encrypted({ role: 'deploy' }, 'x'.repeat(300_000), null),
  });
  expect(status).toBe(200);
  expect(headers).toMatchObject({ 'access-control-allow-origin': UI, vary: 'Origin', 'cache-control': 'no-store' });
  expect(valuesOf(body)).toEqual([{ role: 'deploy' }, 'x'.repeat(300_000), null]);
});

test('answers the preflight of an allowed origin, and no other', async () => {
  const server = await start();
  const asked = { method: 'OPTIONS', headers: { origin: UI, 'access-control-request-method': 'POST' } };
  expect(await send(server, asked)).toMatchObject({
    status: 204,
    headers: { 'access-control-allow-headers': 'authorization, content-type, x-namespace' },
  });
  for (const origin of ['https://evil.example', 'null', `${UI}.evil.example`, UI.replace('https', 'http')]) {
    const { status, headers } = await send(server, { ...asked, headers: { origin } });
    expect([status, headers['access-control-allow-origin']]).toEqual([403, undefined]);
  }
});

test('refuses other origins before it decodes anything', async () => {
  const decode = jest.fn<Promise<Payload[]>, [Payload[]]>();
  const server = await start({ codec: { decode, encode: decode } satisfies PayloadCodec });
  const body = await encrypted('secret');
  const reply = await send(server, { headers: { origin: 'https://evil.example' }, body });
  expect([reply.status, reply.body]).toEqual([403, expect.stringContaining('--origin') as string]);
  expect(decode).not.toHaveBeenCalled();
});

test('without authorization it answers to names of this machine only, so that no site can point its own name here', async () => {
  const server = await start();
  const body = await encrypted('secret');
  const { port } = new URL(server.url);
  const statusOf = async (host: string): Promise<number> => (await send(server, { headers: { host }, body })).status;
  expect(await statusOf(`localhost:${port}`)).toBe(200);
  expect(await statusOf(`evil.example:${port}`)).toBe(403);
  expect(await statusOf('127.0.0.1.evil.example')).toBe(403);
});

test('does not start on a public address without authorization', async () => {
  await expect(start({ host: '0.0.0.0' })).rejects.toThrow(/would decrypt for everyone who reaches 0\.0\.0\.0:0/);
});

describe('with authorization', () => {
  const authorize: Authorize = (token) =>
    Promise.resolve(token === TOKEN ? { subject: 'alice' } : { refused: 'the token is unknown' });

  test.each<[string, Readonly<Record<string, string>>]>([
    ['no token', {}],
    ['a wrong token', { authorization: `Bearer ${'0'.repeat(32)}` }],
    ['another scheme', { authorization: `Basic ${TOKEN}` }],
    ['a token in the wrong place', { 'x-token': TOKEN }],
  ])('%s is refused', async (_what, headers) => {
    const server = await start({ authorize });
    const reply = await send(server, { headers, body: await encrypted('secret') });
    expect([reply.status, reply.headers['www-authenticate']]).toEqual([401, 'Bearer']);
    expect(reply.body).not.toContain('secret');
  });

  test('the owner of the token is served, and named in the log beside no content', async () => {
    const answers: Answered[] = [];
    const server = await start({ authorize, onAnswer: (answer) => answers.push(answer) });
    const headers = { origin: UI, authorization: `Bearer ${TOKEN}`, 'x-namespace': 'default' };
    expect((await send(server, { headers, body: await encrypted('secret') })).status).toBe(200);
    expect(answers).toEqual([
      { path: '/decode', status: 200, payloads: 1, origin: UI, namespace: 'default', subject: 'alice', reason: null },
    ]);
  });

  test('shared tokens come from a file, one a line, and short ones are refused', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tokens-'));
    try {
      const path = join(folder, 'tokens');
      writeFileSync(path, `${'a'.repeat(32)}\n${TOKEN}\n`);
      const check = sharedTokens(path);
      expect(await check(TOKEN)).toEqual({ subject: 'shared token' });
      expect(await check(`${TOKEN}0`)).toEqual({ refused: 'the token is unknown' });
      writeFileSync(path, 'short\n');
      expect(() => sharedTokens(path)).toThrow(/has a token of less than 32 characters/);
      expect(() => sharedTokens(join(folder, 'missing'))).toThrow(/cannot be read: ENOENT/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

test('encodes only where that is allowed', async () => {
  const body = json([defaultPayloadConverter.toPayload({ plan: 1 })]);
  expect((await send(await start(), { path: '/encode', body })).status).toBe(404);
  const server = await start({ allowsEncode: true });
  const encoded = await send(server, { path: '/encode', body });
  expect(encoded.body).not.toContain('plan');
  expect(valuesOf((await send(server, { body: encoded.body })).body)).toEqual([{ plan: 1 }]);
});

test('what cannot be decrypted stands in its place with the reason', async () => {
  const server = await start();
  const { payloads } = JSON.parse(await encrypted('one', 'two')) as { payloads: { data: string }[] };
  if (payloads[0] !== undefined) payloads[0].data = Buffer.alloc(40).toString('base64');
  const { body } = await send(server, { body: JSON.stringify({ payloads }) });
  expect(valuesOf(body)).toEqual([
    expect.objectContaining({ unreadablePayload: expect.stringContaining('it was changed') as string }),
    'two',
  ]);
});

test.each<[string, object, number]>([
  ['no JSON', { body: '{' }, 400],
  ['no list', { body: '{"payloads":{}}' }, 400],
  ['no object', { body: '[]' }, 400],
  ['a payload that is none', { body: '{"payloads":[1]}' }, 400],
  ['data that is no base64', { body: '{"payloads":[{"data":"<script>"}]}' }, 400],
  ['metadata that is a list', { body: '{"payloads":[{"metadata":["x"]}]}' }, 400],
  ['too many payloads', { body: JSON.stringify({ payloads: Array.from({ length: 10_001 }, () => ({})) }) }, 400],
  ['another method', { method: 'GET' }, 405],
  ['another type', { headers: { 'content-type': 'text/plain' }, body: '{}' }, 415],
  ['another path', { path: '/decode/../secrets' }, 404],
  ['a large body', { body: `"${'x'.repeat(17 * 1024 * 1024)}"` }, 413],
])('refuses %s, and repeats nothing of it', async (_what, request, status) => {
  const server = await start();
  const reply = await send(server, request).catch((error: unknown) => error);
  // A client that still sends may see that the connection was closed instead of the answer.
  if (reply instanceof Error)
    expect([status, reply]).toEqual([
      413,
      expect.objectContaining({ code: expect.stringMatching(/EPIPE|ECONNRESET/) as string }),
    ]);
  else expect(reply).toMatchObject({ status, body: expect.not.stringMatching(/<script>|xxxx/) as string });
  expect((await send(server, { body: await encrypted('next') })).status).toBe(200);
});

test('refuses more than eight requests at a time, and serves the next one', async () => {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const reached = { count: 0, all: (): void => undefined };
  const full = new Promise<void>((resolve) => (reached.all = resolve));
  const slow: PayloadCodec = {
    encode: (payloads) => Promise.resolve(payloads),
    decode: async (payloads) => {
      reached.count += 1;
      if (reached.count === 8) reached.all();
      await held;
      return payloads;
    },
  };
  const server = await start({ codec: slow });
  const body = '{"payloads":[]}';
  const eight = Array.from({ length: 8 }, () => send(server, { body }));
  await full;
  expect(await send(server, { body })).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  release();
  expect((await Promise.all(eight)).map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
  expect((await send(server, { body })).status).toBe(200);
});

test('survives what is no HTTP', async () => {
  const server = await start();
  const { port } = new URL(server.url);
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), '127.0.0.1', () => socket.end('\u0000\u0001 no HTTP\r\n\r\n'));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      resolve();
    });
    socket.resume();
  });
  expect((await send(server, { body: await encrypted('next') })).status).toBe(200);
});

describe('with tokens of an OIDC issuer', () => {
  let issuer: TokenIssuer;
  beforeAll(async () => {
    issuer = await TokenIssuer.start();
  });
  afterAll(() => issuer.stop());

  const authorizeFor = (claims: readonly string[] = []): Authorize =>
    oidcTokens({ issuer: issuer.url, audience: 'temporal-ui', claims }, new IssuerKeys(jsonFetcher()));
  const ask = async (authorize: Authorize, token: string): Promise<readonly [number, string]> => {
    const server = await start({ authorize });
    const headers = { origin: UI, authorization: `Bearer ${token}` };
    const { status, body } = await send(server, { headers, body: await encrypted('secret') });
    return [status, body];
  };

  test('serves the owner of a token for its audience with an accepted claim', async () => {
    const claims = { aud: 'temporal-ui', groups: ['staff', 'security'] };
    expect((await ask(authorizeFor(), await issuer.sign(claims)))[0]).toBe(200);
    const authorize = authorizeFor(['groups=platform', 'groups=security']);
    expect((await ask(authorize, await issuer.sign(claims)))[0]).toBe(200);
    expect(await authorize(await issuer.sign(claims))).toEqual({ subject: 'someone' });
  });

  test.each<[string, () => Promise<string>, RegExp]>([
    ['of another audience', () => issuer.sign({ aud: 'another' }), /another audience/],
    ['that has expired', () => issuer.sign({ aud: 'temporal-ui', iat: 1, exp: 2 }), /expired|older/],
    [
      'of another issuer',
      () => issuer.sign({ aud: 'temporal-ui', iss: 'https://evil.example' }),
      /codec server accepts/,
    ],
    ['without the claim', () => issuer.sign({ aud: 'temporal-ui', groups: ['staff'] }), /no accepted groups/],
    ['that is none', () => Promise.resolve('a.b.c'), /no JSON Web Token/],
  ])('refuses a token %s', async (_what, token, reason) => {
    const [status, body] = await ask(authorizeFor(['groups=security']), await token());
    expect([status, body]).toEqual([401, expect.stringMatching(reason)]);
  });

  test('refuses a token that the issuer did not sign', async () => {
    const [header, claims] = (await issuer.sign({ aud: 'temporal-ui' })).split('.');
    const [status] = await ask(
      authorizeFor(),
      `${header ?? ''}.${claims ?? ''}.${Buffer.alloc(256).toString('base64url')}`,
    );
    expect(status).toBe(401);
  });

  test('answers that it cannot tell while the issuer does not answer', async () => {
    const token = await issuer.sign({ aud: 'temporal-ui' });
    issuer.answer = (_request, response) => {
      response.writeHead(500).end();
      return true;
    };
    try {
      expect((await ask(authorizeFor(), token))[0]).toBe(503);
    } finally {
      issuer.answer = undefined;
    }
  });

  test('takes no issuer without TLS, and no claim without a value', () => {
    const keysOf = new IssuerKeys(jsonFetcher());
    const options = { issuer: 'http://login.example.com', audience: 'a', claims: [] };
    expect(() => oidcTokens(options, keysOf)).toThrow(/--issuer http:\/\/login\.example\.com is refused/);
    const claims = ['groups'];
    expect(() => oidcTokens({ ...options, issuer: issuer.url, claims }, keysOf)).toThrow(/expected name=value/);
  });
});
