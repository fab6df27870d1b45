import { createHash } from 'node:crypto';
import { activityInfo } from '@temporalio/activity';
import { entityId, entityKey } from '../contract/entity.js';
import { entityWorkflowId } from '../contract/messages.js';
import type { BootstrapRequest } from '../contract/messages.js';
import type { Plan, PlannedEntity } from '../contract/steps.js';
import { assess } from '../engine/decide.js';
import { resolveReferences } from '../engine/references.js';
import { checkRequest } from '../engine/request.js';
import { KINDS } from '../kinds/index.js';
import type { Accounts } from './accounts.js';
import { failure } from './failures.js';
import { planDepartures } from './departures.js';
import { kindOf, observe } from './observe.js';
import { withinQuotas } from './quotas.js';
import type { Calls } from './work.js';

/** Verifies the account, reads it in bulk, decides for each entity. Writes nothing. */
export async function planEntities(accounts: Accounts, request: BootstrapRequest, calls: Calls): Promise<Plan> {
  const problem = checkRequest(request, KINDS);
  if (problem !== null) throw failure('InvalidManifest', problem, { calls });
  const account = accounts.get(request.target);
  await account.guard.verify();

  const observed = await observe(account, request.entities);
  const arns: Record<string, string> = {};
  for (const entity of request.entities) {
    const kind = kindOf(entity);
    // A declared path is the path that it will have; without one, the entity stays where it is.
    const seen = entity.spec['path'] === undefined ? observed.get(entityKey(entity))?.arn : undefined;
    arns[entityId(entity)] = seen ?? kind.arnOf(entity.spec, request.target);
  }
  const context = {
    namespace: request.namespace,
    partition: request.target.partition,
    intent: activityInfo().workflowExecution?.runId ?? '',
  };
  const positions = new Map(request.entities.map((entity, index) => [entityKey(entity), index]));
  const entities = request.entities.map((entity): PlannedEntity => {
    const kind = kindOf(entity);
    // An entity that goes needs nothing of what it refers to.
    const spec = entity.state === 'present' ? resolveReferences(entity.spec, arns) : entity.spec;
    const { decision } = assess(kind, entity, spec, observed.get(entityKey(entity)), context);
    return {
      kind: entity.kind,
      name: entity.name,
      arn: arns[entityId(entity)] ?? '',
      decision,
      workflowId: entityWorkflowId(request.target.account, entity, sha256),
      after: entity.dependsOn.flatMap((id) => {
        const [name = '', ...rest] = id.split('/');
        return positions.get(entityKey({ kind: name, name: rest.join('/') })) ?? [];
      }),
      ...(kind.secret?.candidates === undefined ? {} : { listFirst: true }),
    };
  });
  const departures = await planDepartures(account, request, observed, entities);
  return { entities: holdersFirst(await withinQuotas(account, request, departures)), calls };
}

/** An entity is deleted after everything that may hold on to it has been written. */
function holdersFirst(entities: readonly PlannedEntity[]): PlannedEntity[] {
  return entities.map((entity) => {
    if (entity.decision.action !== 'delete') return entity;
    const holders = entities.flatMap((other, index) =>
      other !== entity && other.decision.action !== 'no-op' && kindOf(other).holds.includes(entity.kind) ? [index] : [],
    );
    return { ...entity, after: [...new Set([...entity.after, ...holders])] };
  });
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
