import { activityInfo } from '@temporalio/activity';
import type {
  ApprovedPlan,
  EntityRun,
  Plan,
  RunOrigin,
  SignedApproval,
  VerifyDecisionRequest,
} from '../../contract/activities.js';
import {
  proofAudience,
  type FleetPermit,
  type Identity,
  type Proof,
  type ProofQuestion,
  type ProofTerms,
  type SchedulePermit,
  type SignedIdentity,
} from '../../contract/identity.js';
import type { FleetRequest } from '../../contract/fleet.js';
import type { BootstrapRequest } from '../../contract/request.js';
import { isFleetRequest } from '../../contract/fleet.js';
import type { SchedulePermitRequest } from '../../contract/schedule-permit.js';
import { isReadOnly } from './schedule-permits.js';
import {
  decisionDigest,
  fleetProofDigest,
  proofDigest,
  requestDigest,
  scheduleDigest,
} from '../../engine/request-digest.js';
import { issuersOf, keptClaims } from '../../guardrails/issuers.js';
import type { Guardrails } from '../../guardrails/parse.js';
import {
  demandOf,
  evaluateApprover,
  evaluateRequester,
  missingApprovals,
  termsOf,
  unproven,
} from '../../guardrails/rules/identity.js';
import type { Scope } from '../../guardrails/template.js';
import { violationText, type Violation } from '../../guardrails/violation.js';
import type { IssuerKeys } from '../../identity/issuer-keys.js';
import { SealError, type Seals } from '../../identity/seal.js';
import { TokenError, verifyToken, type VerifiedToken } from '../../identity/verify-token.js';
import { failure } from './failures.js';
import type { GuardrailsSource } from './guardrails-file.js';
import type { IdentityPurpose, Permits } from './permits.js';
import type { Delegations } from './delegations.js';
import type { SignedRuns } from './signed-requests.js';

const REMEDIES: Readonly<Record<IdentityPurpose, string>> = {
  requester:
    'apply from a job that can get an OIDC token and that the rule names; docs/identity.md tells how for each CI service',
  approval:
    'decide by an identity that the rule names: from its CI job, or with `iam-bootstrap approve --login`; docs/identity.md tells how',
};

interface ProofParts {
  readonly source: GuardrailsSource;
  readonly permits: Permits;
  /** Verifies the permits of scheduled runs and of fleets. Default: none counts. */
  readonly delegations?: Pick<Delegations, 'assert'>;
  readonly seals: Seals;
  readonly issuerKeys: IssuerKeys;
  /** Remembers for all workers what a proof was used for. */
  readonly proofUses: SignedRuns['proofUses'];
  readonly originOf: (run: EntityRun) => Promise<RunOrigin | undefined>;
  readonly onRefusal: (at: 'plan') => void;
}

/** Verifies who asks and who approves, where the guardrails of the worker ask for it. */
export class Proofs {
  readonly #parts: ProofParts;

  constructor(parts: ProofParts) {
    this.#parts = parts;
  }

  /** Reports whether the guardrails demand proofs for what a request does. */
  isRequired(scope: Scope): boolean {
    const guardrails = this.#parts.source.current();
    if (guardrails === null) return false;
    const { requester, approvals } = demandOf(guardrails, scope);
    return requester || approvals > 0;
  }

