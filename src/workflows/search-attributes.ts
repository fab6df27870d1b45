import { upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { IamConflicts, IamNamespace, IamOutcome } from '../contract/search-attributes.js';

/**
 * Reports whether the server knows the search attributes: then the client has set one at the start. Upserting an
 * unknown one would fail the workflow task forever.
 */
export function hasSearchAttributes(): boolean {
  return workflowInfo().typedSearchAttributes.get(IamNamespace) !== undefined;
}

/** Records how a run ended, so that runs are found by it. */
export function recordOutcome(outcome: string, conflicts: number): void {
  if (!hasSearchAttributes()) return;
  upsertSearchAttributes([
    { key: IamOutcome, value: outcome },
    { key: IamConflicts, value: conflicts },
  ]);
}

/** Records what a run waits for, so that runs are found by it; null once it no longer waits. */
export function recordWaiting(what: string | null): void {
  if (hasSearchAttributes()) upsertSearchAttributes([{ key: IamOutcome, value: what }]);
}
