import type { WorkerParts } from '../../../../src/activities/index.js';
import { entityWorkflowIdPrefix, WorkflowType } from '../../../../src/contract/workflow-ids.js';
import type { Run } from './run.js';
import type { SimulatedServer } from './server.js';

/** Returns the access to the entity runs of a simulated server. */
export function entityRunsOf(server: SimulatedServer): WorkerParts['entityRuns'] {
  const openRuns = (): Run[] =>
    server.runs.filter(({ isOpen, start }) => isOpen && start.type === WorkflowType.ReconcileEntity);
  return {
    find: ({ account, namespace, runId }) => {
      const open = openRuns().filter(({ start }) => start.workflowId.startsWith(entityWorkflowIdPrefix(account)));
      const isOfNamespace = ({ memo }: Run): boolean => memo['namespace'] === namespace;
      const earlier = open.filter((run) => isOfNamespace(run) && run.memo['run'] !== runId);
      const others = open.filter((run) => !isOfNamespace(run)).map(({ start }) => start.workflowId);
      const runs = earlier.map(({ start }) => ({ workflowId: start.workflowId, runId: start.runId }));
      return Promise.resolve({ earlier: runs, others });
    },
    // No history of the simulation lasts until a deadline.
    pending: () => Promise.resolve([]),
    // Nobody is authenticated, nor told of anything.
    principalOfRun: () => Promise.resolve(undefined),
    parentOf: () => Promise.resolve(undefined),
    descentFrom: () => Promise.resolve(null),
    workflowOf: () => Promise.resolve(undefined),
    recentlyChanged: () => Promise.resolve([]),
    end: async (runs) => {
      const ids = new Set(runs.map(({ runId }) => runId));
      const open = openRuns().filter(({ start }) => ids.has(start.runId));
      for (const run of open) run.requestCancel();
      await Promise.all(open.map(({ result }) => result.catch(() => undefined)));
    },
  };
}
