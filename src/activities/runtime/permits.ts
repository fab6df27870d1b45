import { timingSafeEqual } from 'node:crypto';
import { isWrite } from '../../contract/actions.js';
import type { ApprovedPlan, CreateRequest, Plan } from '../../contract/activities.js';
import { entityId, refersToItself } from '../../contract/entity.js';
import type { FleetPermit, Identity, SchedulePermit, SignedIdentity } from '../../contract/identity.js';
import type { FleetAccount } from '../../contract/fleet.js';
import type { BootstrapRequest, ReconcileRequest } from '../../contract/request.js';
import { macOf } from '../../identity/mac.js';

/** Bytes of a signature. A plan carries one for each of thousands of entities. */
const SIGNATURE_BYTES = 16;

/** The part of a request that a permit signs. What changes from one activity to the next is decided anew by each. */
type Permitted = Pick<
  ReconcileRequest,
  | 'target'
  | 'namespace'
  | 'environment'
  | 'entity'
  | 'planned'
  | 'approved'
  | 'arns'
  | 'intent'
  | 'installation'
  | 'listFirst'
  | 'detachable'
  | 'newPrincipals'
>;

/** The account that a run may read, and the namespace in whose session. */
type ReadScope = Pick<BootstrapRequest, 'target' | 'namespace'>;

/** The parts that a proven identity can have in a run. */
export type IdentityPurpose = 'requester' | 'approval';

/** The content that a permit of a fleet is signed for. */
type FleetContent = 'fleet request' | 'fleet account request';

/** Signs what a plan permits, with a key that only workers have. The first key signs, and all of them are accepted. */
export class Permits {
  readonly #keys: readonly string[];

  constructor(keys: readonly string[]) {
    this.#keys = keys;
  }

