import { activityInfo } from '@temporalio/activity';
import type { ApprovedPlan, CreateRequest, Listing, Plan, VerifyRequest } from '../../contract/activities.js';
import type { SignedDecisionRequest } from '../../contract/approval.js';
import { entityId, type JsonObject, type Target } from '../../contract/entity.js';
import type { FleetRequest } from '../../contract/fleet.js';
import type { FleetPermit } from '../../contract/identity.js';
import type { BootstrapRequest, ReconcileRequest } from '../../contract/request.js';
import { isFleetRequest } from '../../contract/fleet.js';
import type { PermittedSchedule, SchedulePermitRequest } from '../../contract/schedule-permit.js';
import { evaluateEntity, evaluateRequest } from '../../guardrails/evaluate.js';
import type { Guardrails } from '../../guardrails/parse.js';
import { referredPolicies } from '../../guardrails/request.js';
import { accessOf, evaluateAccess } from '../../guardrails/rules/account.js';
import type { Scope } from '../../guardrails/template.js';
import { violationsText, type Violation } from '../../guardrails/violation.js';
import { evaluateWrite } from '../../guardrails/write.js';
import { countRefusal } from './count-refusal.js';
import type { Delegations } from './delegations.js';
import { failure } from './failures.js';
import type { GuardrailsSource } from './guardrails-file.js';
import { beforeReset, type Binding, firstRunOf } from './launches.js';
import { fieldsOf } from './observe.js';
import type { Proofs } from './proofs.js';
import { isReadOnly } from './schedule-permits.js';
import type { SignedRequests } from './signed-requests.js';
import type { WriteGuard } from './write-guard.js';

/** The stage at which something was refused. */
export type RefusedAt = 'plan' | 'write';

interface EnforcementOptions {
  readonly source: GuardrailsSource;
  readonly onRefusal?: (at: RefusedAt) => void;
  /** Default: writes are judged by the guardrails alone. */
  readonly binding?: Binding;
  /** Default: schedules and fleets need no permit, and none counts. */
  readonly delegations?: Delegations;
  /** Default: requests need no signature. */
  readonly requests?: SignedRequests;
  /** Default: nothing asks who a client is. */
  readonly proofs?: Proofs;
}

/** The guardrails of a worker, as its activities apply them. */
export class Enforcement {
  readonly #source: GuardrailsSource;
  readonly #onRefusal: (at: RefusedAt) => void;
  readonly #binding: Binding | undefined;
  /** The permits of schedules and fleets. Undefined where the worker has neither guardrails nor a request key. */
  readonly delegations: Delegations | undefined;
  readonly #requests: SignedRequests | undefined;
  /** Verifies who asks and who approves. Undefined where the worker has no guardrails. */
  readonly proofs: Proofs | undefined;

  constructor(options: EnforcementOptions) {
    const { source, onRefusal = () => undefined, binding, delegations, requests, proofs } = options;
    this.#source = source;
    this.#onRefusal = onRefusal;
    this.#binding = binding;
    this.delegations = delegations;
    this.#requests = requests;
    this.proofs = proofs;
  }

  /** Returns the guardrails in force; null where the worker has none. */
  get guardrails(): Guardrails | null {
    return this.#source.current();
  }

  /** Reports whether the worker takes only signed requests. */
  get isSignedOnly(): boolean {
    return this.#requests !== undefined;
  }

  /**
   * Returns the target for reads. The role for plans takes the place of that of the request.
   *
   * @throws ApplicationFailure where the account or the role is not allowed
   */
  targetForReads(target: Target): Target {
    const { guardrails } = this;
    if (guardrails === null) return target;
    this.#refuse('plan', evaluateAccess(guardrails, target));
    const { planRole, assumeRole } = accessOf(guardrails, { target, namespace: '', environment: undefined });
    const role = planRole ?? assumeRole;
    return role === undefined ? target : { ...target, assumeRole: role };
  }

  /** Returns the external ID for the role of a target. */
  externalIdOf(target: Target): string | undefined {
    const { guardrails } = this;
    if (guardrails === null) return undefined;
    return accessOf(guardrails, { target, namespace: '', environment: undefined }).externalId;
  }

  /**
   * Makes sure that the guardrails allow what a request names.
   *
   * @throws ApplicationFailure
   */
  assertRequest(scope: Scope): void {
    const { guardrails } = this;
    if (guardrails !== null) this.#refuse('plan', evaluateRequest(guardrails, scope));
  }

