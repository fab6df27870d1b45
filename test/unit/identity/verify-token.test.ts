import { createHmac, createPublicKey } from 'node:crypto';
import fc from 'fast-check';
import { jsonFetcher } from '../../../src/identity/fetch-json.js';
import { IssuerKeys, IssuerUnavailableError } from '../../../src/identity/issuer-keys.js';
import type { TokenIssuer as Accepted } from '../../../src/contract/identity.js';
import { TokenError, verifyToken } from '../../../src/identity/verify-token.js';
import { TokenIssuer, type Claims } from '../../support/token-issuer.js';

const AUDIENCE = `iam-bootstrap:sha256:${'a'.repeat(64)}`;
const NOW_S = Math.floor(Date.now() / 1_000);

let issuer: TokenIssuer;
let clock = Date.now();
let keys: IssuerKeys;

beforeAll(async () => {
  issuer = await TokenIssuer.start();
});

beforeEach(() => {
  issuer.answer = undefined;
  clock = Date.now();
  keys = new IssuerKeys(jsonFetcher(), () => clock);
});

afterAll(async () => {
  await issuer.stop();
});

const accepted = (changes: Partial<Accepted> = {}): Accepted => ({
  name: 'ci',
  issuer: issuer.url,
  audience: undefined,
  jwksUri: undefined,
  clockSkewSeconds: 60,
  maxAgeSeconds: 3_600,
  ...changes,
});

const verify = (token: string, changes: Partial<Accepted> = {}) =>
  verifyToken(
    token,
    { issuers: [accepted(changes)], audience: AUDIENCE, claims: new Set(['repository', 'groups', 'admin']) },
    keys,
  );

const signed = (claims: Claims = {}, header = {}): Promise<string> => issuer.sign({ aud: AUDIENCE, ...claims }, header);

describe('a token that is accepted', () => {
  it('proves its subject, and keeps only the claims that are asked for', async () => {
    const token = await signed({
      sub: 'repo:acme/iam',
      repository: 'acme/iam',
      groups: ['a', 7],
      admin: true,
      salary: 1,
    });
    await expect(verify(token)).resolves.toMatchObject({
      identity: {
        by: 'oidc',
        issuer: 'ci',
        subject: 'repo:acme/iam',
        claims: { repository: 'acme/iam', groups: ['a', '7'], admin: 'true' },
      },
    });
  });

  it('may be signed by another key of a public-key algorithm', async () => {
    const other = await TokenIssuer.start();
    try {
      await other.rotate('ES256');
      const token = await other.sign({ aud: [AUDIENCE] });
      await expect(verify(token, { issuer: other.url })).resolves.toBeDefined();
    } finally {
      await other.stop();
    }
  });

  it('has an ID of its own, which a signature written differently does not change', async () => {
    const first = await verify(await signed({ jti: 'one' }));
    await expect(verify(await signed({ jti: 'one', sub: 'other' }))).resolves.toMatchObject({ id: first.id });
    await expect(verify(await signed({ jti: 'two' }))).resolves.not.toMatchObject({ id: first.id });
    const unnamed = await signed({ jti: undefined });
    await expect(verify(unnamed)).resolves.toMatchObject({ id: (await verify(unnamed)).id });
  });

  it('may differ from the clock of the worker by the skew that is allowed', async () => {
    await expect(verify(await signed({ nbf: NOW_S + 30, iat: NOW_S + 30 }))).resolves.toBeDefined();
    await expect(verify(await signed({ exp: NOW_S - 30 }))).resolves.toBeDefined();
  });
});

