import { log, workflowInfo } from '@temporalio/workflow';
import { entityRunActivities } from '../activities.js';
import type { RunState } from './run-state.js';

/**
 * Ends what an earlier run of the namespace has left behind. Where a run is terminated while AWS refuses a write of an
 * entity, that entity's run goes on, and would write an older value after this run. Notes the entities that runs of
 * other namespaces hold.
 */
export async function endEarlierRuns(state: RunState): Promise<void> {
  const { target, namespace } = state.request;
  const { runId } = workflowInfo();
  const ended = new Set<string>();
  for (;;) {
    const found = await entityRunActivities.findEntityRuns({ account: target.account, namespace, runId });
    state.lockedByOthers = new Set(found.others);
    // Visibility may still show as open what has just closed.
    const earlier = found.earlier.filter((run) => !ended.has(run.runId));
    if (earlier.length === 0) return;
    state.ending = earlier.map(({ workflowId }) => workflowId);
    state.refreshDetails();
    log.warn('An earlier run has left entity runs behind, which are cancelled', { runs: state.ending });
    await entityRunActivities.endEntityRuns(earlier);
    for (const run of earlier) ended.add(run.runId);
    state.ending = [];
    state.refreshDetails();
  }
}
