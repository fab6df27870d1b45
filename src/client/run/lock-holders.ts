import type { Client } from '@temporalio/client';
import { entityId } from '../../contract/entity.js';
import type { EntityProgress, Progress } from '../../contract/progress.js';
import { parseBootstrapWorkflowId } from '../../contract/workflow-ids.js';
import { joinFirst } from '../../report/text.js';
import { withDeadline } from '../../temporal/connect.js';

/** Entities whose lock holder is looked up: each takes a call. */
const MAX_LOOKUPS = 3;

/** Adds to each entity that waits for a lock the run that holds it. A run cannot look at another one itself. */
export async function withLockHolders(client: Client, progress: Progress): Promise<Progress> {
  const waiting = progress.entities.filter(({ state }) => state === 'waiting').slice(0, MAX_LOOKUPS);
  if (waiting.length === 0) return progress;
  const found = new Map<EntityProgress, string>();
  await Promise.all(
    waiting.map(async (entity) => {
      const holder = await lockHolderOf(client, entity).catch(() => undefined);
      if (holder !== undefined) found.set(entity, holder);
    }),
  );
  const entities = progress.entities.map((entity) => {
    const lockHolder = found.get(entity);
    return lockHolder === undefined ? entity : { ...entity, lockHolder };
  });
  const texts = entities.flatMap((entity) => (entity.lockHolder === undefined ? [] : [lockText(entity)]));
  return texts.length === 0 || progress.approval !== undefined
    ? { ...progress, entities }
    : { ...progress, entities, waitingFor: `waiting for ${joinFirst(texts, MAX_LOOKUPS, '; ')}` };
}

async function lockHolderOf(client: Client, { workflowId }: EntityProgress): Promise<string | undefined> {
  if (workflowId === undefined) return undefined;
  const { parentExecution } = await withDeadline(client, () => client.workflow.getHandle(workflowId).describe());
  return parentExecution?.workflowId ?? undefined;
}

function lockText(entity: EntityProgress): string {
  return `${describeLockHolder(entity.lockHolder ?? '')}, which holds the lock of ${entityId(entity)}`;
}

/** Returns the run of a workflow ID for people: `the run of namespace ci`. */
export function describeLockHolder(workflowId: string): string {
  const { namespace } = parseBootstrapWorkflowId(workflowId);
  return namespace === '' ? `the run ${workflowId}` : `the run of namespace ${namespace}`;
}
