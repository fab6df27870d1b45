import type { WorkflowExecutionInfo } from '@temporalio/client';
import type { RunReference } from '../../contract/explain.js';
import { WorkflowType } from '../../contract/workflow-ids.js';
import { CONTINUED, lastRunIdOf } from '../../temporal/chain.js';
import { type TemporalConnection, withDeadline } from '../../temporal/connect.js';
import { runOrigin } from '../runs.js';

/** A run, as Temporal lists or describes it. */
export type ListedRun = Omit<WorkflowExecutionInfo, 'raw'>;

/** Returns the last run of a chain, which tells of all. */
export async function lastOfChain({ client }: TemporalConnection, run: ListedRun): Promise<ListedRun> {
  if (run.status.name !== CONTINUED || run.type !== WorkflowType.Bootstrap) return run;
  return withDeadline(client, async () => {
    const runId = await lastRunIdOf(client, run);
    return client.workflow.getHandle(run.workflowId, runId).describe();
  });
}

/** Returns the first run of a chain, which its entities carry as their intent. A memo counts as far as the server agrees. */
export async function firstOfChain(
  { client }: TemporalConnection,
  run: ListedRun,
): Promise<Partial<Pick<RunReference, 'runId' | 'startedAt'>>> {
  const { firstRunId, startedAt } = runOrigin(run);
  if (firstRunId === undefined) return {};
  const handle = client.workflow.getHandle(run.workflowId, run.runId);
  const known = await withDeadline(client, () => handle.describe()).catch(() => null);
  const isKnown = known?.raw.workflowExecutionInfo?.firstRunId === firstRunId;
  return isKnown ? { runId: firstRunId, startedAt } : {};
}
