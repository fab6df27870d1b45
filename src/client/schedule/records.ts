import type { DriftRecord } from '../../contract/drift-record.js';
import { driftRecord } from '../../contract/schedule-shapes.js';
import type { ScheduleSummary } from '../../contract/schedule.js';
import { accountScheduleId, driftRecordWorkflowId, WorkflowType } from '../../contract/workflow-ids.js';
import { completedRecord } from '../../report/drift-record.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import type { ScheduleFilter } from './read.js';

/** Returns the open drift records by workflow ID, from their memos: any client may have written one. */
export async function listRecords(
  { client }: TemporalConnection,
  { account, namespace }: ScheduleFilter,
): Promise<ReadonlyMap<string, DriftRecord>> {
  const query = `WorkflowType = "${WorkflowType.DriftRecord}" AND ExecutionStatus = "Running"`;
  const records = new Map<string, DriftRecord>();
  for await (const { workflowId, memo } of client.workflow.list({ query, pageSize: 100 })) {
    const record = completedRecord(memo?.['drift']);
    if (driftRecord(record, '') !== null || driftRecordWorkflowId(record as DriftRecord) !== workflowId) continue;
    const { account: inAccount, namespace: inNamespace } = record as DriftRecord;
    if (account !== undefined && inAccount !== account) continue;
    if (namespace !== undefined && inNamespace !== namespace) continue;
    records.set(workflowId, record as DriftRecord);
  }
  return records;
}

/** Reports whether a schedule looks at the environment of a record. That of a fleet does where one of its runs has looked. */
export function looksAt(
  { id, account, namespace, environment }: Pick<ScheduleSummary, 'id' | 'account' | 'namespace' | 'environment'>,
  record: Pick<DriftRecord, 'account' | 'namespace' | 'environment' | 'looks'>,
): boolean {
  if (namespace !== record.namespace) return false;
  if (account !== null) return account === record.account && environment === record.environment;
  return namesSchedule({ id, account }, record);
}

/** Reports whether a run of a schedule has told a record what it saw, or that it could not look. */
export function namesSchedule(
  of: Pick<ScheduleSummary, 'id' | 'account'>,
  { account, looks }: Pick<DriftRecord, 'account' | 'looks'>,
): boolean {
  const own = scheduleIn(of, account);
  return looks.some(({ schedule }) => schedule === own);
}

/** Returns the ID by which records of an account know a schedule. */
export function scheduleIn({ id, account }: Pick<ScheduleSummary, 'id' | 'account'>, inAccount: string): string {
  return account === null ? accountScheduleId(id, inAccount) : id;
}
