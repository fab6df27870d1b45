import { activityInfo } from '@temporalio/activity';
import type { ApprovedPlan, Plan, SignedApproval, VerifyDecisionRequest } from '../../contract/activities.js';
import {
  type FleetPermit,
  type Identity,
  type Principal,
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
import type { Guardrails } from '../../guardrails/parse.js';
import {
  demandOf,
  evaluateApprover,
  evaluateRequester,
  missingApprovals,
  termsOf,
  unprovenRequest,
  type ProofDemand,
} from '../../guardrails/rules/identity.js';
import type { Scope } from '../../guardrails/template.js';
import { asksFor } from './asks-for.js';
import type { GuardrailsSource } from './guardrails-file.js';
import type { Permits } from './permits.js';
import type { Delegations } from './delegations.js';
import { ProofChecks, type CheckParts } from './proof-checks.js';
import { remedyOf } from './proof-remedies.js';

/** The requester of a run, as far as its guardrails ask: the identity of a token, Temporal's principal, or both. */
interface Requester {
  readonly requester?: SignedIdentity;
  readonly principal?: Principal;
}

/** A request, or a schedule, with what a token has to prove, and the client that Temporal has recorded. */
interface Asking {
  readonly request: BootstrapRequest;
  readonly digest: string;
  readonly principal: Principal | undefined;
}

interface ProofParts extends CheckParts {
  readonly source: GuardrailsSource;
  readonly permits: Permits;
  /** Verifies the permits of scheduled runs and of fleets. Default: none counts. */
  readonly delegations?: Pick<Delegations, 'assert'>;
  /** Returns the client that has started the run, as Temporal has recorded it. */
  readonly principalOfRun: (isAskedFor: (argument: unknown) => boolean) => Promise<Principal | undefined>;
}

/** Verifies who asks and who approves, where the guardrails of the worker ask for it. */
export class Proofs {
  readonly #parts: ProofParts;
  readonly #checks: ProofChecks;

  constructor(parts: ProofParts) {
    this.#parts = parts;
    this.#checks = new ProofChecks(parts);
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
  ): Promise<Pick<Plan, 'requester' | 'principal' | 'approvalRule'>> {
    const guardrails = this.#parts.source.current();
    if (guardrails === null || isReadOnly(activityInfo().workflowType)) return {};
    const demand = demandOf(guardrails, request);
    if (!demand.requester && demand.approvals === 0) return {};
    if (requestDigest(request) !== request.digest) {
      this.#checks.refuse('requester', 'the digest of the request is not that of its content');
    }
    const asked = demand.requester ? await this.#requesterOf(guardrails, demand, request, approved) : {};
    if (approved !== undefined) await this.#assertApproved(guardrails, request, asked.requester?.identity, approved);
    const { approvals: count, approvers: by, notRequester } = demand;
    return {
      ...asked,
      ...(count === 0 ? {} : { approvalRule: { count, by, notRequester } }),
    };
  }

  /**
   * Returns who makes a schedule which enforces. Nobody where the guardrails ask for no proof.
   *
   * @throws ApplicationFailure where it may not apply
   */
  async proveSchedule(scheduled: SchedulePermitRequest): Promise<Pick<SchedulePermit, 'requester' | 'principal'>> {
    const { request } = scheduled;
    const guardrails = this.#parts.source.current();
    if (guardrails === null) return { requester: null };
    if (isFleetRequest(request)) return this.#proveFleetSchedule(guardrails, request, scheduleDigest(scheduled));
    const demand = demandOf(guardrails, request);
    if (!demand.requester) return { requester: null };
    if (requestDigest(request) !== request.digest) {
      this.#checks.refuse('requester', 'the digest of the request is not that of its content');
    }
    const digest = scheduleDigest(scheduled);
    const principal = await this.#principalFor<SchedulePermitRequest>(demand, digest, scheduleDigest);
    const requester = await this.#identityOf(guardrails, demand, { request, digest, principal });
    return { requester: requester ?? null, ...(principal === undefined ? {} : { principal }) };
  }

  /**
   * Returns who asks for the run of a fleet. Nobody where it sends no token, and Temporal has recorded no principal: the
   * guardrails of each account decide whether it needs one.
   *
   * @throws ApplicationFailure where its token proves nothing
   */
  async proveFleet(request: FleetRequest): Promise<Pick<FleetPermit, 'requester' | 'principal'>> {
    const guardrails = this.#parts.source.current();
    if (guardrails === null) return { requester: null };
    return this.#proveFleet(guardrails, request, fleetProofDigest(request), fleetProofDigest);
  }

  /** A schedule of nobody's would be refused at each run, in the accounts whose guardrails ask who applies. */
  async #proveFleetSchedule(
    guardrails: Guardrails,
    request: FleetRequest,
    digest: string,
  ): Promise<Pick<SchedulePermit, 'requester' | 'principal'>> {
    const { partition, namespace, environment } = request;
    const maker = await this.#proveFleet(guardrails, request, digest, scheduleDigest);
    const { requests, principals } = termsOf(guardrails, { account: null, namespace, environment }, partition);
    const isKnown = maker.requester !== null || (principals === true && maker.principal !== undefined);
    if (requests && !isKnown) {
      this.#checks.refuse(
        'requester',
        'the schedule has no OIDC token, and the guardrails of accounts ask who applies',
      );
    }
    return maker;
  }

  async #proveFleet<T>(
    guardrails: Guardrails,
    request: FleetRequest,
    digest: string,
    digestOf: (argument: T) => string,
  ): Promise<Pick<FleetPermit, 'requester' | 'principal'>> {
    const principal = await this.#parts.principalOfRun((argument) => asksFor(argument, digest, digestOf));
    const recorded = principal === undefined ? {} : { principal };
    const { proof, partition, namespace, environment } = request;
    if (proof?.token === undefined) return { requester: null, ...recorded };
    const scope = { target: { account: '', partition }, namespace, environment };
    const token = await this.#checks.verify(guardrails, scope, 'requester', proof, digest);
    await this.#checks.use('requester', token);
    return { requester: token.identity, ...recorded };
  }

  /**
   * Verifies who decides about a plan, and counts the approvals that are missing then.
   *
   * @throws ApplicationFailure where the decision does not count
   */
  async decide(decision: VerifyDecisionRequest): Promise<SignedApproval> {
    const { request, plan, verdict, proof, requester, approvals } = decision;
    const guardrails = this.#parts.source.current();
    if (guardrails === null) this.#checks.refuse('approval', 'this worker has no guardrails');
    const runId = await this.#checks.runId();
    if (requester !== undefined && !this.#parts.permits.isProven('requester', runId, requester)) {
      this.#checks.refuse('approval', 'no worker has verified the requester of this run');
    }
    const token = await this.#checks.verify(guardrails, request, 'approval', proof, decisionDigest(verdict, plan));
    const { identity } = token;
    this.#checks.assertNone('approval', evaluateApprover(guardrails, request, requester?.identity, identity, verdict));
    await this.#checks.use('approval', token);
    const signed = this.#parts.permits.signIdentity('approval', runId, identity, plan);
    const approvers = [...approvals.map((earlier) => earlier.identity), identity];
    return { ...signed, missing: missingApprovals(guardrails, request, requester?.identity, approvers).length };
  }

  async #requesterOf(
    guardrails: Guardrails,
    demand: ProofDemand,
    request: BootstrapRequest,
    approved: ApprovedPlan | undefined,
  ): Promise<Requester> {
    const { permits } = this.#parts;
    const runId = await this.#checks.runId();
    const digest = proofDigest(request);
    const earlier = approved?.requester;
    const permit =
      earlier === undefined || demand.principal ? await this.#parts.delegations?.assert(request) : undefined;
    const principal = permit === undefined ? await this.#principalFor(demand, digest, proofDigest) : permit.principal;
    const recorded = principal === undefined ? {} : { principal };
    if (earlier !== undefined) {
      // Its token has expired by now.
      if (earlier.digest !== digest || !permits.isProven('requester', runId, earlier)) {
        this.#checks.refuse('requester', 'no worker has verified the requester of this run');
      }
      this.#checks.assertNone('requester', evaluateRequester(guardrails, request, earlier.identity, principal));
      return { requester: earlier, ...recorded };
    }
    const asking = { request, digest, principal };
    const identity =
      permit === undefined
        ? await this.#identityOf(guardrails, demand, asking)
        : this.#permittedBy(guardrails, demand, asking, permit);
    if (identity === undefined) return recorded;
    return { requester: permits.signIdentity('requester', runId, identity, digest), ...recorded };
  }

  /** Returns the identity that a permit names. Undefined where Temporal's principal is enough. */
  #permittedBy(
    guardrails: Guardrails,
    demand: ProofDemand,
    { request, principal }: Asking,
    permit: SchedulePermit | FleetPermit,
  ): Identity | undefined {
    const { requester } = permit;
    if (requester !== null) {
      this.#checks.assertNone('requester', evaluateRequester(guardrails, request, requester, principal));
      return requester;
    }
    if ('schedule' in permit && principal === undefined) {
      this.#checks.refuse('requester', 'the schedule was made when nobody had to prove who asks');
    }
    this.#checks.assertNone('requester', unprovenRequest(guardrails, request, principal), remedyOf(demand));
    return undefined;
  }

  /** Returns the identity that a token proves. Undefined where there is none, and Temporal's principal is enough. */
  async #identityOf(
    guardrails: Guardrails,
    demand: ProofDemand,
    { request, digest, principal }: Asking,
  ): Promise<Identity | undefined> {
    const isEnough = !demand.onlyToken && unprovenRequest(guardrails, request, principal).length === 0;
    if (isEnough) return undefined;
    if (!demand.token || (demand.principal && request.proof?.token === undefined)) {
      this.#checks.assertNone('requester', unprovenRequest(guardrails, request, principal), remedyOf(demand));
      return undefined;
    }
    const token = await this.#checks.verify(guardrails, request, 'requester', request.proof, digest);
    this.#checks.assertNone('requester', evaluateRequester(guardrails, request, token.identity, principal));
    await this.#checks.use('requester', token);
    return token.identity;
  }

  /** Returns the client that has started the run, where a rule asks for it. */
  async #principalFor<T>(
    { principal }: ProofDemand,
    digest: string,
    digestOf: (argument: T) => string,
  ): Promise<Principal | undefined> {
    return principal ? this.#parts.principalOfRun((argument) => asksFor(argument, digest, digestOf)) : undefined;
  }

  async #assertApproved(
    guardrails: Guardrails,
    request: BootstrapRequest,
    requester: Identity | undefined,
    { plan, approvals }: ApprovedPlan,
  ): Promise<void> {
    const runId = await this.#checks.runId();
    const isProven = (approval: SignedIdentity): boolean =>
      approval.digest === plan && this.#parts.permits.isProven('approval', runId, approval);
    if (!approvals.every(isProven)) this.#checks.refuse('approval', 'no worker has verified an approval of this plan');
    const approvers = approvals.map(({ identity }) => identity);
    this.#checks.assertNone('approval', missingApprovals(guardrails, request, requester, approvers));
  }
}
