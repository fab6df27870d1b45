import type { LoginConfig } from '../config/login.js';
import { deviceLogin, type LoginPrompt } from '../identity/tokens/device-login.js';
import { openExchange, openTokenSource, type TokenConfig } from '../identity/tokens/open-source.js';
import { readClaims } from '../identity/tokens/token-claims.js';
import type { TokenSource } from '../identity/tokens/token-source.js';

/** Options of {@link loginSource}. */
export interface LoginSourceOptions {
  readonly login: LoginConfig;
  readonly network: TokenConfig['network'];
  /** Shows a person the page to log in on, and the code to type there. */
  readonly onPrompt: (prompt: LoginPrompt) => void;
}

/** Returns a source of tokens for which a person logs in, at the issuer of the company and once. */
export function loginSource({ login, network, onPrompt }: LoginSourceOptions): TokenSource {
  return {
    title: 'the login',
    choosesAudience: false,
    token: (_audience, signal) => deviceLogin(login, { exchange: openExchange({ network }), onPrompt, signal }),
  };
}

/** The proof that an environment can give of who asks. */
export type AvailableProof =
  | { readonly status: 'none' }
  | { readonly status: 'missing'; readonly message: string; readonly remedy: string }
  | { readonly status: 'available'; readonly title: string; readonly issuer: string; readonly audience: string | null };

/** The audience of a token that proves nothing. */
const NO_AUDIENCE = 'iam-bootstrap:doctor';

/**
 * Gets a token for no request, and returns what it would prove. The audience is null where each request has its own.
 *
 * @throws IdTokenError where the environment should give a token and does not
 */
export async function availableProof(config: TokenConfig): Promise<AvailableProof> {
  const source = openTokenSource(config);
  if (source === undefined) return { status: 'none' };
  if (source.missing !== undefined) return { status: 'missing', ...source.missing };
  const { issuer = 'an unknown issuer', audiences = [] } = readClaims(await source.token(NO_AUDIENCE)) ?? {};
  const audience = audiences.includes(NO_AUDIENCE) ? null : audiences.join(', ');
  return { status: 'available', title: source.title, issuer, audience };
}
