import { defineSearchAttributeKey } from '@temporalio/common';
import { upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';

export const IamAccount = defineSearchAttributeKey('IamAccount', 'KEYWORD');
export const IamNamespace = defineSearchAttributeKey('IamNamespace', 'KEYWORD');
export const IamEntity = defineSearchAttributeKey('IamEntity', 'KEYWORD');
export const IamOutcome = defineSearchAttributeKey('IamOutcome', 'KEYWORD');
export const IamConflicts = defineSearchAttributeKey('IamConflicts', 'INT');

/**
 * Whether the server knows our search attributes: the client has set one at the start. An upsert of an unknown one
 * would fail the workflow task for ever.
 */
export function hasSearchAttributes(): boolean {
  return workflowInfo().typedSearchAttributes.get(IamAccount) !== undefined;
}

/** Makes a run findable by how it ended. */
export function recordOutcome(outcome: string, conflicts: number): void {
  if (!hasSearchAttributes()) return;
  upsertSearchAttributes([
    { key: IamOutcome, value: outcome },
    { key: IamConflicts, value: conflicts },
  ]);
}

/** Makes a run findable by what it waits for; null once it does not. */
export function recordWaiting(what: string | null): void {
  if (hasSearchAttributes()) upsertSearchAttributes([{ key: IamOutcome, value: what }]);
}
