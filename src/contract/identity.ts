/** The most characters that a proof may have. */
export const MAX_PROOF_LENGTH = 16_384;

/** What a client sends to prove who it is. Neither part is a secret of lasting worth to those who read a history. */
export interface Proof {
  /** An OIDC token whose audience is {@link proofAudience}, sealed for the workers of the task queue (a compact JWE). */
  readonly token?: string;
  /** An HMAC of a shared key, in base64url. */
  readonly signature?: string;
}

/** An identity that a worker has verified. */
export interface Identity {
  /** How it was proven: by a token of an OIDC issuer, or by a shared key. */
  readonly by: 'oidc' | 'key';
  /** The name of the issuer in the guardrails, or of the key. */
  readonly issuer: string;
  /** The `sub` of the token. For a key the same as the issuer. */
  readonly subject: string;
  /** The claims that guardrails can match and reports show, as text. */
  readonly claims: Readonly<Record<string, string>>;
}

/**
 * Returns the audience of a token that proves a request, or an approval of a plan: it is worth nothing for another one.
 *
 * @param digest - `sha256:…` of the request or of the plan
 */
export function proofAudience(digest: string): string {
  return `iam-bootstrap:${digest}`;
}
