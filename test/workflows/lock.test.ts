import type { WorkflowHandle } from '@temporalio/client';
import { progressQuery } from '../../src/contract/messages.js';
import type { BootstrapRequest } from '../../src/contract/request.js';
import { lockTimers } from '../support/lock-timers.js';
import {
  creating,
  lockOf,
  outcomesOf,
  planOf,
  reportOf,
  requestFor,
  role,
  WorkflowStage,
} from '../support/workflow-stage.js';

let stage: WorkflowStage;

beforeAll(async () => {
  stage = await WorkflowStage.start();
});

afterAll(async () => {
  await stage.stop();
});

function oneRole(): BootstrapRequest {
  // The wait for another run is no lack of progress.
  const request = requestFor([role('locked')], { timeoutMs: stage.durations.lockHeldMs / 4 });
  stage.activities = creating(request);
  return request;
}

/** Takes a lock: a workflow that never ends holds its ID. */
async function take(workflowId: string): Promise<WorkflowHandle> {
  return stage.client.workflow.start('ledger', { taskQueue: 'workflows', workflowId, args: [] });
}

const entityLock = (request: BootstrapRequest): string => planOf(request).entities[0]?.workflowId ?? '';

async function isWaiting(run: WorkflowHandle): Promise<void> {
  while ((await run.query(progressQuery)).waitingFor === null) await new Promise((resolve) => setTimeout(resolve, 50));
}

test('a run waits for the lock of an entity, ever longer, and then reads before it writes', async () => {
  const request = oneRole();
  const readFirst: boolean[] = [];
  const { createEntity } = stage.activities;
  stage.activities.createEntity = async (argument) => {
    readFirst.push(argument.readFirst);
    return (await createEntity?.(argument)) ?? Promise.reject(new Error('no activity'));
  };
  const holder = await take(entityLock(request));
  const run = await stage.startBootstrap(request);
  await isWaiting(run);
  expect((await run.query(progressQuery)).waitingFor).toBe(
    'waiting for another run that holds the lock of Role/locked',
  );
  await stage.sleep(stage.durations.lockHeldMs);
  await holder.terminate();
  expect((await reportOf(run)).result).toBe('converged');
  expect(readFirst).toEqual([true]);

  const waits = lockTimers(await run.fetchHistory());
  expect(waits.slice(0, 5)).toEqual([200, 400, 800, 1_600, 3_200]);
  let waited = 0;
  for (const [index, wait] of waits.entries()) {
    expect(wait).toBeLessThanOrEqual(Math.max(5_000, Math.ceil(waited / 10)));
    expect(wait).toBeGreaterThanOrEqual(waits[index - 1] ?? 0);
    waited += wait;
  }
  expect(waited).toBeGreaterThanOrEqual(stage.durations.lockHeldMs);
  // An hour takes about sixty tries and not eighteen thousand.
  expect(waits.length).toBeLessThan(100);
});

test('a run that is cancelled while it waits for a lock ends at once', async () => {
  const request = oneRole();
  await take(entityLock(request));
  const run = await stage.startBootstrap(request);
  await isWaiting(run);
  await run.cancel();
  const report = await reportOf(run);
  expect([report.result, outcomesOf(report)]).toEqual(['cancelled', { locked: 'skipped' }]);
});

test('a run under another ID, as of a schedule, waits for its namespace and runs as a child under the right ID', async () => {
  const request = oneRole();
  const holder = await take(lockOf(request));
  const scheduled = await stage.startBootstrap(request, `scheduled-${request.target.account}`);
  await stage.sleep(2_000);
  await holder.terminate();
  const report = await reportOf(scheduled);
  expect([report.result, report.workflow.workflowId]).toEqual(['converged', lockOf(request)]);
  expect(report.workflow.runId).not.toBe(scheduled.firstExecutionRunId);
});