  /** Returns why the guardrails refuse an entity of a plan; null where they allow it. */
  refusalOf(scope: Scope, subject: Parameters<typeof evaluateEntity>[2]): string | null {
    const { guardrails } = this;
    return this.refusalFor(guardrails === null ? [] : evaluateEntity(guardrails, scope, subject));
  }

  /** Returns the reason for which a plan refuses an entity, and counts the refusal; null without violations. */
  refusalFor(violations: readonly Violation[]): string | null {
    if (violations.length === 0) return null;
    this.#onRefusal('plan');
    return violationsText(violations);
  }

  /**
   * Makes sure that a request is signed, where the worker takes only such.
   *
   * @throws ApplicationFailure
   */
  async assertSigned(request: BootstrapRequest): Promise<void> {
    if (this.#requests === undefined) return;
    const permit = await countRefusal(this.#onRefusal, this.delegations?.assert(request));
    if (permit === undefined) await countRefusal(this.#onRefusal, this.#requests.assertRequest(request));
  }

  /**
   * Permits the runs of a schedule what its maker may do. To detect drift needs no more than to plan. Null where the
   * worker asks nobody for a proof.
   *
   * @throws ApplicationFailure where it may not
   */
  async permitSchedule(scheduled: SchedulePermitRequest): Promise<PermittedSchedule> {
    const { command, request } = scheduled;
    if (!isFleetRequest(request)) this.assertRequest(request);
    if (this.delegations === undefined) return null;
    await countRefusal(this.#onRefusal, this.#requests?.assertSchedule(scheduled));
    const maker = command === 'enforce' ? await this.proofs?.proveSchedule(scheduled) : undefined;
    return this.delegations.schedules.sign(scheduled, maker ?? { requester: null });
  }

  /**
   * Permits the runs for the accounts of a fleet what its requester may do. Null where the worker asks nobody for a proof.
   *
   * @throws ApplicationFailure where the request is not signed, or its token proves nothing
   */
  async permitFleet(request: FleetRequest): Promise<FleetPermit | null> {
    if (this.delegations === undefined) return null;
    const { schedules, fleets } = this.delegations;
    const isScheduled = request.proof?.permit !== undefined;
    const permit = await countRefusal(this.#onRefusal, isScheduled ? schedules.assert(request) : undefined);
    if (permit !== undefined) return fleets.sign(request, permit);
    await countRefusal(this.#onRefusal, this.#requests?.assertFleet(request));
    const asked = request.command === 'apply' ? await this.proofs?.proveFleet(request) : undefined;
    return fleets.sign(request, asked ?? { requester: null });
  }

  /**
   * Makes sure that a request to read entities is signed, where the worker takes only such.
   *
   * @throws ApplicationFailure
   */
  async assertReadSigned(request: Parameters<SignedRequests['assertRead']>[0]): Promise<void> {
    await countRefusal(this.#onRefusal, this.#requests?.assertRead(request));
  }

  /**
   * Verifies that a decision about a plan is signed. Returns the proof of an approval for the plan that is made again, and
   * null for a rejection.
   *
   * @throws ApplicationFailure where it is not signed as the worker asks
   */
  async verifyDecision(request: SignedDecisionRequest): Promise<string | null> {
    if (this.#requests === undefined || this.#binding === undefined) {
      const remedy = 'give all workers of the task queue the same request key';
      throw failure('NotAllowed', 'this worker has no request key, and so cannot verify who decides', { remedy });
    }
    await countRefusal(this.#onRefusal, this.#requests.assertDecision(request));
    if (request.verdict === 'rejected') return null;
    return this.#binding.permits.permitApproval(await firstRunOf(this.#binding), request.decision.plan);
  }

  /**
   * Returns the plan with what binds its run to it. A run that continues after a reset is the same. A plan that needs
   * approvals permits nothing before it was approved, nor does one of a run that only plans.
   *
   * @throws ApplicationFailure where no worker has verified the approval
   */
  async bind(request: BootstrapRequest, plan: Plan, approved?: ApprovedPlan): Promise<Plan> {
    const { workflowExecution: run, workflowType } = activityInfo();
    if (this.#binding === undefined || run === undefined || isReadOnly(workflowType)) return plan;
    const { permits } = this.#binding;
    const { digest, approvalRule } = plan;
    const isKeyed = this.#requests !== undefined;
    const runId = await firstRunOf(this.#binding);
    const readPermit = permits.permitReads(runId, request);
    const decided = isKeyed ? { ...plan, signedDecisions: true as const, readPermit } : plan;
    // A plan has a digest where it needs an approval.
    if (digest !== undefined && approved?.plan !== digest) return decided;
    const isSignatureNeeded = isKeyed && approvalRule === undefined;
    if (approved !== undefined && digest !== undefined && isSignatureNeeded && !permits.isApproved(runId, approved)) {
      this.#refuseUnbound('no worker has verified an approval of this plan');
    }
    return permits.permitPlan(request, decided, runId);
  }

  /**
   * Returns the target for the reads of a verification. Its run needs a signed request for the same account. Without a
   * request key, anyone may plan, and a plan shows as much.
   *
   * @throws ApplicationFailure where the run may not read that account
   */
  async targetForVerification({ request, permit }: VerifyRequest): Promise<Target> {
    const target = this.targetForReads(request.target);
    if (this.#requests === undefined || this.#binding === undefined) return target;
    const runId = await firstRunOf(this.#binding);
    if (this.#binding.permits.mayRead(runId, request, permit)) return target;
    this.#onRefusal('plan');
    throw failure('NotAllowed', 'no plan of this run has permitted to read the account', { remedy: 'apply again' });
  }

  /** Returns the listing with what binds its run to it. */
  bindListing(request: ReconcileRequest, listing: Listing): Listing {
    if (this.#binding === undefined) return listing;
    return { ...listing, permit: this.#binding.permits.permitListing(request, listing.known) };
  }

  /**
   * Makes sure that a bootstrap run has planned what its entity run is about to do, and has started that run itself, which
   * it does after an approval.
   *
   * @throws ApplicationFailure
   */
  async assertBound(request: CreateRequest): Promise<void> {
    if (this.#binding === undefined) return;
    const { permits, launch } = this.#binding;
    const id = entityId(request.entity);
    if (!permits.isPermitted(request)) {
      if (!permits.isPermitted(await beforeReset(this.#binding, request)))
        this.#refuseUnbound(`no plan of this worker's bootstrap runs has permitted to write ${id} so`);
      this.#assertMayBeReset(request);
    }
    if (!permits.isListed(request)) this.#refuseUnbound(`no worker has listed what was there before ${id}`);
    const descent =
      (await launch(request)) ??
      this.#refuseUnbound(`${id} is written by entity runs of its bootstrap run ${request.intent} only`);
    if (descent.isReset) this.#assertMayBeReset(request);
  }

  #assertMayBeReset({ target, namespace, environment }: CreateRequest): void {
    if (this.proofs?.isRequired({ target, namespace, environment }) === true)
      this.#refuseUnbound('its bootstrap run was reset, and what was proven for a run is not proven for another');
  }

  #refuseUnbound(message: string): never {
    this.#onRefusal('write');
    throw failure('NotAllowed', message, { remedy: 'apply again: a bootstrap run plans, and then starts what writes' });
  }

  /** Returns the guard of an entity's writes. */
  guardOf(request: ReconcileRequest, spec: JsonObject): WriteGuard {
    const { target, namespace, environment, entity, arns } = request;
    const scope = { target, namespace, environment };
    const declaredPolicies = referredPolicies(entity, arns);
    const evaluate = (judge: (guardrails: Guardrails) => readonly Violation[]): void => {
      const { guardrails } = this;
      if (guardrails !== null) this.#refuse('write', judge(guardrails));
    };
    const assertEntity: WriteGuard['assertEntity'] = (observed) => {
      const subject = { entity, spec, fields: fieldsOf(entity), observed, declaredPolicies };
      evaluate((guardrails) => [...evaluateRequest(guardrails, scope), ...evaluateEntity(guardrails, scope, subject)]);
    };
    return {
      assertEntity,
      assertWrite: ({ operation, input }) => {
        evaluate((guardrails) => [
          ...evaluateRequest(guardrails, scope),
          ...evaluateWrite(guardrails, scope, { operation, input, declaredPolicies }),
        ]);
      },
    };
  }

  #refuse(at: RefusedAt, violations: readonly Violation[]): void {
    if (violations.length === 0) return;
    this.#onRefusal(at);
    throw failure('NotAllowed', violationsText(violations), {});
  }
}
