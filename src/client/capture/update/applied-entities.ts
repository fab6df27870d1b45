import { entityKey, entityKeyOfId } from '../../../contract/entity.js';
import { declarationsQuery, reportQuery } from '../../../contract/messages.js';
import type { EntityReport, Report } from '../../../contract/report.js';
import { bootstrapWorkflowId, ledgerWorkflowId } from '../../../contract/workflow-ids.js';
import type { ManifestRequest } from '../../../engine/manifest/resolve.js';
import { withDeadline, type TemporalConnection } from '../../../temporal/connect.js';
import { askWorker } from '../../run/ask-worker.js';
import { recentRuns } from '../../runs.js';

type Namespace = Pick<ManifestRequest, 'target' | 'namespace'>;

/** Runs whose reports are asked for, the newest first. */
const MAX_RUNS = 10;

/**
 * Returns the keys of the entities that an apply has made or taken over. The ledger of the namespace records what an apply
 * has begun; what the last run that had the entity was to create, and has not, is left out.
 */
export async function appliedEntities(temporal: TemporalConnection, of: Namespace): Promise<ReadonlySet<string>> {
  const ledger = temporal.client.workflow.getHandle(ledgerWorkflowId(of.target.account, of.namespace));
  try {
    const declarations = await askWorker(temporal, ledger, () => ledger.query(declarationsQuery));
    const begun = declarations.map(({ id }) => entityKeyOfId(id));
    const notCreated = begun.length === 0 ? new Set<string>() : notCreatedBy(await recentReports(temporal, of));
    return new Set(begun.filter((key) => !notCreated.has(key)));
  } catch (error) {
    if ((error as Error).name === 'WorkflowNotFoundError') return new Set();
    throw error;
  }
}

/** Returns the reports of the last runs, the newest first. A report that is lost is left out. */
async function recentReports(
  temporal: TemporalConnection,
  { target, namespace }: Namespace,
): Promise<readonly Report[]> {
  const { client } = temporal;
  const workflowId = bootstrapWorkflowId(target.account, namespace);
  const filter = { account: target.account, namespace, limit: MAX_RUNS };
  const runs = await withDeadline(client, () => recentRuns(temporal, filter)).catch(() => []);
  // A list may lack the newest run, which is asked without its ID.
  const reports = await Promise.all(
    [undefined, ...runs.map(({ runId }) => runId)].map((runId) => {
      const run = client.workflow.getHandle(workflowId, runId);
      return withDeadline(client, () => run.query(reportQuery)).catch(() => null);
    }),
  );
  return reports.filter((report) => report !== null);
}

/**
 * Returns the keys of the entities that the newest report with them has as missing and not created.
 *
 * @param reports - the reports of runs, the newest first
 */
export function notCreatedBy(reports: readonly Pick<Report, 'entities'>[]): ReadonlySet<string> {
  const newest = new Map<string, EntityReport>();
  for (const entity of reports.flatMap(({ entities }) => entities)) {
    if (!newest.has(entityKey(entity))) newest.set(entityKey(entity), entity);
  }
  return new Set([...newest].flatMap(([key, entity]) => (isNotCreated(entity) ? [key] : [])));
}

function isNotCreated({ decision, outcome, writes }: EntityReport): boolean {
  return decision === 'create' && outcome !== 'created' && outcome !== 'adopted' && writes.length === 0;
}
