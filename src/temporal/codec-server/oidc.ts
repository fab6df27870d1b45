import { proofUrlProblem } from '../../contract/proof-url.js';
import { ConfigError } from '../../contract/user-facing-error.js';
import { type IssuerKeys, IssuerUnavailableError } from '../../identity/issuer-keys.js';
import { openIssuerKeys } from '../../identity/open-issuer-keys.js';
import { TokenError, verifyToken } from '../../identity/verify-token.js';
import type { Authorize } from './bearer.js';

/** The tolerance between the clocks of the issuer and of this machine, in seconds. */
const CLOCK_SKEW_SECONDS = 60;

/** The age of a token that counts for nothing any more, in seconds, even if its issuer lets it live longer. */
const MAX_AGE_SECONDS = 24 * 3_600;

/** The tokens that count. */
export interface OidcOptions {
  readonly issuer: string;
  readonly audience: string;
  /** The address of the issuer's keys. Default: the one in its discovery document. */
  readonly jwksUrl?: string | undefined;
  /** Values of claims, `groups=security`. For each claim that is named, a token needs one of the values. */
  readonly claims: readonly string[];
}

/**
 * Returns a check of tokens of an OIDC issuer, whose keys are read through the network's proxies.
 *
 * @throws ConfigError
 */
export function openOidcTokens(options: OidcOptions, network: Parameters<typeof openIssuerKeys>[0]): Authorize {
  return oidcTokens(options, openIssuerKeys(network));
}

/**
 * Returns a check of tokens of an OIDC issuer, as the Temporal UI sends after a login.
 *
 * @throws ConfigError
 */
export function oidcTokens({ issuer, audience, jwksUrl, claims }: OidcOptions, keys: IssuerKeys): Authorize {
  requireUrl('--issuer', issuer);
  if (jwksUrl !== undefined) requireUrl('--jwks-url', jwksUrl);
  const wanted = readClaims(claims);
  const issuers = [
    {
      ...{ name: issuer, issuer, audience, jwksUri: jwksUrl },
      ...{ clockSkewSeconds: CLOCK_SKEW_SECONDS, maxAgeSeconds: MAX_AGE_SECONDS },
    },
  ];
  return async (token) => {
    try {
      const { identity } = await verifyToken(token, { issuers, audience, claims: new Set(wanted.keys()) }, keys);
      for (const [name, values] of wanted) {
        const found = [identity.claims[name] ?? []].flat();
        if (!found.some((value) => values.has(value))) return { refused: `the token has no accepted ${name}` };
      }
      return { subject: identity.subject };
    } catch (error) {
      if (error instanceof TokenError) {
        return { refused: error.message.replace('the guardrails accept', 'the codec server accepts') };
      }
      if (error instanceof IssuerUnavailableError) return { unavailable: error.message };
      throw error;
    }
  };
}

function requireUrl(option: string, url: string): void {
  const problem = proofUrlProblem(url);
  if (problem !== undefined) throw new ConfigError(`${option} ${url} is refused`, problem);
}

function readClaims(claims: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  const wanted = new Map<string, Set<string>>();
  for (const claim of claims) {
    const [, name, value] = /^([^=\s]+)=(.+)$/.exec(claim) ?? [];
    if (name === undefined || value === undefined) {
      throw new ConfigError(`--claim is ${claim}; expected name=value`, 'write --claim groups=security, for example');
    }
    wanted.set(name, (wanted.get(name) ?? new Set()).add(value));
  }
  return wanted;
}
