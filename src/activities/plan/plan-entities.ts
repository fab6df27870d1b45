import { activityInfo, log } from '@temporalio/activity';
import { attempt, isRefusal, isRefused } from '../../aws/refused-reads.js';
import { isWrite } from '../../contract/actions.js';
import type { ApprovedPlan, Plan, PlannedClaim, PlannedEntity } from '../../contract/activities.js';
import { entityId, entityKey, entityKeyOfId, type DesiredEntity } from '../../contract/entity.js';
import type { Decision } from '../../contract/report.js';
import type { BootstrapRequest, Holding } from '../../contract/request.js';
import { assess, type Assessment, type DecisionContext } from '../../engine/decide.js';
import { dependencyOrder } from '../../engine/graph.js';
import { strings } from '../../engine/json.js';
import { digestChanges } from '../../engine/planned-change.js';
import { principalsIn } from '../../engine/policy/index.js';
import { checkRequest } from '../../engine/request.js';
import { KINDS } from '../../kinds/index.js';
import type { Kind, Observed } from '../../kinds/kind.js';
import { truncateToFit } from '../../report/build.js';
import { decisionContext, resolvedSpec } from '../reconcile/desired-state.js';
import type { Account, AccountLease } from '../runtime/accounts.js';
import type { Calls } from '../runtime/activity-context.js';
import type { Enforcement } from '../runtime/enforcement.js';
import { failure } from '../runtime/failures.js';
import type { Ledgers } from '../ledger.js';
import { kindOf, observeEntity, withConfirmedTags } from '../runtime/observe.js';
import { lockOf } from './entity-lock.js';
import { checkPolicies } from './check-policies.js';
import { notesOf, plannedChangeOf, withDecision, withPlanned, type AssessedEntity } from './assessed-entity.js';
import { Claims, plannedClaim, readClaims } from './entity-claims.js';
import { checkEntityCounts, readAccountSummary, refuseTooLarge } from './check-quotas.js';
import type { ChangedEntities } from './indexed-tags.js';
import { refuseMissingReferences } from './refuse-missing-references.js';
import { refuseNotAllowed } from './refuse-not-allowed.js';
import { type NamespaceToPlan, observeWithOrphans } from './namespace-to-plan.js';
import { orderMemberships } from './order-memberships.js';
import { digestPlan } from './plan-digest.js';
import { planRemovals } from './plan-removals.js';
import { planRenames } from './plan-renames.js';
import { removeReplacedLast } from './replaced.js';
import { predictArns } from './predict-arns.js';
import { failDependents, unreadEntity } from './unread-entities.js';

/** Refusals of a plan that are logged one by one. */
const MAX_LOGGED_REFUSALS = 20;

/** The digests of a plan that waits for no approval. */
const NO_DIGEST = { digest: undefined, entityDigests: [] } as const;

/** The state in Temporal that a plan depends on. */
interface PlanSources {
  readonly ledgers: Pick<Ledgers, 'entityClaims' | 'declarations'>;
  readonly entityRuns: ChangedEntities;
}

/** Verifies the account, reads it in bulk, and decides for each entity. Writes nothing. */
export async function planEntities(
  accounts: Pick<AccountLease, 'get'>,
  { ledgers, entityRuns }: PlanSources,
  request: BootstrapRequest,
  calls: Calls,
  enforcement: Enforcement,
  approved?: ApprovedPlan,
): Promise<Plan> {
  const problem = checkRequest(request, KINDS);
  if (problem !== null) throw failure('InvalidManifest', problem, { calls });
  const guardrails = enforcement.guardrails?.digest;
  enforcement.assertRequest(request);
  const proven = await enforcement.proofs?.prove(request, approved);
  const account = accounts.get(enforcement.targetForReads(request.target), request.namespace);
  await account.guard.verify();

  const namespace = await observeWithOrphans(account, ledgers, entityRuns, request);
  const allowed = refuseNotAllowed(await assessEntities(account, ledgers, namespace), namespace.request, enforcement);
  const assessed = refuseMissingReferences(allowed);
  const summary = await readAccountSummary(account, assessed);
  const fitting = refuseTooLarge(assessed, summary, request.target);
  const checked = await checkPolicies(account, fitting, request, enforcement);
  const withRemovals = await planRemovals(account, request.namespace, checked, (ids) =>
    ledgers.entityClaims(request.target.account, ids),
  );
  const ordered = await orderMemberships(account, withRemovals);
  const entities = withNewPrincipals(refuseCycles(failDependents(checkEntityCounts(ordered, summary))));
  logDecisions(entities);
  const isApprovalNeeded = request.approval !== undefined || proven?.approvalRule !== undefined;
  const plan = { ...planOf(request, entities, calls, isApprovalNeeded), ...namespace.orphans, ...proven };
  return guardrails === undefined ? plan : { ...plan, guardrails };
}

