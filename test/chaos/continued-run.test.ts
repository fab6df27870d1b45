import { setTimeout as sleep } from 'node:timers/promises';
import { recentRuns } from '../../src/client/runs.js';
import { bootstrapWorkflowId } from '../../src/contract/workflow-ids.js';
import { role } from '../support/manifests-of.js';
import { until } from '../support/schedules.js';
import { runs, temporal, useWorld, world } from '../support/use-world.js';
import { ACCOUNT, type WorkerProcess } from '../support/world.js';

/** Events after which a run goes on with an empty history: some entities' worth. */
const FEW_EVENTS = 100;

useWorld({ worker: false, suggestsContinueAsNewAt: FEW_EVENTS });

const NAMES = Array.from({ length: 90 }, (_, index) => `role-${String(index)}`);

test('a long run goes on where its worker is killed between any two runs of its chain, and creates each entity once', async () => {
  let worker: WorkerProcess = await world.startWorker();
  const seen: string[] = [];
  let isOver = false;
  const lock = temporal.client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, 'ci'));
  const killing = async (): Promise<void> => {
    while (!isOver) {
      const runId = await lock.describe().then(
        (description) => description.runId,
        () => seen.at(-1) ?? '',
      );
      if (runId !== '' && runId !== seen.at(-1)) {
        seen.push(runId);
        if (seen.length > 1) {
          await worker.kill();
          worker = await world.startWorker();
        }
      }
      await sleep(20);
    }
  };
  const killer = killing();
  const report = await runs.apply(NAMES.map((name) => role(name))).finally(() => {
    isOver = true;
  });
  await killer;

  expect(seen.length).toBeGreaterThan(2);
  expect(report.result).toBe('converged');
  expect(report.summary.created).toBe(NAMES.length);
  expect(report.workflow.runId).toBe(seen[0]);
  const creates = world.proxy.calls.filter(({ action, committed }) => action === 'CreateRole' && committed);
  expect(creates.map(({ params }) => params['RoleName']).sort()).toEqual([...NAMES].sort());

  // The list may show for a moment what was so before.
  const listed = await until(async () => {
    const shown = await recentRuns(temporal, { account: ACCOUNT, limit: 10 });
    return shown.some(({ status }) => status === 'RUNNING') ? undefined : shown;
  });
  expect(listed.map(({ status, firstRunId, runId }) => ({ status, firstRunId, runId }))).toEqual([
    { status: 'COMPLETED', firstRunId: seen[0], runId: seen.at(-1) },
  ]);
  await worker.stop();
});
