import { activityInfo } from '@temporalio/activity';
import type { EntityRun, RunOrigin } from '../../contract/activities.js';
import { proofAudience, type Proof } from '../../contract/identity.js';
import { issuersOf, keptClaims } from '../../guardrails/issuers.js';
import type { Guardrails } from '../../guardrails/parse.js';
import { unprovenDecision, unprovenRequest } from '../../guardrails/rules/identity.js';
import type { Scope } from '../../guardrails/template.js';
import { violationText, type Violation } from '../../guardrails/violation.js';
import type { IssuerKeys } from '../../identity/issuer-keys.js';
import { SealError, type Seals } from '../../identity/seal.js';
import { TokenError, verifyToken, type VerifiedToken } from '../../identity/verify-token.js';
import { failure } from './failures.js';
import type { IdentityPurpose } from './permits.js';
import { REMEDIES } from './proof-remedies.js';
import type { SignedRuns } from './signed-requests.js';

/** The connections by which tokens are verified. */
export interface CheckParts {
  readonly seals: Seals;
  readonly issuerKeys: IssuerKeys;
  /** Remembers for all workers what a proof was used for. */
  readonly proofUses: SignedRuns['proofUses'];
  readonly originOf: (run: EntityRun) => Promise<RunOrigin | undefined>;
  readonly onRefusal: (at: 'plan') => void;
}

/** Verifies tokens, each for one run, and refuses what they do not prove. */
export class ProofChecks {
  readonly #parts: CheckParts;

  constructor(parts: CheckParts) {
    this.#parts = parts;
  }

  /**
   * Verifies a token.
   *
   * @param guardrails - the issuers that count
   * @param scope - the request that it is for
   * @param purpose - what it is to prove
   * @param proof - what a client has sent
   * @param digest - the digest of what it has to be for
   * @throws ApplicationFailure where it proves nothing
   */
  async verify(
    guardrails: Guardrails,
    scope: Scope,
    purpose: IdentityPurpose,
    proof: Proof | undefined,
    digest: string,
  ): Promise<VerifiedToken> {
    const { seals, issuerKeys } = this.#parts;
    const sealed = proof?.token;
    if (sealed === undefined) {
      const rules = purpose === 'approval' ? unprovenDecision : unprovenRequest;
      this.assertNone(purpose, rules(guardrails, scope));
      this.refuse(purpose, 'it has no token');
    }
    try {
      const token = await seals.open(sealed, digest);
      const expected = { issuers: issuersOf(guardrails.rules), audience: proofAudience(digest) };
      return await verifyToken(token, { ...expected, claims: keptClaims(guardrails.rules) }, issuerKeys);
    } catch (error) {
      if (!(error instanceof TokenError || error instanceof SealError)) throw error;
      return this.refuse(purpose, `the token proves nothing: ${error.message}`);
    }
  }

  /** Remembers a token as used for this run: a second run with a copy of it is refused, and a repeated attempt is not. */
  async use(purpose: IdentityPurpose, { id }: VerifiedToken): Promise<void> {
    if (await this.#parts.proofUses.use(id, `${await this.runId()} ${purpose}`)) return;
    this.refuse(purpose, 'its token has proved another run before');
  }

  /** Returns the first run of the chain, so that a run that was reset is the same. */
  async runId(): Promise<string> {
    const { workflowExecution: run } = activityInfo();
    if (run === undefined) throw new Error('proofs are verified in activities of a run');
    return (await this.#parts.originOf(run))?.firstRunId ?? run.runId;
  }

  /** @throws ApplicationFailure with the violations, if there are any */
  assertNone(purpose: IdentityPurpose, violations: readonly Violation[], remedy = REMEDIES[purpose]): void {
    if (violations.length > 0) this.refuse(purpose, violations.map(violationText).join('; '), remedy);
  }

  /** @throws ApplicationFailure */
  refuse(purpose: IdentityPurpose, message: string, remedy = REMEDIES[purpose]): never {
    this.#parts.onRefusal('plan');
    throw failure('NotAllowed', message, { remedy });
  }
}
