import type { Decision, EntityReport } from '../../contract/report.js';
import { WorkflowType } from '../../contract/workflow-ids.js';
import { plannedReport } from '../../report/build.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { type EntityHistory, inBatches, readEntityHistory } from '../explain/run-records.js';

/** The run of one entity. */
interface EntityRun {
  readonly isOpen: boolean;
  readonly report: EntityReport;
}

interface Execution {
  readonly workflowId: string;
  readonly runId: string;
}

/** The runs of entities that a run has started, and the run that it continues. */
interface Chained {
  readonly children: readonly Execution[];
  readonly previous: string | undefined;
}

/** Reads the runs of the entities that a bootstrap run has started, and those before it that it continues. */
export async function readEntityRuns(
  temporal: TemporalConnection,
  { workflowId, runId }: Execution,
): Promise<readonly EntityRun[]> {
  const children: Execution[] = [];
  let next: string | undefined = runId;
  while (next !== undefined) {
    const found: Chained = await readChildren(temporal, { workflowId, runId: next });
    children.push(...found.children);
    next = found.previous;
  }
  const histories = await inBatches(children, (child) => readEntityHistory(temporal, child.workflowId, child.runId));
  return histories.flatMap((history) => (history === null ? [] : [entityRunOf(history)]));
}

async function readChildren({ client }: TemporalConnection, run: Execution): Promise<Chained> {
  const { events } = await client.workflow.getHandle(run.workflowId, run.runId).fetchHistory();
  const children = (events ?? []).flatMap(({ childWorkflowExecutionStartedEventAttributes: child }): Execution[] => {
    if (child?.workflowType?.name !== WorkflowType.ReconcileEntity) return [];
    const { workflowId, runId } = child.workflowExecution ?? {};
    return [{ workflowId: workflowId ?? '', runId: runId ?? '' }];
  });
  const previous = events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId;
  return { children, previous: previous === '' ? undefined : (previous ?? undefined) };
}

function entityRunOf(history: EntityHistory): EntityRun {
  const { isOpen, report, request, activities } = history;
  if (report !== null) return { isOpen, report };
  const { kind, name, source } = request.entity;
  const reason = 'its run ended without a report: it was cancelled or terminated';
  const decision: Decision = { action: request.action, drift: [], unmanaged: [], reason, remedy: null };
  const results = activities.flatMap(({ result }) => result ?? []);
  return {
    isOpen,
    report: {
      ...plannedReport({ kind, name, arn: null, decision }, source),
      outcome: 'cancelled',
      writes: results.flatMap(({ writes }) => writes),
      conflicts: results.flatMap(({ conflicts }) =>
        conflicts.map((one) => ({ ...one, resolvedAs: 'cancelled' as const })),
      ),
    },
  };
}