async function assessEntities(
  account: Account,
  ledgers: Pick<Ledgers, 'entityClaims'>,
  { request, observed, unread, declarations, renames }: NamespaceToPlan,
): Promise<readonly AssessedEntity[]> {
  const claims = new Claims(request.namespace, renames, await readClaims(ledgers, request, renames));
  const arns = predictArns(request, observed);
  const positions = new Map(request.entities.map((entity, index) => [entityKey(entity), index]));
  const assessedEntities = await Promise.all(
    request.entities.map(async (entity): Promise<AssessedEntity> => {
      const key = entityKey(entity);
      const shown = renames.shown(entity, observed.get(key), claims.isOurs);
      const assess = (): Promise<AssessedEntity> =>
        assessEntity({ account, request, entity, arns, observed: shown, others: observed, claims, declarations });
      const read = unread.get(key) ?? (await attempt(assess, isRefusal));
      const assessed = isRefused(read) ? unreadEntity(entity, read, arns, request.target) : read;
      const after = entity.dependsOn.flatMap((id) => positions.get(entityKeyOfId(id)) ?? []);
      return declarations.plan(withPlanned(assessed, { after }));
    }),
  );
  return planRenames(removeReplacedLast(assessedEntities), renames, claims, (key) => declarations.isKnown(key));
}

async function assessEntity({
  account,
  request: { namespace, target, entities },
  entity,
  arns,
  observed: inBulk,
  others,
  claims,
  declarations,
}: {
  readonly account: Account;
  readonly request: BootstrapRequest;
  readonly entity: DesiredEntity;
  readonly arns: Readonly<Record<string, string>>;
  readonly observed: Observed | undefined;
  /** All entities of the request, as observed. */
  readonly others: ReadonlyMap<string, Observed>;
  readonly claims: Claims;
  readonly declarations: NamespaceToPlan['declarations'];
}): Promise<AssessedEntity> {
  const kind = kindOf(entity);
  const spec = resolvedSpec(entity, arns);
  const intent = activityInfo().workflowExecution?.runId ?? '';
  const context = { ...decisionContext({ namespace, target, intent }), claimedBy: claims.claimantOf(entity) };
  let observed = inBulk && withoutDeclared(inBulk, entity.name, entities, others);
  let assessment = assess(kind, entity, spec, observed, context);
  if (
    observed?.hasIndexedTags === true &&
    (!isNothingToDo(assessment) || declarations.mayBeRecreated(entity, observed))
  ) {
    // What differs, is not ours or may be another one of the same name is decided by what IAM shows.
    observed = await withConfirmedTags(account, entity, observed);
    assessment = assess(kind, entity, spec, observed, context);
  }
  if (entity.replace === true && assessment.decision.drift.some(({ immutable }) => immutable === true)) {
    // A listing may leave out what the spec does not name, and the replacement would lose it.
    observed = await observeEntity(account, entity);
    assessment = assess(kind, entity, spec, observed, context);
  }
  if (observed !== undefined && kind.readRest !== undefined && isTakenOrDeleted(entity, kind, assessment, context)) {
    // A bulk read leaves things out, and nothing is taken or deleted without a look at its owner and all that it holds.
    const complete = await kind.readRest(account.clients.reader, observed);
    observed = withoutDeclared(complete, entity.name, entities, others);
    assessment = assess(kind, entity, spec, observed, context);
  }
  const { decision } = assessment;
  const planned = {
    kind: entity.kind,
    name: entity.name,
    arn: arns[entityId(entity)] ?? '',
    decision,
    workflowId: lockOf(target.account, entity),
    after: [],
    ...optionalParts(kind, observed, decision, plannedClaim(entity, decision, namespace, claims.of(entity))),
  };
  return { entity, kind, spec, observed, assessment, planned };
}

/** Returns the parts of a plan that only some entities have. */
function optionalParts(
  { secret, ownable }: Kind,
  observed: Observed | undefined,
  { action }: Decision,
  claim: PlannedClaim | undefined,
): Pick<PlannedEntity, 'listFirst' | 'claim' | 'holdings'> {
  const holdings = isWrite(action) ? observed?.holdings : undefined;
  return {
    ...(secret?.listCandidates === undefined ? {} : { listFirst: true }),
    ...(ownable || claim === undefined ? {} : { claim }),
    ...(holdings === undefined ? {} : { holdings }),
  };
}

function isNothingToDo({ decision: { action, drift } }: Assessment): boolean {
  return action === 'no-op' && drift.length === 0;
}

