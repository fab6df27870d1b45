import { workflowInfo } from '@temporalio/workflow';

/** The events and bytes from which a workflow goes on with an empty history. Temporal warns at 10,240 events and 10 MB. */
export const FULL_HISTORY = { events: 5_000, bytes: 5_000_000 };

/** Reports whether the history of a workflow is to be left behind. */
export function isHistoryFull(): boolean {
  const { historyLength, historySize, continueAsNewSuggested } = workflowInfo();
  return historyLength >= FULL_HISTORY.events || historySize >= FULL_HISTORY.bytes || continueAsNewSuggested;
}
