import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WorkflowFailedError, type WorkflowHandle, WorkflowNotFoundError } from '@temporalio/client';
import type { ApplicationFailure, WorkerDeploymentVersion } from '@temporalio/common';
import type { WorkerGateResult } from '../../src/contract/worker-gate.js';
import { until } from '../support/schedules.js';
import { temporal, useWorld, world } from '../support/use-world.js';
import { ACCOUNT } from '../support/world.js';

/** The gate, started as Temporal's worker controller for Kubernetes starts it on a new build, which is not the current one. */

useWorld({ worker: false, reset: false });

/** The time for the server to know a build that polls. */
const MAX_REGISTRATION_MS = 60_000;

/** A task queue of workflows, as the server numbers its types. */
const OF_WORKFLOWS = 1;

/** Returns what an attempt returns, once it is not refused for a build that the server does not know yet. */
async function onceKnown<T>(attempt: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + MAX_REGISTRATION_MS;
  return until(async () => {
    try {
      return await attempt();
    } catch (error) {
      const { cause = error } = error as Error;
      if (Date.now() > deadline || !/not found|not present in task queue/i.test(String(cause))) throw error;
      return undefined;
    }
  });
}

/** Waits until the server lists the task queue of a build: the controller starts a gate for each that it finds there. */
async function taskQueueOf({ deploymentName, buildId }: WorkerDeploymentVersion): Promise<string> {
  const { namespace } = temporal.client.options;
  return onceKnown(async () => {
    const { versionTaskQueues } = await temporal.client.workflowService.describeWorkerDeploymentVersion({
      namespace,
      deploymentVersion: { deploymentName, buildId },
    });
    const { name } = versionTaskQueues.find(({ type }) => (type as number | undefined) === OF_WORKFLOWS) ?? {};
    if (name == null) throw new Error(`task queue of ${buildId} not found`);
    return name;
  });
}

/** Starts a gate with the options of the controller. */
async function startGate(version: WorkerDeploymentVersion, ...args: readonly unknown[]): Promise<WorkflowHandle> {
  const taskQueue = await taskQueueOf(version);
  return onceKnown(() =>
    temporal.client.workflow.start('workerGate', {
      taskQueue,
      workflowId: `test-${version.deploymentName}:${version.buildId}-${taskQueue}`,
      args: [...args],
      workflowExecutionTimeout: '1h',
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
      versioningOverride: { pinnedTo: version },
    }),
  );
}

/** Starts a worker of a build, as the controller names it, uses it and stops it. */
async function withBuild(
  buildId: string,
  env: Readonly<Record<string, string>>,
  use: (version: WorkerDeploymentVersion) => Promise<void>,
): Promise<void> {
  const version = { deploymentName: 'iam/worker', buildId };
  const names = { TEMPORAL_DEPLOYMENT_NAME: version.deploymentName, TEMPORAL_WORKER_BUILD_ID: buildId };
  const worker = await world.startWorker({ ...names, ...env });
  try {
    await use(version);
  } finally {
    await worker.stop();
  }
}

async function failureOf(gate: WorkflowHandle): Promise<ApplicationFailure> {
  const error = await gate.result().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof WorkflowFailedError) return error.cause as ApplicationFailure;
  throw new Error('the gate has passed', { cause: error });
}

const guardrailsFile = (): string => join(world.directory, 'guardrails.json');

async function guardrails(): Promise<Record<string, string>> {
  await writeFile(guardrailsFile(), JSON.stringify({ version: 1, accounts: { [ACCOUNT]: {} } }));
  return { IAM_BOOTSTRAP_GUARDRAILS: guardrailsFile(), IAM_BOOTSTRAP_PERMIT_KEY: 'k'.repeat(32) };
}

test('a build that can do its work passes, and the result says what was checked', async () => {
  await withBuild('good', await guardrails(), async (version) => {
    const gate = await startGate(version);
    const { deployment, build, checks } = (await gate.result()) as WorkerGateResult;
    expect([deployment, build]).toEqual(['iam/worker', 'good']);
    expect(checks.map(({ name, status, message }) => [name, status, message])).toEqual([
      ['temporal', 'ok', 'the namespace can be read'],
      ['search attributes', 'ok', 'registered'],
      ['guardrails', 'ok', expect.stringMatching(/^in force: sha256:/)],
      ['aws credentials', 'ok', expect.stringContaining(`::${ACCOUNT}:`)],
    ]);
  });
});

test('a build whose credentials AWS does not confirm fails, also where another build works', async () => {
  await withBuild('works', {}, async () => {
    await withBuild('no-sts', { AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:1' }, async (version) => {
      const failure = await failureOf(await startGate(version, { waitSeconds: 0 }));
      expect(failure.message).toMatch(/^this build gets no runs: aws credentials: .*ECONNREFUSED/);
    });
  });
});

test('a build whose guardrails cannot be used any more fails with the reason and the remedy, until its gate is deleted', async () => {
  await withBuild('guardrails', await guardrails(), async (version) => {
    await writeFile(guardrailsFile(), JSON.stringify({ version: 1, accounts: { [ACCOUNT]: {} }, destroys: 'deny' }));
    const gate = await startGate(version, { waitSeconds: 0 });
    const failure = await failureOf(gate);
    expect(failure.message).toMatch(/^this build gets no runs: guardrails: .*guardrails\.json.*destroys.*\(.+\)$/);
    expect(failure.type).toBe('WorkerGateFailed');
    await guardrails();
    await expect(startGate(version)).rejects.toThrow('already started');
    await deleteRun(gate);
    expect(((await (await startGate(version)).result()) as WorkerGateResult).build).toBe('guardrails');
  });
});

test('a build passes as soon as what it lacked is there', async () => {
  await withBuild('late', await guardrails(), async (version) => {
    await rm(guardrailsFile());
    const gate = await startGate(version, { waitSeconds: 300 });
    await firstRound(gate);
    await guardrails();
    expect(((await gate.result()) as WorkerGateResult).checks.map(({ status }) => status)).not.toContain('fail');
  });
});

/** Deletes a gate that has ended, and waits until the server has done so. */
async function deleteRun({ workflowId }: WorkflowHandle): Promise<void> {
  const { workflow, workflowService, options } = temporal.client;
  await workflowService.deleteWorkflowExecution({ namespace: options.namespace, workflowExecution: { workflowId } });
  await until(async () => {
    try {
      await workflow.getHandle(workflowId).describe();
      return undefined;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return true;
      throw error;
    }
  });
}

/** Waits until a gate has begun to wait for the next round of checks. */
async function firstRound(gate: WorkflowHandle): Promise<void> {
  await until(async () => {
    const { events } = await gate.fetchHistory();
    return events?.find(({ timerStartedEventAttributes }) => timerStartedEventAttributes != null);
  });
}