  /** Returns what a client needs to prove who it is. */
  terms(question: ProofQuestion): ProofTerms {
    const guardrails = this.#parts.source.current();
    if (guardrails === null) return { key: null, issuers: [], requests: false, approvals: false };
    return { key: this.#parts.seals.publicKey, ...termsOf(guardrails, question, 'aws') };
  }

  /**
   * Returns what the guardrails demand of a run, and who asks for it. A run that only plans writes nothing, so anyone may
   * plan.
   *
   * @throws ApplicationFailure where the requester may not apply, or what was approved is not proven
   */
  async prove(
    request: BootstrapRequest,
    approved: ApprovedPlan | undefined,
  ): Promise<Pick<Plan, 'requester' | 'approvalRule'>> {
    const guardrails = this.#parts.source.current();
    if (guardrails === null || isReadOnly(activityInfo().workflowType)) return {};
    const demand = demandOf(guardrails, request);
    if (!demand.requester && demand.approvals === 0) return {};
    if (requestDigest(request) !== request.digest) {
      this.#refuse('requester', 'the digest of the request is not that of its content');
    }
    const requester = demand.requester ? await this.#requesterOf(guardrails, request, approved) : undefined;
    if (approved !== undefined) await this.#assertApproved(guardrails, request, requester?.identity, approved);
    const { approvals: count, approvers: by, notRequester } = demand;
    return {
      ...(requester === undefined ? {} : { requester }),
      ...(count === 0 ? {} : { approvalRule: { count, by, notRequester } }),
    };
  }

  /**
   * Returns the identity that makes a schedule which enforces. Null where the guardrails ask for no proof.
   *
   * @throws ApplicationFailure where it may not apply
   */
  async proveSchedule(scheduled: SchedulePermitRequest): Promise<Identity | null> {
    const { request } = scheduled;
    const guardrails = this.#parts.source.current();
    if (guardrails === null) return null;
    if (isFleetRequest(request)) return this.#proveFleet(guardrails, request, scheduleDigest(scheduled));
    if (!demandOf(guardrails, request).requester) return null;
    if (requestDigest(request) !== request.digest) {
      this.#refuse('requester', 'the digest of the request is not that of its content');
    }
    const token = await this.#verify(guardrails, request, 'requester', request.proof, scheduleDigest(scheduled));
    this.#assertNone('requester', evaluateRequester(guardrails, request, token.identity));
    await this.#use('requester', await this.#runId(), token);
    return token.identity;
  }

  /**
   * Returns the identity that asks for the run of a fleet. Null where it sends no token: the guardrails of each account
   * decide whether it needs one.
   *
   * @throws ApplicationFailure where its token proves nothing
   */
  async proveFleet(request: FleetRequest): Promise<Identity | null> {
    const guardrails = this.#parts.source.current();
    return guardrails === null ? null : this.#proveFleet(guardrails, request, fleetProofDigest(request));
  }

  async #proveFleet(guardrails: Guardrails, request: FleetRequest, digest: string): Promise<Identity | null> {
    const { proof, partition, namespace, environment } = request;
    if (proof?.token === undefined) return null;
    const scope = { target: { account: '', partition }, namespace, environment };
    const token = await this.#verify(guardrails, scope, 'requester', proof, digest);
    await this.#use('requester', await this.#runId(), token);
    return token.identity;
  }

  /**
   * Verifies who decides about a plan, and counts the approvals that are missing then.
   *
   * @throws ApplicationFailure where the decision does not count
   */
  async decide(decision: VerifyDecisionRequest): Promise<SignedApproval> {
    const { request, plan, verdict, proof, requester, approvals } = decision;
    const guardrails = this.#parts.source.current();
    if (guardrails === null) this.#refuse('approval', 'this worker has no guardrails');
    const runId = await this.#runId();
    if (requester !== undefined && !this.#parts.permits.isProven('requester', runId, requester)) {
      this.#refuse('approval', 'no worker has verified the requester of this run');
    }
    const token = await this.#verify(guardrails, request, 'approval', proof, decisionDigest(verdict, plan));
    const { identity } = token;
    this.#assertNone('approval', evaluateApprover(guardrails, request, requester?.identity, identity, verdict));
    await this.#use('approval', runId, token);
    const signed = this.#parts.permits.signIdentity('approval', runId, identity, plan);
    const approvers = [...approvals.map((earlier) => earlier.identity), identity];
    return { ...signed, missing: missingApprovals(guardrails, request, requester?.identity, approvers).length };
  }

