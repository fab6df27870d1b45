import { MockActivityEnvironment } from '@temporalio/testing';
import { EntityRuns } from '../../src/activities/entity-runs.js';
import { apply } from '../../src/client/run/start.js';
import type { PendingActivity } from '../../src/contract/activities.js';
import { bootstrapWorkflowId } from '../../src/contract/workflow-ids.js';
import { hold } from '../support/hold.js';
import { requestOf, role } from '../support/manifests-of.js';
import { temporal, useWorld, world } from '../support/use-world.js';
import { ACCOUNT } from '../support/world.js';

/** The end of a run that makes no progress, on a real server. */

useWorld({ worker: false });

beforeAll(async () => {
  await world.startWorker({ IAM_BOOTSTRAP_AWS_TIMEOUT: '8' });
});

test('a run whose write AWS does not answer ends at its timeout, and names the call', async () => {
  const create = hold(world.proxy, { action: 'CreateRole' });
  const request = await requestOf(world, { namespace: 'stuck', account: ACCOUNT, entities: [role('stuck')] });
  const applied = apply(temporal, { ...request, timeoutMs: 2_000 });
  await create.reached;

  const workflowId = bootstrapWorkflowId(ACCOUNT, 'stuck');
  const { runId } = await temporal.client.workflow.getHandle(workflowId).describe();
  const activity = new MockActivityEnvironment({ workflowExecution: { workflowId, runId }, activityId: 'listing' });
  const pending: readonly PendingActivity[] = await activity.run(() => new EntityRuns(temporal.client).pending());
  // On a busy machine the run has reached its own timeout, and lists them as well.
  expect(pending.filter((one) => one.workflowId !== workflowId)).toEqual([
    expect.objectContaining({
      workflowId: `iam:${ACCOUNT}:Role:stuck`,
      summary: 'create Role/stuck for stuck',
      isStarted: true,
      failedAttempts: 0,
      failure: null,
      writes: 1,
    }),
  ]);

  const report = await applied;
  expect(report).toMatchObject({
    result: 'failed',
    reason: 'no progress for 2s: create Role/stuck for stuck: in progress, without a new write',
    entities: [{ outcome: 'failed', reason: 'in progress, without a new write (no progress for 2s)' }],
  });
  expect(world.proxy.count('CreateRole')).toBe(1);
  create.release();
});
