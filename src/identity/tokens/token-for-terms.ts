import { ExitCode } from '../../contract/failures.js';
import { type AcceptedIssuer, proofAudience } from '../../contract/identity.js';
import { IdTokenError, shown } from './id-token-error.js';
import { type ReadClaims, readClaims } from './token-claims.js';
import type { TokenSource } from './token-source.js';

/** Options of {@link tokenForTerms}. */
export interface TokenForTermsOptions {
  /** The issuers that the worker accepts. */
  readonly issuers: readonly AcceptedIssuer[];
  /** The digest of what is proven. */
  readonly digest: string;
  readonly now?: Date | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Returns a token of a source that a worker can accept: of one of its issuers, for the audience that it expects of it. It
 * finds mistakes before a run is started, and tells the setting to change. A source that chooses the audience is asked for
 * that of the proof alone: a program that answers in place of a worker could name the audience of another system.
 *
 * @throws IdTokenError
 */
export async function tokenForTerms(
  source: TokenSource,
  { issuers, digest, now = new Date(), signal }: TokenForTermsOptions,
): Promise<string> {
  const audience = proofAudience(digest);
  const token = await source.token(audience, signal);
  const claims = claimsOf(source, token, now);
  const accepted = issuers.filter(({ issuer }) => issuer === claims.issuer);
  const [first] = accepted;
  if (first === undefined) throw foreignIssuer(source, claims, issuers);
  const expected = accepted.map((issuer) => issuer.audience ?? audience);
  if (isFor(claims, expected)) return token;
  throw wrongAudience(source, claims, first);
}

function isFor({ audiences }: ReadClaims, expected: readonly string[]): boolean {
  const [only = '', ...others] = audiences;
  return others.length === 0 && expected.includes(only);
}

function claimsOf({ title }: TokenSource, token: string, now: Date): ReadClaims {
  const claims = readClaims(token);
  if (claims === undefined) {
    throw new IdTokenError(
      `${title} gives no JSON Web Token of an issuer`,
      'give an ID token, as OpenID Connect describes it, and nothing else',
      ExitCode.Usage,
    );
  }
  const { expiresAt } = claims;
  if (expiresAt === undefined || expiresAt * 1_000 > now.getTime()) return claims;
  throw new IdTokenError(
    `the token of ${title} expired at ${new Date(expiresAt * 1_000).toISOString()}`,
    'get a new one right before the command: run the job again, or shorten what comes before',
    ExitCode.Usage,
  );
}

function foreignIssuer(
  { title }: TokenSource,
  { issuer }: ReadClaims,
  issuers: readonly AcceptedIssuer[],
): IdTokenError {
  const known = issuers.map((one) => `${one.name} (${one.issuer})`).join(', ');
  return new IdTokenError(
    `the worker accepts no tokens of ${shown(issuer)}, from ${title}; its guardrails list ${known === '' ? 'no issuer' : known}`,
    "add the issuer to `identity.issuers` in the worker's guardrails, or use another token",
    ExitCode.Refused,
  );
}

function wrongAudience(
  { title, choosesAudience }: TokenSource,
  { audiences }: ReadClaims,
  issuer: AcceptedIssuer,
): IdTokenError {
  const found = audiences.length === 0 ? 'no audience' : `the audience ${audiences.map(shown).join(', ')}`;
  const [own = 'AUDIENCE'] = audiences;
  return issuer.audience === undefined
    ? new IdTokenError(
        `the token of ${title} has ${found}, which was fixed before the command; the worker expects a token for this request alone`,
        `set \`identity.issuers.${issuer.name}.audience: ${shown(own)}\` in the worker's guardrails, or give a command in IAM_BOOTSTRAP_ID_TOKEN_COMMAND that gets a token for a given audience`,
        ExitCode.Refused,
      )
    : new IdTokenError(
        `the token of ${title} has ${found}; the worker expects ${shown(issuer.audience)} alone from ${issuer.name}`,
        choosesAudience
          ? `remove \`identity.issuers.${issuer.name}.audience\` from the worker's guardrails: this source gives a token for each request`
          : 'ask for a token with that audience and no other',
        ExitCode.Refused,
      );
}
