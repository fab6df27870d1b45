import type { ExecutionReference } from '../../contract/audit.js';
import type { Decision, EntityReport } from '../../contract/report.js';
import { WorkflowType } from '../../contract/workflow-ids.js';
import { plannedReport } from '../../report/build.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { isWorkflowNotFound } from '../../temporal/errors.js';
import { type EntityHistory, inBatches, readEntityHistory } from '../explain/run-records.js';

/** The run of one entity. */
interface EntityRun {
  readonly isOpen: boolean;
  readonly report: EntityReport;
}

/** The runs of entities, and the runs whose histories are gone. */
interface EntityRuns {
  readonly runs: readonly EntityRun[];
  readonly missing: readonly ExecutionReference[];
}

/** The runs of entities that a run has started, and the run that it continues. */
interface Chained {
  readonly children: readonly ExecutionReference[];
  readonly previous: string | undefined;
}

/** Reads the runs of the entities that a bootstrap run has started, and those before it that it continues. */
export async function readEntityRuns(
  temporal: TemporalConnection,
  { workflowId, runId }: ExecutionReference,
): Promise<EntityRuns> {
  const children: ExecutionReference[] = [];
  const missing: ExecutionReference[] = [];
  let next: string | undefined = runId;
  while (next !== undefined) {
    const run: ExecutionReference = { workflowId, runId: next };
    const found: Chained | null = await readChildren(temporal, run);
    if (found === null) missing.push(run);
    children.push(...(found?.children ?? []));
    next = found?.previous;
  }
  const histories = await inBatches(children, (child) => readEntityHistory(temporal, child.workflowId, child.runId));
  return {
    runs: histories.flatMap((history) => (history === null ? [] : [entityRunOf(history)])),
    missing: [...missing, ...children.filter((_child, index) => histories[index] === null)],
  };
}

/** Null where the history of the run is gone. */
async function readChildren({ client }: TemporalConnection, run: ExecutionReference): Promise<Chained | null> {
  const history = await client.workflow
    .getHandle(run.workflowId, run.runId)
    .fetchHistory()
    .catch((error: unknown) => {
      if (isWorkflowNotFound(error)) return null;
      throw error;
    });
  if (history === null) return null;
  const { events } = history;
  const children = (events ?? []).flatMap(
    ({ childWorkflowExecutionStartedEventAttributes: child }): ExecutionReference[] => {
      if (child?.workflowType?.name !== WorkflowType.ReconcileEntity) return [];
      const { workflowId, runId } = child.workflowExecution ?? {};
      return [{ workflowId: workflowId ?? '', runId: runId ?? '' }];
    },
  );
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
