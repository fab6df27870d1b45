import { WorkflowFailedError } from '@temporalio/client';
import type { ApplicationFailure } from '@temporalio/common';
import type { WorkerCheck, WorkerGateRequest, WorkerGateResult } from '../../src/contract/worker-gate.js';
import { hasJavaAndMaven } from '../support/time-skipping-server.js';
import { WorkflowStage } from '../support/workflow-stage.js';

let stage: WorkflowStage;
let rounds = 0;

beforeAll(async () => {
  stage = await WorkflowStage.start();
});

afterAll(async () => {
  await stage.stop();
});

const FINE: WorkerCheck = { name: 'temporal', status: 'ok', message: 'the namespace can be read', remedy: null };
const UNSET: WorkerCheck = { name: 'search attributes', status: 'warn', message: 'not registered', remedy: 'register' };
const BROKEN: WorkerCheck = { name: 'guardrails', status: 'fail', message: 'invalid', remedy: 'correct the file' };

/** Runs a gate on a worker that has these checks, a round of them after the other; the last stays. */
async function pass(
  found: readonly (readonly WorkerCheck[])[],
  ...args: WorkerGateRequest[]
): Promise<WorkerGateResult> {
  rounds = 0;
  stage.activities = {
    checkWorker: () => {
      rounds += 1;
      const checks = found[Math.min(rounds, found.length) - 1] ?? [];
      return Promise.resolve({ deployment: 'iam/worker', build: 'v2', checks });
    },
  };
  const workflowId = `gate-${String(Math.random())}`;
  const options = { taskQueue: 'workflows', workflowId, args };
  return (await stage.client.workflow.execute('workerGate', options)) as WorkerGateResult;
}

/** Returns the failure that a gate ends with. */
async function failureOf(running: Promise<WorkerGateResult>): Promise<ApplicationFailure> {
  const error = await running.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof WorkflowFailedError) return error.cause as ApplicationFailure;
  throw new Error('the gate has passed', { cause: error });
}

test('a gate passes a worker without a failed check, warnings or not, and returns what it found', async () => {
  expect(await pass([[FINE, UNSET]])).toEqual({ deployment: 'iam/worker', build: 'v2', checks: [FINE, UNSET] });
  expect(rounds).toBe(1);
});

test('a gate waits for what may still come, such as a role or a mounted file', async () => {
  expect((await pass([[BROKEN], [BROKEN], [FINE]], { waitSeconds: 60 })).checks).toEqual([FINE]);
  expect(rounds).toBe(3);
});

test('a gate fails with the checks that stay failed, and what to do', async () => {
  const failure = await failureOf(pass([[FINE, BROKEN]], { waitSeconds: 0 }));
  expect(failure).toMatchObject({
    message: 'this build gets no runs: guardrails: invalid (correct the file)',
    type: 'WorkerGateFailed',
    nonRetryable: true,
    details: [{ deployment: 'iam/worker', build: 'v2', checks: [FINE, BROKEN] }],
  });
  expect(rounds).toBe(1);
});

/** Limit of a test that waits for five minutes: where the time-skipping server does not start, they pass in real time. */
const FIVE_MINUTES_PASS_MS = 400_000;

(hasJavaAndMaven() ? test : test.skip)(
  'a gate of the controller, without an argument, waits for minutes before it fails (skipped without Java and Maven)',
  async () => {
    await failureOf(pass([[BROKEN]]));
    // One round each ten seconds, for five minutes.
    expect(rounds).toBe(31);
  },
  FIVE_MINUTES_PASS_MS,
);

test.each([[{ waitSeconds: -1 }], [{ waitSeconds: 3_001 }], [{ waitSeconds: '60' }], [{ waitSeconds: null }]])(
  'a gate refuses the argument %j',
  async (given) => {
    const failure = await failureOf(pass([[FINE]], given as never));
    expect(failure.message).toMatch(/^the argument of workerGate has to be/);
    expect(rounds).toBe(0);
  },
);
