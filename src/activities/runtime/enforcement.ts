import { activityInfo } from '@temporalio/activity';
import type { CreateRequest, Listing, Plan } from '../../contract/activities.js';
import { entityId, type DesiredEntity, type JsonObject, type Target } from '../../contract/entity.js';
import type { BootstrapRequest, ReconcileRequest } from '../../contract/request.js';
import { evaluateEntity, evaluateRequest } from '../../guardrails/evaluate.js';
import type { Guardrails } from '../../guardrails/parse.js';
import { referredPolicies } from '../../guardrails/request.js';
import { accessOf, evaluateAccess } from '../../guardrails/rules/account.js';
import type { Scope } from '../../guardrails/template.js';
import { violationText, type Violation } from '../../guardrails/violation.js';
import { evaluateWrite } from '../../guardrails/write.js';
import { failure } from './failures.js';
import type { GuardrailsSource } from './guardrails-file.js';
import type { Launch } from './launches.js';
import { kindOf } from './observe.js';
import type { Permits } from './permits.js';
import type { WriteGuard } from './write-guard.js';

/** Violations that one message names. */
const MAX_VIOLATIONS = 5;

/** The stage at which something was refused. */
export type RefusedAt = 'plan' | 'write';

/** The means to bind an entity's writes to the bootstrap run that has planned them. */
interface Binding {
  readonly permits: Permits;
  readonly launch: Launch;
}

interface EnforcementOptions {
  readonly source: GuardrailsSource;
  readonly onRefusal?: (at: RefusedAt) => void;
  /** Default: writes are judged by the guardrails alone. */
  readonly binding?: Binding;
}

/** The guardrails of a worker, as its activities apply them. */
export class Enforcement {
  readonly #source: GuardrailsSource;
  readonly #onRefusal: (at: RefusedAt) => void;
  readonly #binding: Binding | undefined;

  constructor({ source, onRefusal = () => undefined, binding }: EnforcementOptions) {
    this.#source = source;
    this.#onRefusal = onRefusal;
    this.#binding = binding;
  }

  /** Returns the guardrails in force; null where the worker has none. */
  get guardrails(): Guardrails | null {
    return this.#source.current();
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

  /** @throws ApplicationFailure where the request names something that is not allowed */
  assertRequest(scope: Scope): void {
    const { guardrails } = this;
    if (guardrails !== null) this.#refuse('plan', evaluateRequest(guardrails, scope));
  }

  /** Returns why the guardrails refuse an entity of a plan; null where they allow it. */
  refusalOf(scope: Scope, subject: Parameters<typeof evaluateEntity>[2]): string | null {
    const { guardrails } = this;
    const violations = guardrails === null ? [] : evaluateEntity(guardrails, scope, subject);
    if (violations.length === 0) return null;
    this.#onRefusal('plan');
    return textOf(violations);
  }

  /** Returns the plan with what binds its run to it. */
  bind(request: BootstrapRequest, plan: Plan): Plan {
    const { workflowExecution } = activityInfo();
    if (this.#binding === undefined || workflowExecution === undefined) return plan;
    return this.#binding.permits.permitPlan(request, plan, workflowExecution.runId);
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
    if (!permits.isPermitted(request))
      this.#refuseUnbound(`no plan of this worker's bootstrap runs has permitted to write ${id} so`);
    if (!permits.isListed(request)) this.#refuseUnbound(`no worker has listed what was there before ${id}`);
    if (await launch(request)) return;
    this.#refuseUnbound(`${id} is written by entity runs of its bootstrap run ${request.intent} only`);
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
    throw failure('NotAllowed', textOf(violations), {});
  }
}

/** Returns the properties that an entity of this kind can have. */
export function fieldsOf(entity: DesiredEntity): readonly string[] {
  return Object.keys(kindOf(entity).schema.shape);
}

function textOf(violations: readonly Violation[]): string {
  const shown = violations.slice(0, MAX_VIOLATIONS).map(violationText);
  const more = violations.length - shown.length;
  return [...shown, ...(more === 0 ? [] : [`and ${String(more)} more`])].join('; ');
}
