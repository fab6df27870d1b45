import { createHash } from 'node:crypto';
import type { JWTPayload, JWTVerifyResult } from 'jose';
import type { Identity, TokenIssuer } from '../contract/identity.js';
import type { IssuerKeys } from './issuer-keys.js';

/** Signatures that only the owner of a private key can make. A list without them would take HS256 with a public key. */
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA'],
] as const;

/** The longest text of a claim, and of a subject. */
const MAX_CLAIM_LENGTH = 1_000;

/** The maximum number of members of a claim that is a list. */
const MAX_MEMBERS = 500;

/** Reports that a token proves nothing here. The message says why, and holds nothing of the token but its claims. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
}

/** The content that a token has to have. */
export interface Expected {
  readonly issuers: readonly TokenIssuer[];
  /** The audience that only this proof has. */
  readonly audience: string;
  /** The names of the claims to keep. */
  readonly claims: ReadonlySet<string>;
}

/** A token that was verified. */
export interface VerifiedToken {
  readonly identity: Identity;
  /** A digest that tells it from all other tokens, for those who remember which were used. */
  readonly id: string;
}

/**
 * Verifies a token.
 *
 * @throws TokenError, IssuerUnavailableError
 */
export async function verifyToken(
  token: string,
  { issuers, audience, claims }: Expected,
  keys: IssuerKeys,
  now = new Date(),
): Promise<VerifiedToken> {
  const { createLocalJWKSet, jwtVerify } = await import('jose');
  const issuer = await issuerOf(token, issuers);
  const expected = issuer.audience ?? audience;
  let result: JWTVerifyResult;
  try {
    result = await jwtVerify(
      token,
      async (header, jws) => createLocalJWKSet(await keys.keysOf(issuer, header.kid))(header, jws),
      {
        issuer: issuer.issuer,
        audience: expected,
        algorithms: [...ALGORITHMS],
        clockTolerance: issuer.clockSkewSeconds,
        maxTokenAge: issuer.maxAgeSeconds,
        requiredClaims: ['exp', 'sub'],
        currentDate: now,
      },
    );
  } catch (error) {
    throw translate(error, issuer, expected);
  }
  const { payload, protectedHeader } = result;
  const refuse = (why: string): never => {
    throw new TokenError(`the token of ${issuer.name} ${why}`);
  };
  if (protectedHeader.typ !== undefined && protectedHeader.typ.toUpperCase() !== 'JWT') refuse('is no ID token');
  if (Array.isArray(payload.aud) && payload.aud.length !== 1) refuse('is for other audiences as well');
  const { sub } = payload;
  if (typeof sub !== 'string' || sub === '' || sub.length > MAX_CLAIM_LENGTH) return refuse('names no subject');
  return {
    identity: { by: 'oidc', issuer: issuer.name, subject: sub, claims: claimsOf(payload, claims) },
    id: idOf(payload, token),
  };
}

/** Finds the issuer that a token names. Nothing is believed of it before its signature was verified. */
async function issuerOf(token: string, issuers: readonly TokenIssuer[]): Promise<TokenIssuer> {
  const { decodeJwt } = await import('jose');
  let iss: unknown;
  try {
    ({ iss } = decodeJwt(token));
  } catch {
    throw new TokenError('it is no JSON Web Token');
  }
  const issuer = issuers.find((one) => one.issuer === iss);
  if (issuer !== undefined) return issuer;
  const named = typeof iss === 'string' ? JSON.stringify(iss.slice(0, 200)) : 'none';
  const known = issuers.map((one) => one.name).join(', ');
  throw new TokenError(`the guardrails accept no tokens of its issuer, ${named}: only of ${known}`);
}

/** Translates an error of the library. What it is not about, as an issuer that does not answer, stays as it is. */
function translate(error: unknown, { name, maxAgeSeconds }: TokenIssuer, audience: string): unknown {
  const { code, claim, reason } = error as {
    readonly code?: string;
    readonly claim?: string;
    readonly reason?: string;
  };
  if (typeof code !== 'string' || !/^ERR_J(?:OSE|W[A-Z]+)_/.test(code)) {
    // A key of the issuer that cannot be used makes the token worthless, too.
    return error instanceof TypeError
      ? new TokenError(`the token of ${name} is signed by a key of an unknown form`)
      : error;
  }
  const why = ((): string => {
    if (code === 'ERR_JWT_EXPIRED' && claim === 'iat') return `is older than ${String(maxAgeSeconds)} s`;
    if (code === 'ERR_JWT_EXPIRED') return 'has expired';
    if (code === 'ERR_JWKS_NO_MATCHING_KEY') return 'is signed by a key that the issuer does not publish';
    if (code === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED') return 'has a wrong signature';
    if (code === 'ERR_JOSE_ALG_NOT_ALLOWED') return `has no signature of a public key: ${ALGORITHMS.join(', ')}`;
    if (code !== 'ERR_JWT_CLAIM_VALIDATION_FAILED') return `cannot be verified (${code})`;
    if (reason === 'missing' || (claim === 'aud' && reason === undefined)) return `has no claim ${String(claim)}`;
    if (claim === 'aud') return `has another audience than ${audience}: it proves something else`;
    if (claim === 'nbf' || claim === 'iat') return `is not valid yet (${claim}): compare the clocks`;
    return `has a claim ${String(claim)} that is not accepted`;
  })();
  return new TokenError(`the token of ${name} ${why}`);
}

function claimsOf(payload: JWTPayload, names: ReadonlySet<string>): Identity['claims'] {
  const kept = Object.entries(payload).flatMap(([name, value]): [string, string | readonly string[]][] => {
    if (!names.has(name)) return [];
    if (Array.isArray(value)) {
      return [[name, (value as readonly unknown[]).slice(0, MAX_MEMBERS).flatMap((member) => textOf(member) ?? [])]];
    }
    const text = textOf(value);
    return text === undefined ? [] : [[name, text]];
  });
  return Object.fromEntries(kept);
}

/** Returns a claim as text. One that is too long is left out: cut, it could match what all of it does not. */
function textOf(value: unknown): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return undefined;
  const text = String(value);
  return text.length > MAX_CLAIM_LENGTH ? undefined : text;
}

function idOf({ iss, jti }: JWTPayload, token: string): string {
  // The signature of some algorithms can be written in several ways, so that it is no part of what identifies a token.
  const content =
    typeof jti === 'string' && jti !== '' ? ['jti', iss, jti] : ['token', ...token.split('.').slice(0, 2)];
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}