describe('a token that proves nothing', () => {
  it.each<[string, Claims, string]>([
    ['has expired', { exp: NOW_S - 120 }, 'has expired'],
    ['never expires', { exp: undefined }, 'has no claim exp'],
    ['is not valid yet', { nbf: NOW_S + 600 }, 'is not valid yet'],
    ['was made in the future', { iat: NOW_S + 600, exp: NOW_S + 900 }, 'is not valid yet'],
    ['does not tell its age', { iat: undefined }, 'has no claim iat'],
    ['is too old', { iat: NOW_S - 4_000 }, 'is older than 3600 s'],
    ['is for another request', { aud: `iam-bootstrap:sha256:${'b'.repeat(64)}` }, 'has another audience'],
    ['is for another service', { aud: 'sts.amazonaws.com' }, 'has another audience'],
    ['has no audience', { aud: undefined }, 'has no claim aud'],
    ['is for other audiences as well', { aud: [AUDIENCE, 'sts.amazonaws.com'] }, 'other audiences as well'],
    ['names no subject', { sub: undefined }, 'has no claim sub'],
    ['has an empty subject', { sub: '' }, 'names no subject'],
    ['is of another issuer', { iss: 'https://issuer.example.com' }, 'accept no tokens of its issuer'],
  ])('%s', async (_name, claims, message) => {
    const refused = verify(await signed(claims));
    await expect(refused).rejects.toThrow(TokenError);
    await expect(refused).rejects.toThrow(message);
  });

  it('is an access token', async () => {
    await expect(verify(await signed({}, { typ: 'at+jwt' }))).rejects.toThrow('is no ID token');
  });

  it('has no signature, or that of a secret which is the public key of the issuer', async () => {
    const [, payload = ''] = (await signed()).split('.');
    const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    await expect(verify(`${encode({ alg: 'none', typ: 'JWT' })}.${payload}.`)).rejects.toThrow(TokenError);
    const { kid } = issuer.publicJwk;
    const head = `${encode({ alg: 'HS256', typ: 'JWT', kid })}.${payload}`;
    const key = createPublicKey({ key: issuer.publicJwk as never, format: 'jwk' });
    const pem = key.export({ type: 'spki', format: 'pem' });
    const signature = createHmac('sha256', pem).update(head).digest('base64url');
    await expect(verify(`${head}.${signature}`)).rejects.toThrow('no signature of a public key');
  });

  it('is signed by another key with the ID of that of the issuer', async () => {
    const forger = await TokenIssuer.start();
    try {
      const token = await forger.sign({ iss: issuer.url, aud: AUDIENCE }, { kid: issuer.publicJwk.kid });
      await expect(verify(token)).rejects.toThrow('has a wrong signature');
    } finally {
      await forger.stop();
    }
  });

  it('brings its own key along', async () => {
    const forger = await TokenIssuer.start();
    try {
      const header = { jwk: forger.publicJwk, jku: `${forger.url}/keys`, kid: 'mine' };
      const token = await forger.sign({ iss: issuer.url, aud: AUDIENCE }, header);
      await expect(verify(token)).rejects.toThrow('a key that the issuer does not publish');
      expect(forger.asked).toEqual([]);
    } finally {
      await forger.stop();
    }
  });

  it('with a fixed audience is old after the age that is set', async () => {
    const fixed = { audience: 'iam-bootstrap', maxAgeSeconds: 600 };
    await expect(verify(await signed({ aud: 'iam-bootstrap' }), fixed)).resolves.toBeDefined();
    await expect(verify(await signed({ aud: 'iam-bootstrap', iat: NOW_S - 700 }), fixed)).rejects.toThrow(
      'older than 600 s',
    );
    await expect(verify(await signed(), fixed)).rejects.toThrow('another audience than iam-bootstrap');
  });

  it('is refused and breaks nothing, whatever it is, unless only its signature is written differently', async () => {
    const sound = await signed();
    const { id } = await verify(sound);
    const mutated = fc
      .tuple(fc.integer({ min: 0, max: sound.length - 8 }), fc.string({ maxLength: 3 }))
      .map(([at, text]) => sound.slice(0, at) + text + sound.slice(at + 1))
      .filter((text) => text !== sound);
    const part = fc.json().map((text) => Buffer.from(text).toString('base64url'));
    const made = fc.tuple(part, part, fc.base64String()).map((parts) => parts.join('.'));
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), mutated, made), async (text) => {
        const outcome = await verify(text).then(
          ({ id: same }) => same,
          (error: unknown) => error,
        );
        const isSame = outcome === id && text.startsWith(sound.slice(0, sound.lastIndexOf('.')));
        expect(isSame || outcome instanceof TokenError).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe('the keys of an issuer', () => {
  const countReads = (): number => issuer.asked.filter((path) => path === '/keys').length;

  it('are read once for many tokens, and again when a token names a key that is new', async () => {
    const before = countReads();
    await Promise.all([signed(), signed(), signed()].map(async (token) => verify(await token)));
    expect(countReads() - before).toBe(1);
    await issuer.rotate();
    clock += 31_000;
    await expect(verify(await signed())).resolves.toBeDefined();
    expect(countReads() - before).toBe(2);
  });

  it('are not read for each token with an invented key', async () => {
    await verify(await signed());
    const before = countReads();
    for (const kid of ['a', 'b', 'c']) {
      await expect(verify(await signed({}, { kid }))).rejects.toThrow('a key that the issuer does not publish');
    }
    expect(countReads() - before).toBe(0);
  });

  it('are not read for each token with an invented key while the issuer does not answer, and again soon', async () => {
    await verify(await signed());
    clock += 31_000;
    issuer.answer = (_request, response) => Boolean(response.writeHead(503).end());
    const before = issuer.asked.length;
    for (const kid of ['a', 'b', 'c']) {
      await expect(verify(await signed({}, { kid }))).rejects.toThrow(IssuerUnavailableError);
    }
    await expect(verify(await signed())).resolves.toBeDefined();
    expect(issuer.asked.length - before).toBe(1);
    clock += 5_000;
    await expect(verify(await signed({}, { kid: 'd' }))).rejects.toThrow(IssuerUnavailableError);
    expect(issuer.asked.length - before).toBe(2);
    issuer.answer = undefined;
    clock += 5_000;
    await expect(verify(await signed({}, { kid: 'e' }))).rejects.toThrow('a key that the issuer does not publish');
  });

  it('no longer count once the issuer has withdrawn them and they are read again', async () => {
    const old = await signed();
    await verify(old);
    await issuer.rotate();
    clock += 601_000;
    await expect(verify(old)).rejects.toThrow('a key that the issuer does not publish');
  });

  it('still count for an hour where the issuer does not answer', async () => {
    const token = await signed();
    await verify(token);
    issuer.answer = (_request, response) => Boolean(response.writeHead(503).end());
    clock += 601_000;
    await expect(verify(token)).resolves.toBeDefined();
    clock += 3_600_000;
    await expect(verify(token)).rejects.toThrow(IssuerUnavailableError);
  });

  it.each<[string, NonNullable<TokenIssuer['answer']>, string]>([
    ['answers with an error', (_, response) => Boolean(response.writeHead(503).end()), 'status 503'],
    ['shows a sign-in page', (_, response) => Boolean(response.end('<html>')), 'no JSON'],
    ['answers with a list', (_, response) => Boolean(response.end('[]')), 'no JSON object'],
    ['has no keys', (request, response) => request.url === '/keys' && Boolean(response.end('{}')), 'no list of keys'],
    [
      'answers without an end',
      (_, response) => Boolean(response.end('x'.repeat(1_100_000))),
      'more than 1000000 bytes',
    ],
    [
      'leads elsewhere',
      (_, response) => Boolean(response.writeHead(302, { location: 'https://evil.example/keys' }).end()),
      'which is not followed',
    ],
    [
      'is another one',
      (_, response) => Boolean(response.end(JSON.stringify({ issuer: 'https://evil.example', jwks_uri: 'x' }))),
      'the document of another issuer',
    ],
    [
      'names keys without TLS',
      (_, response) => Boolean(response.end(JSON.stringify({ issuer: issuer.url, jwks_uri: 'http://evil.example' }))),
      'is refused',
    ],
  ])('cannot be read where the issuer %s', async (_name, answer, message) => {
    const token = await signed();
    issuer.answer = answer;
    const failed = verify(token);
    await expect(failed).rejects.toThrow(IssuerUnavailableError);
    await expect(failed).rejects.toThrow(message);
    await expect(failed).rejects.toThrow(`the issuer ci (${issuer.url})`);
  });

  it('cannot be read where nothing listens', async () => {
    const gone = await TokenIssuer.start();
    const token = await gone.sign({ aud: AUDIENCE });
    await gone.stop();
    await expect(verify(token, { issuer: gone.url })).rejects.toThrow(IssuerUnavailableError);
  });
});