  /** Returns the plan with a permit for each entity that its run may write. */
  permitPlan(request: BootstrapRequest, plan: Plan, intent: string): Plan {
    const desired = [...request.entities, ...(plan.released ?? [])];
    const arns = new Map(plan.entities.map((planned) => [entityId(planned), planned.arn]));
    const { target, namespace, environment } = request;
    const entities = plan.entities.map((planned, index) => {
      const entity = desired[index];
      if (entity === undefined || !isWrite(planned.decision.action)) return planned;
      const { decision, lines = [], holdings, uniqueId, listFirst, detachable, newPrincipals } = planned;
      const referred = refersToItself(entity) ? [...entity.dependsOn, entityId(entity)] : entity.dependsOn;
      const content = {
        target,
        namespace,
        environment,
        entity,
        planned: { action: decision.action, lines, holdings, uniqueId },
        approved: request.approval !== undefined || plan.approvalRule !== undefined,
        arns: Object.fromEntries(referred.flatMap((id) => (arns.has(id) ? [[id, arns.get(id)]] : []))),
        intent,
        installation: plan.installation,
        listFirst,
        detachable,
        newPrincipals,
      };
      return { ...planned, permit: this.#sign('write', contentOf(content as Permitted)) };
    });
    return { ...plan, entities };
  }

  /** Reports whether a request is what the plan of its run permits. */
  isPermitted(request: ReconcileRequest): boolean {
    return this.#isSigned('write', contentOf(request), request.permit);
  }

  /** Returns the signature of a listing before a Create. */
  permitListing(request: ReconcileRequest, known: readonly string[]): string {
    return this.#sign('known', listingOf(request, known));
  }

  /** Reports whether what a Create takes for older than itself is what a worker has listed. */
  isListed({ known, knownPermit, ...request }: CreateRequest): boolean {
    if (known === undefined) return true;
    return this.#isSigned('known', listingOf(request, known), knownPermit);
  }

  /** Returns an identity that was proven to a run, with the signature by which later activities of the run believe it. */
  signIdentity(purpose: IdentityPurpose, runId: string, identity: Identity, digest: string): SignedIdentity {
    return { identity, digest, permit: this.#sign(purpose, { runId, identity, digest }) };
  }

  /** Reports whether a worker has verified an identity for a run. */
  isProven(purpose: IdentityPurpose, runId: string, { identity, digest, permit }: SignedIdentity): boolean {
    return this.#isSigned(purpose, { runId, identity, digest }, permit);
  }

  /** Returns the signature of an approval that a worker has verified for a run. */
  permitApproval(runId: string, plan: string): string {
    return this.#sign('approved', { runId, plan });
  }

  /** Reports whether a worker has verified an approval of a plan for a run. */
  isApproved(runId: string, { plan, permit }: Pick<ApprovedPlan, 'plan' | 'permit'>): boolean {
    return this.#isSigned('approved', { runId, plan }, permit);
  }

  /** Returns the signature that lets a run read the account of its request. */
  permitReads(runId: string, { target, namespace }: ReadScope): string {
    return this.#sign('read', { runId, target, namespace });
  }

  /** Reports whether a run may read an account. */
  mayRead(runId: string, { target, namespace }: ReadScope, permit: string | undefined): boolean {
    return this.#isSigned('read', { runId, target, namespace }, permit);
  }

  /** Returns the permit of a schedule whose runs send a request with this digest. */
  permitSchedule(permit: Omit<SchedulePermit, 'signature'>, digest: string): SchedulePermit {
    const { schedule, command, requester, principal } = permit;
    return { ...permit, signature: this.#sign('schedule', { schedule, command, requester, principal, digest }) };
  }

  /** Reports whether a worker has permitted a schedule to send a request with this digest. */
  isSchedulePermit({ signature: given, ...permit }: SchedulePermit, digest: string): boolean {
    const { schedule, command, requester, principal } = permit;
    return this.#isSigned('schedule', { schedule, command, requester, principal, digest }, given);
  }

  /**
   * Returns a permit of a fleet's run.
   *
   * @param content - what it is signed for: the request for the fleet, or that for one of its accounts
   * @param permit - what it says
   * @param digest - the digest of that content
   */
  permitFleet(content: FleetContent, permit: Omit<FleetPermit, 'signature'>, digest: string): FleetPermit {
    const { runId, command, requester, principal } = permit;
    const signed = { runId, command, requester, ...(principal === undefined ? {} : { principal }) };
    return { ...signed, signature: this.#sign(content, { ...signed, digest }) };
  }

  /** Reports whether a worker has permitted a fleet's run to do what the content with this digest asks for. */
  isFleetPermit(content: FleetContent, permit: FleetPermit, digest: string): boolean {
    const { runId, command, requester, principal, signature: given } = permit;
    return this.#isSigned(content, { runId, command, requester, principal, digest }, given);
  }

  /** Returns the account of a fleet with the signature by which it counts as one of this run of the fleet. */
  permitAccount(runId: string, { id, name, tags }: FleetAccount): FleetAccount {
    return { id, name, tags, permit: this.#sign('fleet account', { runId, id, name, tags }) };
  }

  /** Reports whether a worker has found an account for this run of a fleet. */
  isAccountOf(runId: string, { id, name, tags, permit }: FleetAccount): boolean {
    return this.#isSigned('fleet account', { runId, id, name, tags }, permit);
  }

  /** Returns the signature of what is remembered of a proof: the run that it was used for. */
  permitUse(id: string, runId: string): string {
    return this.#sign('use', { id, runId });
  }

  /** Reports whether a worker has remembered a proof for a run. */
  isUse(id: string, runId: string, permit: unknown): boolean {
    return typeof permit === 'string' && this.#isSigned('use', { id, runId }, permit);
  }

  #sign(purpose: string, content: unknown): string {
    return signature(this.#keys[0] ?? '', purpose, content).toString('base64url');
  }

  #isSigned(purpose: string, content: unknown, permit: string | undefined): boolean {
    const given = Buffer.from(permit ?? '', 'base64url');
    if (given.length !== SIGNATURE_BYTES) return false;
    return this.#keys.some((key) => timingSafeEqual(given, signature(key, purpose, content)));
  }
}

function signature(key: string, purpose: string, content: unknown): Buffer {
  return macOf(key, `permit 1 ${purpose}`, content).subarray(0, SIGNATURE_BYTES);
}

function contentOf(request: Permitted): unknown {
  const { target, namespace, environment, entity, planned, approved, arns, intent, ...more } = request;
  const { installation, listFirst, detachable, newPrincipals } = more;
  const { action, lines, holdings, uniqueId } = planned;
  return {
    target,
    namespace,
    environment,
    entity,
    planned: { action, lines, holdings, uniqueId },
    approved,
    arns: Object.fromEntries(Object.entries(arns).map(([id, arn]) => [id, withoutPath(arn)])),
    intent,
    installation,
    listFirst,
    detachable,
    newPrincipals,
  };
}

function listingOf({ target, entity, intent }: ReconcileRequest, known: readonly string[]): unknown {
  return { account: target.account, entity: entityId(entity), intent, known };
}

/** Returns an ARN without its path, which a run may change. IAM does not tell entities apart by it. */
function withoutPath(arn: string): string {
  return arn.replace(
    /^(arn:[^:]*:iam::\d*:(?:role|user|group|policy|instance-profile|server-certificate)\/)(?:.*\/)?/,
    '$1',
  );
}
