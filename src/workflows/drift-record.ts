import {
  allHandlersFinished,
  condition,
  continueAsNew,
  log,
  setCurrentDetails,
  setHandler,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { DriftChanges, DriftRecord, DriftUpdate } from '../contract/drift-record.js';
import { recordDriftUpdate, forgetScheduleSignal } from '../contract/messages.js';
import { IamDrift } from '../contract/search-attributes.js';
import { driftRecordWorkflowId } from '../contract/workflow-ids.js';
import { completedRecord } from '../report/drift-record.js';
import { driftRecordDetails } from './drift-details.js';
import { NO_CHANGES, withCauses, withFailure, withLook, withoutSchedule } from './drift-changes.js';
import { followNewestBuild, MAX_CLAIMS } from './ledger.js';
import { assertDriftRecord, assertDriftUpdate } from './requests.js';

/**
 * Remembers which entities of an environment differ from their manifest, and since when. Its memo is the record, so that
 * it can be read where no worker runs. Like a ledger, it never completes.
 */
export async function driftRecord(argument: DriftRecord): Promise<void> {
  const given = completedRecord(argument);
  assertDriftRecord(given, driftRecordWorkflowId);
  let record = given;
  let updates = 0;
  setHandler(
    recordDriftUpdate,
    (update) => {
      const { record: next, changes } = changed(record, update);
      record = next;
      updates += 1;
      show(record);
      if (changes.begun.length + changes.ended.length > 0) {
        const names = { begun: changes.begun.map(nameOf), ended: changes.ended.map(nameOf) };
        log.info('Drift changed', { ...names, inDrift: record.inDrift });
      }
      return changes;
    },
    { validator: assertDriftUpdate },
  );
  setHandler(forgetScheduleSignal, (schedule) => {
    record = withoutSchedule(record, schedule);
    updates += 1;
    show(record);
  });
  await condition(() => (updates >= MAX_CLAIMS || workflowInfo().continueAsNewSuggested) && allHandlersFinished());
  await continueAsNew<typeof driftRecord>(record);
}

followNewestBuild(driftRecord);

function changed(
  record: DriftRecord,
  update: DriftUpdate,
): { readonly record: DriftRecord; readonly changes: DriftChanges } {
  switch (update.type) {
    case 'look':
      return withLook(record, update.look);
    case 'failed':
      return withFailure(record, update.failed);
    case 'causes':
      return { record: withCauses(record, update.causes), changes: NO_CHANGES };
  }
}

function show(record: DriftRecord): void {
  upsertMemo({ drift: record });
  setCurrentDetails(driftRecordDetails(record));
  // Without it the server does not know the attribute, and would fail the workflow task forever.
  if (workflowInfo().typedSearchAttributes.get(IamDrift) === undefined) return;
  upsertSearchAttributes([{ key: IamDrift, value: record.inDrift }]);
}

function nameOf({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return `${kind}/${name}`;
}
