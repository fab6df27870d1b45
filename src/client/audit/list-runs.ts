import type { WorkflowExecutionInfo } from '@temporalio/client';
import { AUDITED_TYPES } from '../../contract/audit.js';
import type { TemporalConnection } from '../../temporal/connect.js';

/** A run, as Temporal lists it. */
export type ListedRun = WorkflowExecutionInfo;

const RUNS = `WorkflowId STARTS_WITH "iam-bootstrap" AND WorkflowType IN (${AUDITED_TYPES.map((type) => `"${type}"`).join(', ')})`;

/** Lists the closed runs that an audit is about, in the order in which they closed, and the open ones. */
export async function listRuns(
  { client }: TemporalConnection,
  from: Date | null,
): Promise<{ readonly closed: readonly ListedRun[]; readonly open: readonly ListedRun[] }> {
  const window = from === null ? '' : ` AND (CloseTime >= "${from.toISOString()}" OR ExecutionStatus = "Running")`;
  const closed: ListedRun[] = [];
  const open: ListedRun[] = [];
  for await (const run of client.workflow.list({ query: RUNS + window })) {
    (run.status.name === 'RUNNING' ? open : closed).push(run);
  }
  const closeTime = (run: ListedRun): string => run.closeTime?.toISOString() ?? '';
  closed.sort((a, b) => closeTime(a).localeCompare(closeTime(b)) || a.runId.localeCompare(b.runId));
  return { closed, open };
}
