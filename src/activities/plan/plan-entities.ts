import { createHash } from 'node:crypto';
import { activityInfo, log } from '@temporalio/activity';
import { isWrite } from '../../contract/actions.js';
import type { Plan } from '../../contract/activities.js';
import { entityId, entityKey, entityKeyOfId, type DesiredEntity } from '../../contract/entity.js';
import type { BootstrapRequest } from '../../contract/request.js';
import { entityWorkflowId } from '../../contract/workflow-ids.js';
import { assess } from '../../engine/decide.js';
import { dependencyOrder } from '../../engine/graph.js';
import { digestChanges } from '../../engine/planned-change.js';
import { referencesIn } from '../../engine/references.js';
import { checkRequest } from '../../engine/request.js';
import { KINDS } from '../../kinds/index.js';
import type { Observed } from '../../kinds/kind.js';
import { truncateToFit } from '../../report/build.js';
import { decisionContext, resolvedSpec } from '../reconcile/desired-state.js';
import type { Account, Accounts } from '../runtime/accounts.js';
import type { Calls } from '../runtime/activity-context.js';
import { failure } from '../runtime/failures.js';
import type { Ledgers } from '../ledger.js';
import { kindOf, observeEntities, observeEntity } from '../runtime/observe.js';
import { plannedChangeOf, withDecision, withPlanned, type AssessedEntity } from './assessed-entity.js';
import { plannedClaim, readClaims } from './entity-claims.js';
import { checkEntityCounts, readAccountSummary, refuseTooLarge } from './check-quotas.js';
import { digestPlan } from './plan-digest.js';
import { planRemovals } from './plan-removals.js';

/** Refusals of a plan that are logged one by one. */
const MAX_LOGGED_REFUSALS = 20;

/** The digests of a plan that waits for no approval. */
const NO_DIGEST = { digest: undefined, entityDigests: [] } as const;

/** Verifies the account, reads it in bulk, and decides for each entity. Writes nothing. */
export async function planEntities(
  accounts: Pick<Accounts, 'get'>,
  ledgers: Pick<Ledgers, 'entityClaims'>,
  request: BootstrapRequest,
  calls: Calls,
): Promise<Plan> {
  const problem = checkRequest(request, KINDS);
  if (problem !== null) throw failure('InvalidManifest', problem, { calls });
  const account = accounts.get(request.target, request.namespace);
  await account.guard.verify();

  const assessed = refuseMissingReferences(await assessEntities(account, ledgers, request));
  const summary = await readAccountSummary(account, assessed);
  const withRemovals = await planRemovals(account, request.namespace, refuseTooLarge(assessed, summary), (ids) =>
    ledgers.entityClaims(request.target.account, ids),
  );
  const entities = refuseCycles(checkEntityCounts(withRemovals, summary));
  logDecisions(entities);
  return planOf(request, entities, calls);
}

async function assessEntities(
  account: Account,
  ledgers: Pick<Ledgers, 'entityClaims'>,
  request: BootstrapRequest,
): Promise<readonly AssessedEntity[]> {
  const [observed, claims] = await Promise.all([
    observeEntities(account, request.entities),
    readClaims(ledgers, request),
  ]);
  const arns = predictArns(request, observed);
  const positions = new Map(request.entities.map((entity, index) => [entityKey(entity), index]));
  return Promise.all(
    request.entities.map(async (entity): Promise<AssessedEntity> => {
      const assessed = await assessEntity({
        account,
        request,
        entity,
        arns,
        observed: observed.get(entityKey(entity)),
        claimedBy: claims.get(entityKey(entity)) ?? null,
      });
      const after = entity.dependsOn.flatMap((id) => positions.get(entityKeyOfId(id)) ?? []);
      return withPlanned(assessed, { after });
    }),
  );
}

