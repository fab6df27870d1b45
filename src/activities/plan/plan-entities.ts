import { createHash } from 'node:crypto';
import { activityInfo } from '@temporalio/activity';
import { entityId, entityKey } from '../../contract/entity.js';
import { entityWorkflowId } from '../../contract/workflow-ids.js';
import type { BootstrapRequest } from '../../contract/request.js';
import { truncateToFit } from '../../report/truncate.js';
import type { Plan } from '../../contract/activities.js';
import { assess } from '../../engine/decide.js';
import { dependencyOrder } from '../../engine/graph.js';
import { resolveReferences } from '../../engine/references.js';
import { checkRequest } from '../../engine/request.js';
import { KINDS } from '../../kinds/index.js';
import type { Accounts } from '../runtime/accounts.js';
import { withDecision, withPlanned } from './assessed-entity.js';
import type { AssessedEntity } from './assessed-entity.js';
import { failure } from '../runtime/failures.js';
import { planRemovals } from './plan-removals.js';
import { kindOf, look, observe } from '../runtime/observe.js';
import { accountSummary, makeRoom, refuseTooLarge } from './check-quotas.js';
import { digestPlan } from './plan-digest.js';
import type { Calls } from '../runtime/activity-context.js';

/** Nobody is asked to approve it. */
const NO_DIGEST = { digest: undefined, entityDigests: [] } as const;

/** Verifies the account, reads it in bulk, decides for each entity. Writes nothing. */
export async function planEntities(accounts: Accounts, request: BootstrapRequest, calls: Calls): Promise<Plan> {
  const problem = checkRequest(request, KINDS);
  if (problem !== null) throw failure('InvalidManifest', problem, { calls });
  const account = accounts.get(request.target, request.namespace);
  await account.guard.verify();

  const observed = await observe(account, request.entities);
  const arns: Record<string, string> = {};
  for (const entity of request.entities) {
    const kind = kindOf(entity);
    // A declared path is the path that it will have; without one, the entity stays where it is.
    const stays = entity.state !== 'present' || entity.spec['path'] === undefined;
    const seen = stays ? observed.get(entityKey(entity))?.arn : undefined;
    arns[entityId(entity)] = seen ?? kind.arnOf(entity.spec, request.target);
  }
  const context = {
    namespace: request.namespace,
    partition: request.target.partition,
    intent: activityInfo().workflowExecution?.runId ?? '',
  };
  const positions = new Map(request.entities.map((entity, index) => [entityKey(entity), index]));
  const assessed = await Promise.all(
    request.entities.map(async (entity): Promise<AssessedEntity> => {
      const kind = kindOf(entity);
      // An entity that goes needs nothing of what it refers to.
      const spec = entity.state === 'present' ? resolveReferences(entity.spec, arns) : entity.spec;
      let seen = observed.get(entityKey(entity));
      let assessment = assess(kind, entity, spec, seen, context);
      if (entity.replace === true && assessment.decision.drift.some(({ immutable }) => immutable === true)) {
        // A listing leaves out what the spec does not name, and the deletion would lose it.
        seen = await look(account, entity);
        assessment = assess(kind, entity, spec, seen, context);
      }
      const planned = {
        kind: entity.kind,
        name: entity.name,
        arn: arns[entityId(entity)] ?? '',
        decision: assessment.decision,
        workflowId: lockOf(request.target.account, entity),
        after: entity.dependsOn.flatMap((id) => {
          const [name = '', ...rest] = id.split('/');
          return positions.get(entityKey({ kind: name, name: rest.join('/') })) ?? [];
        }),
        ...(kind.secret?.listCandidates === undefined ? {} : { listFirst: true }),
      };
      return { entity, kind, spec, observed: seen, assessment, planned };
    }),
  );
  const summary = await accountSummary(account, assessed);
  const departures = await planRemovals(account, refuseTooLarge(assessed, summary));
  const entities = refuseCycles(makeRoom(departures, summary));
  const decisions = truncateToFit(entities.map(({ planned }) => planned.decision));
  const { digest, entityDigests } = request.approval === undefined ? NO_DIGEST : digestPlan(request, entities);
  return {
    entities: entities.map(({ planned }, index) => {
      const entityDigest = entityDigests[index];
      return {
        ...planned,
        decision: decisions[index] ?? planned.decision,
        ...(entityDigest === undefined ? {} : { digest: entityDigest }),
      };
    }),
    calls,
    ...(digest === undefined ? {} : { digest }),
  };
}

/** What a removal waits for may wait for it, by way of what the manifest says: neither would ever start. */
function refuseCycles(all: readonly AssessedEntity[]): readonly AssessedEntity[] {
  const order = dependencyOrder(
    all.map(({ planned }, index) => ({ id: String(index), dependsOn: planned.after.map(String) })),
  );
  if (order.ok) return all;
  const cycles = new Map(order.cycles.flatMap((cycle) => cycle.map((position) => [position, cycle] as const)));
  return all.map((one, index) => {
    const cycle = cycles.get(index);
    if (cycle === undefined) return one;
    const names = cycle.flatMap((position) => all[position] ?? []).map(({ entity }) => entityId(entity));
    const refused = withDecision(one, {
      action: 'refuse',
      reason: `cannot be ordered: ${names.join(', ')} wait for each other`,
      remedy: 'take the references off first, by an apply of their own, and then delete or replace',
    });
    return withPlanned(refused, { after: [] });
  });
}

/** The ID of the one workflow that may write an entity. */
export function lockOf(account: string, entity: { readonly kind: string; readonly name: string }): string {
  return entityWorkflowId(account, entity, (text) => createHash('sha256').update(text).digest('hex'));
}
