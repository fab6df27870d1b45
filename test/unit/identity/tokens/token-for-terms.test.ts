import { type AcceptedIssuer, proofAudience } from '../../../../src/contract/identity.js';
import { tokenForTerms } from '../../../../src/identity/tokens/token-for-terms.js';

/** The token that a worker can accept: of its issuers, for the audience that it expects. */

const DIGEST = `sha256:${'a'.repeat(64)}`;
const AUDIENCE = proofAudience(DIGEST);
const NOW = new Date('2026-03-01T12:00:00Z');
const GITHUB: AcceptedIssuer = { name: 'github', issuer: 'https://token.actions.githubusercontent.com' };
const GITLAB: AcceptedIssuer = { name: 'gitlab', issuer: 'https://gitlab.com', audience: 'iam-bootstrap' };

function tokenWith(claims: object): string {
  const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${encoded({ alg: 'RS256' })}.${encoded({ exp: NOW.getTime() / 1000 + 300, ...claims })}.c2lnbmF0dXJl`;
}

/** Gets a token of a source that gives it for any audience, or for a fixed one. */
async function get(iss: string, fixed: unknown, issuers: readonly AcceptedIssuer[], claims: object = {}) {
  const asked: string[] = [];
  const source = {
    title: 'The CI',
    choosesAudience: fixed === undefined,
    token: (audience: string) => {
      asked.push(audience);
      return Promise.resolve(tokenWith({ iss, aud: fixed ?? audience, ...claims }));
    },
  };
  const result = await tokenForTerms(source, { issuers, digest: DIGEST, now: NOW }).catch((error: unknown) => error);
  return { asked, result };
}

test('a token is for this request alone where the service chooses the audience', async () => {
  const { asked, result } = await get(GITHUB.issuer, undefined, [GITLAB, GITHUB]);
  expect(asked).toEqual([AUDIENCE]);
  expect(result).toBe(tokenWith({ iss: GITHUB.issuer, aud: AUDIENCE }));
});

test('a service that chooses is never asked for an audience that the worker names: it could be that of another system', async () => {
  const { asked, result } = await get(GITLAB.issuer, undefined, [{ ...GITLAB, audience: 'sts.amazonaws.com' }]);
  expect(asked).toEqual([AUDIENCE]);
  expect(result).toMatchObject({
    remedy: expect.stringContaining('remove `identity.issuers.gitlab.audience`') as string,
  });
});

test('a token with the fixed audience of the guardrails is taken, also in a list of one', async () => {
  expect((await get(GITLAB.issuer, 'iam-bootstrap', [GITLAB])).result).toEqual(expect.any(String));
  expect((await get(GITLAB.issuer, ['iam-bootstrap'], [GITLAB])).result).toEqual(expect.any(String));
});

test.each<[string, string, unknown, AcceptedIssuer[], object, string, string]>([
  [
    'of an issuer that the guardrails do not list',
    'https://evil.example.com',
    undefined,
    [GITHUB],
    {},
    'accepts no tokens of https://evil.example.com, from The CI; its guardrails list github (https://token',
    'identity.issuers',
  ],
  [
    'with a fixed audience where the guardrails expect one of this request',
    GITHUB.issuer,
    'sts.amazonaws.com',
    [GITHUB],
    {},
    'has the audience sts.amazonaws.com, which was fixed before the command',
    'identity.issuers.github.audience: sts.amazonaws.com',
  ],
  [
    'with another fixed audience',
    GITLAB.issuer,
    'vault',
    [GITLAB],
    {},
    'has the audience vault; the worker expects iam-bootstrap alone from gitlab',
    'that audience and no other',
  ],
  [
    'for other audiences as well',
    GITLAB.issuer,
    ['iam-bootstrap', 'vault'],
    [GITLAB],
    {},
    'has the audience iam-bootstrap, vault',
    'that audience and no other',
  ],
  [
    'that has expired',
    GITLAB.issuer,
    'iam-bootstrap',
    [GITLAB],
    { exp: NOW.getTime() / 1000 - 1 },
    'the token of The CI expired at 2026-03-01T11:59:59.000Z',
    'right before the command',
  ],
])('a token %s is an error before a run starts', async (_what, iss, aud, issuers, claims, message, remedy) => {
  const { result } = await get(iss, aud, issuers, claims);
  expect(result).toMatchObject({
    message: expect.stringContaining(message) as string,
    remedy: expect.stringContaining(remedy) as string,
  });
});

test.each(['', 'not a token', 'a.b', 'a.b.c', `x.${Buffer.from('null').toString('base64url')}.y`, '{"value": "x"}'])(
  'the text %j is no token',
  async (text) => {
    const source = { title: 'The CI', choosesAudience: true, token: () => Promise.resolve(text) };
    await expect(tokenForTerms(source, { issuers: [GITHUB], digest: DIGEST, now: NOW })).rejects.toThrow(
      'The CI gives no JSON Web Token of an issuer',
    );
  },
);
