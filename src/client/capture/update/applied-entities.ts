import { entityKey, entityKeyOfId } from '../../../contract/entity.js';
import { declarationsQuery, reportQuery } from '../../../contract/messages.js';
import type { EntityReport } from '../../../contract/report.js';
import { bootstrapWorkflowId, ledgerWorkflowId } from '../../../contract/workflow-ids.js';
import type { ManifestRequest } from '../../../engine/manifest/resolve.js';
import { withDeadline, type TemporalConnection } from '../../../temporal/connect.js';
import { askWorker } from '../../run/ask-worker.js';

type Namespace = Pick<ManifestRequest, 'target' | 'namespace'>;

/**
 * Returns the keys of the entities that an apply has made or taken over. The ledger of the namespace records what an apply
 * has begun; what the last run was to create, and has not, is left out.
 */
export async function appliedEntities(temporal: TemporalConnection, of: Namespace): Promise<ReadonlySet<string>> {
  const ledger = temporal.client.workflow.getHandle(ledgerWorkflowId(of.target.account, of.namespace));
  try {
    const declarations = await askWorker(temporal, ledger, () => ledger.query(declarationsQuery));
    const begun = declarations.map(({ id }) => entityKeyOfId(id));
    const notCreated = begun.length === 0 ? new Set<string>() : await notCreatedByLastRun(temporal, of);
    return new Set(begun.filter((key) => !notCreated.has(key)));
  } catch (error) {
    if ((error as Error).name === 'WorkflowNotFoundError') return new Set();
    throw error;
  }
}

/** Returns the keys of the entities that the last run found missing and did not create. None where its report is lost. */
async function notCreatedByLastRun(
  { client }: TemporalConnection,
  { target, namespace }: Namespace,
): Promise<ReadonlySet<string>> {
  const run = client.workflow.getHandle(bootstrapWorkflowId(target.account, namespace));
  const report = await withDeadline(client, () => run.query(reportQuery)).catch(() => null);
  return new Set(report?.entities.filter(isNotCreated).map(entityKey));
}

function isNotCreated({ decision, outcome, writes }: EntityReport): boolean {
  return decision === 'create' && outcome !== 'created' && outcome !== 'adopted' && writes.length === 0;
}
