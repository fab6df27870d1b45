import { setTimeout as pause } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { apply } from '../../src/client/run/start.js';
import type { JsonObject } from '../../src/contract/entity.js';
import type { BootstrapRequest } from '../../src/contract/request.js';
import type { Report } from '../../src/contract/report.js';
import { bootstrapWorkflowId, WorkflowType } from '../../src/contract/workflow-ids.js';
import { hold } from '../support/hold.js';
import { allowing, requestOf, role } from '../support/manifests-of.js';
import { ACCOUNT } from '../support/world.js';
import { createRole, temporal, useWorld, world } from '../support/use-world.js';

/** A schedule starts the bootstrap workflow under an ID of its own, which is not the lock of the namespace. */

useWorld();

const READ: JsonObject = { kind: 'Policy', policyName: 'read', policyDocument: allowing('s3:GetObject') };
const DEPLOY = role('deploy', { managedPolicyArns: ['{{arn Policy/read}}'] });

let starts = 0;

function request(entities: readonly JsonObject[], namespace = 'nightly'): Promise<BootstrapRequest> {
  return requestOf(world, { namespace, account: ACCOUNT, entities });
}

async function startAsSchedule(entities: readonly JsonObject[]): Promise<WorkflowHandle> {
  starts += 1;
  const workflowId = `nightly-2026-01-01T00:00:0${String(starts)}Z`;
  const options = { taskQueue: temporal.taskQueue, workflowId, args: [await request(entities)] };
  return temporal.client.workflow.start(WorkflowType.Bootstrap, options);
}

async function causeOf(result: Promise<unknown>): Promise<string> {
  let error: unknown = await result.catch((reason: unknown) => reason);
  while (error instanceof Error && error.cause !== undefined) error = error.cause;
  return error instanceof Error ? error.message : String(error);
}

test('a scheduled run takes the lock of the namespace and returns its report', async () => {
  const run = await startAsSchedule([role('nightly')]);
  const report = (await run.result()) as Report;
  expect(report).toMatchObject({ result: 'converged', entities: [{ outcome: 'created' }] });
  const locked = await temporal.client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, 'nightly')).describe();
  expect(locked.status.name).toBe('COMPLETED');
});

test('a scheduled run waits for the run that holds the namespace', async () => {
  const held = hold(world.proxy, { action: 'CreateRole' });
  const first = apply(temporal, await request([role('nightly')]));
  await held.reached;
  const run = await startAsSchedule([role('nightly')]);
  await pause(1_500);
  held.release();
  expect(await first).toMatchObject({ result: 'converged', entities: [{ outcome: 'created' }] });
  expect(await run.result()).toMatchObject({ result: 'converged', entities: [{ outcome: 'unchanged' }] });
  expect(await world.creates()).toEqual({ 'CreateRole nightly': 1 });
});

test('a scheduled run that is refused fails', async () => {
  await createRole('theirs', { 'pulumi:project': 'infra' });
  const run = await startAsSchedule([role('theirs')]);
  expect(await causeOf(run.result())).toContain('1 refused');
  expect(world.proxy.writes()).toEqual([]);
});

test('a scheduled run that is cancelled finishes the call in flight and starts no other', async () => {
  const held = hold(world.proxy, { action: 'CreatePolicy' });
  const run = await startAsSchedule([READ, DEPLOY]);
  await held.reached;
  await run.cancel();
  const locked = temporal.client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, 'nightly'));
  for (;;) {
    const { events = [] } = await locked.fetchHistory();
    const requested = events?.findIndex((event) => event.workflowExecutionCancelRequestedEventAttributes != null) ?? -1;
    const after = requested < 0 ? [] : (events?.slice(requested) ?? []);
    if (after.some((event) => event.workflowTaskCompletedEventAttributes != null)) break;
    await pause(50);
  }
  held.release();
  expect(await causeOf(run.result())).toMatch(/cancel/i);
  expect(await world.creates()).toEqual({ 'CreatePolicy read': 1 });
});