/** Reports whether an entity becomes this namespace's by this run, or goes. */
function isTakenOrDeleted(
  { state, observe }: DesiredEntity,
  { ownable, hidesOwner }: Pick<Kind, 'ownable' | 'hidesOwner'>,
  { decision: { action } }: Assessment,
  { claimedBy, namespace }: DecisionContext,
): boolean {
  if (action === 'adopt' || (action === 'delete' && hidesOwner === true)) return true;
  const isClaimed = !ownable && state === 'present' && !observe && claimedBy !== namespace;
  return isClaimed && (action === 'update' || action === 'no-op');
}

/** Leaves out of an entity's holdings what the request declares as entities of their own, or as members of a group. */
function withoutDeclared(
  observed: Observed,
  declaredName: string,
  entities: readonly DesiredEntity[],
  others: ReadonlyMap<string, Observed>,
): Observed {
  const { holdings, name: holder } = observed;
  if (holdings === undefined || holdings.length === 0) return observed;
  const isDeclared = ({ kind, id }: Holding): boolean =>
    entities.some((entity) => {
      if (entity.kind !== kind || entity.state !== 'present') return false;
      const { name, arn = '', facts = {} } = others.get(entityKey(entity)) ?? { name: entity.name };
      const isSame = [name, arn, ...Object.values(facts)].some((text) => text === id);
      // Memberships are declared with the group.
      const members = kind === 'Group' ? strings(entity.spec['users']) : [holder];
      return isSame && (members.includes(holder) || members.includes(declaredName));
    });
  return { ...observed, holdings: holdings.filter((holding) => !isDeclared(holding)) };
}

/** Refuses entities that wait for each other: a deletion may wait for an entity that the manifest orders after it. */
function refuseCycles(entities: readonly AssessedEntity[]): readonly AssessedEntity[] {
  const order = dependencyOrder(
    entities.map(({ planned }, index) => ({ id: String(index), dependsOn: planned.after.map(String) })),
  );
  if (order.ok) return entities;
  const cycles = new Map(order.cycles.flatMap((cycle) => cycle.map((position) => [position, cycle] as const)));
  return entities.map((assessed, index) => {
    const cycle = cycles.get(index);
    if (cycle === undefined) return assessed;
    const names = cycle.flatMap((position) => entities[position] ?? []).map(({ entity }) => entityId(entity));
    const refused = withDecision(assessed, {
      action: 'refuse',
      reason: `cannot be ordered: ${names.join(', ')} wait for each other`,
      remedy: 'remove the references in an apply of their own, and then delete or replace',
    });
    return withPlanned(refused, { after: [] });
  });
}

/** Adds the principals of trust policies that the plan creates: IAM does not know them at once. */
function withNewPrincipals(entities: readonly AssessedEntity[]): readonly AssessedEntity[] {
  const isMade = ({ planned }: AssessedEntity): boolean => ['create', 'replace'].includes(planned.decision.action);
  const made = new Set(entities.filter(isMade).map(({ planned }) => planned.arn));
  return entities.map((assessed) => {
    const documents = Object.keys(assessed.kind.properties).filter(
      (property) => assessed.kind.properties[property]?.type === 'document',
    );
    const principals = documents.flatMap((property) => principalsIn(assessed.spec[property] ?? null));
    const newPrincipals = principals.filter((arn) => made.has(arn));
    return newPrincipals.length === 0 ? assessed : withPlanned(assessed, { newPrincipals });
  });
}

function logDecisions(entities: readonly AssessedEntity[]): void {
  for (const { planned } of entities) {
    log.debug('decision', {
      entity: entityId(planned),
      decision: planned.decision.action,
      reason: planned.decision.reason,
    });
  }
  const refused = entities.filter(({ planned }) => planned.decision.action === 'refuse');
  for (const { planned } of refused.slice(0, MAX_LOGGED_REFUSALS)) {
    log.warn(`the plan refuses ${entityId(planned)}: ${planned.decision.reason ?? ''}`);
  }
  const others = refused.length - MAX_LOGGED_REFUSALS;
  if (others > 0) log.warn(`the plan refuses ${String(others)} more`);
}

function planOf(
  request: BootstrapRequest,
  entities: readonly AssessedEntity[],
  calls: Calls,
  isApprovalNeeded: boolean,
): Plan {
  const decisions = truncateToFit(
    entities.map((assessed): Decision => ({ ...assessed.planned.decision, ...notesOf(assessed, request.target) })),
  );
  const { digest, entityDigests } = isApprovalNeeded ? digestPlan(request, entities) : NO_DIGEST;
  const lines = digestChanges(entities.map(plannedChangeOf));
  return {
    entities: entities.map(({ planned }, index) => {
      const entityDigest = entityDigests[index];
      const decision = decisions[index] ?? planned.decision;
      const shown = isWrite(decision.action) ? { lines: lines[index] ?? [] } : {};
      return { ...planned, decision, ...shown, ...(entityDigest === undefined ? {} : { digest: entityDigest }) };
    }),
    calls,
    ...(digest === undefined ? {} : { digest }),
  };
}