/** Returns the ARN of each entity, by `Kind/name`: as observed, or as the entity will have it. */
function predictArns(
  { entities, target }: BootstrapRequest,
  observed: ReadonlyMap<string, Observed>,
): Readonly<Record<string, string>> {
  const arns = entities.map((entity) => {
    // A declared path decides the ARN, except of an entity that is only observed; without one, the path stays.
    const keepsPath = entity.state !== 'present' || entity.observe || entity.spec['path'] === undefined;
    const existing = keepsPath ? observed.get(entityKey(entity))?.arn : undefined;
    return [entityId(entity), existing ?? kindOf(entity).arnOf(entity.spec, target)];
  });
  return Object.fromEntries(arns) as Record<string, string>;
}

/** Refuses entities that refer to one that does not exist and that no run creates, because it is only observed. */
function refuseMissingReferences(entities: readonly AssessedEntity[]): readonly AssessedEntity[] {
  const isMissing = ({ entity, observed }: AssessedEntity): boolean =>
    entity.state === 'present' && entity.observe && observed === undefined;
  const missing = new Set(entities.filter(isMissing).map(({ entity }) => entityKey(entity)));
  if (missing.size === 0) return entities;
  return entities.map((assessed) => {
    const { entity, kind, planned } = assessed;
    const referred =
      entity.state === 'present' ? [...referencesIn(entity.spec), ...(kind.references?.(entity.spec) ?? [])] : [];
    const ids = [...new Set(referred.filter((id) => missing.has(entityKeyOfId(id))))];
    if (ids.length === 0 || !isWrite(planned.decision.action)) return assessed;
    return withDecision(assessed, {
      action: 'refuse',
      reason: `refers to ${ids.join(', ')}, which does not exist and, with observe: true, is not created`,
      remedy: `create ${ids.join(', ')} first, remove observe: true from it, or remove the reference`,
    });
  });
}

async function assessEntity({
  account,
  request: { namespace, target },
  entity,
  arns,
  observed: inBulk,
  claimedBy,
}: {
  readonly account: Account;
  readonly request: BootstrapRequest;
  readonly entity: DesiredEntity;
  readonly arns: Readonly<Record<string, string>>;
  readonly observed: Observed | undefined;
  readonly claimedBy: string | null;
}): Promise<AssessedEntity> {
  const kind = kindOf(entity);
  const spec = resolvedSpec(entity, arns);
  const intent = activityInfo().workflowExecution?.runId ?? '';
  const context = { ...decisionContext({ namespace, target, intent }), claimedBy };
  let observed = inBulk;
  let assessment = assess(kind, entity, spec, observed, context);
  if (entity.replace === true && assessment.decision.drift.some(({ immutable }) => immutable === true)) {
    // A listing may leave out what the spec does not name, and the replacement would lose it.
    observed = await observeEntity(account, entity);
    assessment = assess(kind, entity, spec, observed, context);
  }
  if (observed !== undefined && observed.owner === undefined && kind.readOwner !== undefined) {
    const { action } = assessment.decision;
    // The listing does not show this owner, and nothing is taken or deleted without a look at it.
    if (action === 'adopt' || action === 'delete') {
      observed = { ...observed, owner: await kind.readOwner(account.clients.reader, observed) };
      assessment = assess(kind, entity, spec, observed, context);
    }
  }
  const claim = kind.ownable ? undefined : plannedClaim(entity, assessment.decision, namespace, claimedBy);
  const planned = {
    kind: entity.kind,
    name: entity.name,
    arn: arns[entityId(entity)] ?? '',
    decision: assessment.decision,
    workflowId: lockOf(target.account, entity),
    after: [],
    ...(kind.secret?.listCandidates === undefined ? {} : { listFirst: true }),
    ...(claim === undefined ? {} : { claim }),
  };
  return { entity, kind, spec, observed, assessment, planned };
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

function planOf(request: BootstrapRequest, entities: readonly AssessedEntity[], calls: Calls): Plan {
  const decisions = truncateToFit(entities.map(({ planned }) => planned.decision));
  const { digest, entityDigests } = request.approval === undefined ? NO_DIGEST : digestPlan(request, entities);
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

/** Returns the ID of the only workflow that may write an entity. */
export function lockOf(account: string, entity: { readonly kind: string; readonly name: string }): string {
  return entityWorkflowId(account, entity, (text) => createHash('sha256').update(text).digest('hex'));
}
