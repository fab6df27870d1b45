import type { Exchange } from '../exchange.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** A source of tokens that prove who a client is. */
export interface TokenSource {
  /** The name for people: a CI service, or a variable. */
  readonly title: string;
  /** True where each token is made for one audience. False where its audience was fixed before. */
  readonly choosesAudience: boolean;
  /** The setting without which it gives no token. */
  readonly missing?: { readonly message: string; readonly remedy: string };
  /**
   * Returns a token. The audience may be another one where it is fixed.
   *
   * @throws IdTokenError
   */
  token(audience: string, signal?: AbortSignal): Promise<string>;
}

/** The environment of sources. */
export interface SourceContext {
  readonly environment: Environment;
  readonly exchange: Exchange;
}

/** The token in a variable. */
export function variableSource(variable: string, token: string): TokenSource {
  return { title: variable, choosesAudience: false, token: () => Promise.resolve(token.trim()) };
}
