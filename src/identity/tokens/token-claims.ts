/** The claims that a client reads of a token before it sends it. Only the worker verifies it. */
export interface ReadClaims {
  readonly issuer: string;
  readonly audiences: readonly string[];
  /** In seconds since 1970. Undefined where the token has none. */
  readonly expiresAt: number | undefined;
}

/** Returns the claims of a token. Undefined where it is no JSON Web Token with an issuer. */
export function readClaims(token: string): ReadClaims | undefined {
  const [, payload = ''] = /^[\w-]+\.([\w-]+)\.[\w-]+$/.exec(token) ?? [];
  let claims: Readonly<Record<string, unknown>> | null;
  try {
    claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as typeof claims;
  } catch {
    return undefined;
  }
  const { iss, aud, exp } = claims ?? {};
  if (typeof iss !== 'string') return undefined;
  const audiences = [aud].flat().filter((one): one is string => typeof one === 'string');
  return { issuer: iss, audiences, expiresAt: typeof exp === 'number' ? exp : undefined };
}