  async #requesterOf(
    guardrails: Guardrails,
    request: BootstrapRequest,
    approved: ApprovedPlan | undefined,
  ): Promise<SignedIdentity> {
    const { permits, delegations } = this.#parts;
    const runId = await this.#runId();
    const digest = proofDigest(request);
    const earlier = approved?.requester;
    if (earlier !== undefined) {
      // Its token has expired by now.
      if (earlier.digest !== digest || !permits.isProven('requester', runId, earlier)) {
        this.#refuse('requester', 'no worker has verified the requester of this run');
      }
      this.#assertNone('requester', evaluateRequester(guardrails, request, earlier.identity));
      return earlier;
    }
    const permit = await delegations?.assert(request);
    if (permit !== undefined) {
      const { requester } = permit;
      if (requester === null) this.#refuseUnproven(guardrails, request, permit);
      this.#assertNone('requester', evaluateRequester(guardrails, request, requester));
      return permits.signIdentity('requester', runId, requester, digest);
    }
    const token = await this.#verify(guardrails, request, 'requester', request.proof, digest);
    this.#assertNone('requester', evaluateRequester(guardrails, request, token.identity));
    await this.#use('requester', runId, token);
    return permits.signIdentity('requester', runId, token.identity, digest);
  }

  /** Refuses a run whose permit does not tell who asks. */
  #refuseUnproven(guardrails: Guardrails, request: BootstrapRequest, permit: SchedulePermit | FleetPermit): never {
    if ('schedule' in permit) this.#refuse('requester', 'the schedule was made when nobody had to prove who asks');
    this.#assertNone('requester', unproven(guardrails, request, 'requester'));
    this.#refuse('requester', 'nobody has proven who asks for the run of the fleet');
  }

  async #assertApproved(
    guardrails: Guardrails,
    request: BootstrapRequest,
    requester: Identity | undefined,
    { plan, approvals }: ApprovedPlan,
  ): Promise<void> {
    const runId = await this.#runId();
    const isProven = (approval: SignedIdentity): boolean =>
      approval.digest === plan && this.#parts.permits.isProven('approval', runId, approval);
    if (!approvals.every(isProven)) this.#refuse('approval', 'no worker has verified an approval of this plan');
    const approvers = approvals.map(({ identity }) => identity);
    this.#assertNone('approval', missingApprovals(guardrails, request, requester, approvers));
  }

  async #verify(
    guardrails: Guardrails,
    scope: Scope,
    purpose: IdentityPurpose,
    proof: Proof | undefined,
    digest: string,
  ): Promise<VerifiedToken> {
    const { seals, issuerKeys } = this.#parts;
    const sealed = proof?.token;
    if (sealed === undefined) {
      this.#assertNone(purpose, unproven(guardrails, scope, purpose));
      this.#refuse(purpose, 'it has no token');
    }
    try {
      const token = await seals.open(sealed, digest);
      const expected = { issuers: issuersOf(guardrails.rules), audience: proofAudience(digest) };
      return await verifyToken(token, { ...expected, claims: keptClaims(guardrails.rules) }, issuerKeys);
    } catch (error) {
      if (!(error instanceof TokenError || error instanceof SealError)) throw error;
      return this.#refuse(purpose, `the token proves nothing: ${error.message}`);
    }
  }

  /** Remembers a token as used for this run: a second run with a copy of it is refused, and a repeated attempt is not. */
  async #use(purpose: IdentityPurpose, runId: string, { id }: VerifiedToken): Promise<void> {
    if (await this.#parts.proofUses.use(id, `${runId} ${purpose}`)) return;
    this.#refuse(purpose, 'its token has proved another run before');
  }

  /** Returns the first run of the chain, so that a run that was reset is the same. */
  async #runId(): Promise<string> {
    const { workflowExecution: run } = activityInfo();
    if (run === undefined) throw new Error('proofs are verified in activities of a run');
    return (await this.#parts.originOf(run))?.firstRunId ?? run.runId;
  }

  #assertNone(purpose: IdentityPurpose, violations: readonly Violation[]): void {
    if (violations.length > 0) this.#refuse(purpose, violations.map(violationText).join('; '));
  }

  #refuse(purpose: IdentityPurpose, message: string): never {
    this.#parts.onRefusal('plan');
    throw failure('NotAllowed', message, { remedy: REMEDIES[purpose] });
  }
}
