/** The maximum length of a proof, in characters. */
export const MAX_PROOF_LENGTH = 16_384;

/** A client as the Temporal server has authenticated it, and recorded with the event that it has caused. */
export interface Principal {
  /** The kind of authentication, as the server's claim mapper names it: `jwt` for the default one. */
  readonly type: string;
  /** Its name: the `sub` of a JSON Web Token for the default claim mapper. */
  readonly name: string;
}

/** The signature of a worker by which the runs of a schedule do what its maker may do. */
export interface SchedulePermit {
  /** The ID of the schedule. */
  readonly schedule: string;
  readonly command: 'detect' | 'enforce';
  /** The identity that made the schedule, as proven. Null where the guardrails asked for no proof. */
  readonly requester: Identity | null;
  /** The principal that made it, as Temporal has recorded it. Missing where nothing asked for it. */
  readonly principal?: Principal;
  readonly signature: string;
}

/** The signature of a worker by which the runs for the accounts of a fleet do what its requester may do. */
export interface FleetPermit {
  /** The first run of the fleet's workflow. */
  readonly runId: string;
  readonly command: 'plan' | 'apply' | 'detect' | 'enforce';
  /** The identity that asked for the fleet's run, as proven. Null where it has proven none. */
  readonly requester: Identity | null;
  /** The principal that has started the fleet's run. Missing where Temporal records none. */
  readonly principal?: Principal;
  readonly signature: string;
}

/** The proof that a client sends of who it is. No part is a secret of lasting worth to those who read a history. */
export interface Proof {
  /** An OIDC token whose audience is {@link proofAudience}, sealed for the workers of the task queue (a compact JWE). */
  readonly token?: string;
  /** An HMAC of a shared key, in base64url. */
  readonly signature?: string;
  /** The permit of the schedule that the run belongs to. */
  readonly permit?: SchedulePermit;
  /** The permit of the fleet whose account the run is for. */
  readonly fleetPermit?: FleetPermit;
}

/** An identity that a worker has verified. */
export interface Identity {
  /** The means by which it was proven: a token of an OIDC issuer, or a shared key. */
  readonly by: 'oidc' | 'key';
  /** The name of the issuer in the guardrails, or of the key. */
  readonly issuer: string;
  /** The `sub` of the token. For a key the same as the issuer. */
  readonly subject: string;
  /** The claims that guardrails can match and reports show. A claim that is a list stays one. */
  readonly claims: Readonly<Record<string, string | readonly string[]>>;
}

/** An identity with the signature of the worker that has verified it, since its token expires long before a run ends. */
export interface SignedIdentity {
  readonly identity: Identity;
  /** The digest that its token has proven: of the request (`proofDigest`), or of the plan. */
  readonly digest: string;
  readonly permit: string;
}

/** The public key that tokens are sealed for, as a JWK. */
export interface SealingKey {
  readonly kty: 'OKP';
  readonly crv: 'X25519';
  readonly x: string;
  readonly kid: string;
}

/** An issuer of tokens that a worker accepts. */
export interface AcceptedIssuer {
  /** Its name in the guardrails. */
  readonly name: string;
  /** Its URL: the `iss` of its tokens. */
  readonly issuer: string;
  /** The audience of its tokens where it is fixed. Missing where it is {@link proofAudience}. */
  readonly audience?: string;
}

/** An issuer, and what its tokens have to keep to. */
export interface TokenIssuer {
  /** Its name in the guardrails. */
  readonly name: string;
  /** Its URL: the `iss` of its tokens. */
  readonly issuer: string;
  /** Undefined where the audience is that of the proof. */
  readonly audience: string | undefined;
  /** The address of its keys. Undefined where the discovery document names it. */
  readonly jwksUri: string | undefined;
  readonly clockSkewSeconds: number;
  readonly maxAgeSeconds: number;
}

/** The argument of the proof-key workflow: the account that a proof is needed for. */
export interface ProofQuestion {
  /** Null for a fleet, whose accounts the client does not know: then any account that the worker has rules for counts. */
  readonly account: string | null;
  readonly namespace: string;
  readonly environment: string;
}

/** The result of the proof-key workflow: what a client needs to prove who it is. */
export interface ProofTerms {
  /** The key to seal a token for. Null where the worker takes no tokens. */
  readonly key: SealingKey | null;
  readonly issuers: readonly AcceptedIssuer[];
  /** Only proven requests are applied, and a token can prove them. */
  readonly requests: boolean;
  /** A request without a token may do: Temporal's principal can prove it. Default: false. */
  readonly principals?: boolean;
  /** Only proven approvals count, and the run waits for them even if the request does not ask. */
  readonly approvals: boolean;
}

/**
 * Returns the audience of a token that proves a request, or a decision about a plan: it is worth nothing for another one.
 *
 * @param digest - `sha256:…` of the request (`proofDigest`) or of the decision (`decisionDigest`)
 */
export function proofAudience(digest: string): string {
  return `iam-bootstrap:${digest}`;
}

/** Returns a principal for people. */
export function principalText({ name, type }: Principal): string {
  return `Temporal's principal ${name} (${type})`;
}

/** Returns an identity that was proven, with the name of its issuer. */
export function identityText({ subject, issuer }: Identity): string {
  return `${subject} (${issuer})`;
}
