import type { Client } from '@temporalio/client';
import { IamDrift } from '../contract/search-attributes.js';
import { driftRecordWorkflowId, parseDriftRecordWorkflowId, WorkflowType } from '../contract/workflow-ids.js';
import { type Labels, type Meter, metric } from '../observability/instruments.js';

/** The pause between two readings, in milliseconds: about as often as Prometheus scrapes. */
const INTERVAL_MS = 30_000;

/** Deadline of one call to Temporal, in milliseconds. */
const CALL_DEADLINE_MS = 10_000;

/**
 * Shows on the metrics page how many entities of each environment are in drift, from the records in Temporal: every worker
 * shows the same, however many there are. Keeps the last values where Temporal does not answer.
 */
export function showDrift(client: Client, meter: Meter): void {
  const show = metric(meter, 'iam_bootstrap_entities_in_drift');
  let shown = new Map<string, number>();
  const read = async (): Promise<void> => {
    const present = await inDrift(client);
    // A record that has ended would keep its last value.
    const gone = [...shown.keys()].filter((id) => !present.has(id)).map((id) => [id, 0] as const);
    for (const [id, value] of [...present, ...gone]) show(value, labelsOf(id));
    shown = present;
  };
  const attempt = (): void => {
    read().catch(() => undefined);
  };
  attempt();
  setInterval(attempt, INTERVAL_MS).unref();
}

/** Returns the labels of a record. `namespace` is that of Temporal in all metrics. */
function labelsOf(id: string): Labels<'iam_bootstrap_entities_in_drift'> {
  const { account, namespace, environment } = parseDriftRecordWorkflowId(id);
  return { account, iam_namespace: namespace, environment };
}

/** Returns the number of entities in drift, by the workflow ID of the record. */
async function inDrift(client: Client): Promise<Map<string, number>> {
  const query = `WorkflowType = "${WorkflowType.DriftRecord}" AND ExecutionStatus = "Running"`;
  const found = new Map<string, number>();
  await client.withDeadline(Date.now() + CALL_DEADLINE_MS, async () => {
    for await (const { workflowId, typedSearchAttributes } of client.workflow.list({ query })) {
      const value = typedSearchAttributes.get(IamDrift);
      const isOurs = driftRecordWorkflowId(parseDriftRecordWorkflowId(workflowId)) === workflowId;
      if (value !== undefined && isOurs) found.set(workflowId, value);
    }
  });
  return found;
}
