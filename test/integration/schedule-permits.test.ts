import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WorkflowFailedError } from '@temporalio/client';
import { describeSchedule } from '../../src/client/schedule/read.js';
import { createSchedule } from '../../src/client/schedule/create.js';
import type { ScheduleCommand, ScheduledRun } from '../../src/contract/schedule.js';
import { bootstrapWorkflowId, WorkflowType } from '../../src/contract/workflow-ids.js';
import type { TemporalConnection } from '../../src/temporal/connect.js';
import { requestOf, role } from '../support/manifests-of.js';
import { runOfSchedule } from '../support/schedules.js';
import { TokenIssuer, type Claims } from '../support/token-issuer.js';
import { temporal, useWorld, world } from '../support/use-world.js';
import { ACCOUNT } from '../support/world.js';

/** Schedules where workers ask who asks: for an OIDC token, or for a signature with a shared key. */

const PERMIT_KEY = 'a key of at least thirty-two characters';
const REQUEST_KEY = 'another key of at least thirty-two characters';
const MAIN = { repository: 'acme/iam', ref: 'refs/heads/main' };
const HOURLY = { every: 3_600_000 };

let issuer: TokenIssuer;
let guardrails: string;

useWorld({ worker: false });

beforeAll(async () => {
  issuer = await TokenIssuer.start();
  guardrails = join(world.directory, 'guardrails.yaml');
  await allow('acme/iam');
  const permits = { IAM_BOOTSTRAP_PERMIT_KEY: PERMIT_KEY };
  await world.startWorker({ ...permits, IAM_BOOTSTRAP_TASK_QUEUE: 'proven', IAM_BOOTSTRAP_GUARDRAILS: guardrails });
  await world.startWorker({ ...permits, IAM_BOOTSTRAP_TASK_QUEUE: 'signed', IAM_BOOTSTRAP_REQUEST_KEY: REQUEST_KEY });
});

afterAll(() => issuer.stop());

async function allow(repository: string): Promise<void> {
  await writeFile(
    guardrails,
    `version: 1
identity: { issuers: { ci: { issuer: "${issuer.url}" } } }
accounts: { "${ACCOUNT}": {} }
apply: { only: [{ issuer: ci, repository: ${repository}, ref: refs/heads/main }] }
`,
  );
}

/** Returns the connection of a job that gets tokens with these claims. */
function job(claims: Claims): TemporalConnection {
  const token = (audience: string): Promise<string> => issuer.sign({ aud: audience, ...claims });
  const source = { title: 'a test', choosesAudience: true, token };
  return { ...temporal, taskQueue: 'proven', idTokens: () => Promise.resolve(source) };
}

function keyHolder(requestKey?: string): TemporalConnection {
  return { ...temporal, taskQueue: 'signed', requestKey };
}

async function make(as: TemporalConnection, namespace: string, command: ScheduleCommand): Promise<string> {
  const request = await requestOf(world, { namespace, account: ACCOUNT, entities: [role('deploy')] });
  return (await createSchedule(as, { request, command, timing: HOURLY })).id;
}

async function argumentOf(id: string): Promise<ScheduledRun> {
  const { action } = await temporal.client.schedule.getHandle(id).describe();
  return (action.args as [ScheduledRun])[0];
}

/** Starts what a schedule would start, and returns why the worker refuses it. */
async function startedByHand(type: string, workflowId: string, taskQueue: string, argument: object): Promise<string> {
  const options = { taskQueue, workflowId, args: [argument] };
  const failed: unknown = await temporal.client.workflow.execute(type, options).catch((error: unknown) => error);
  if (!(failed instanceof WorkflowFailedError)) throw new Error('it was not refused');
  return failed.cause?.message ?? '';
}

test('who may apply makes a schedule that enforces, and its runs need no token', async () => {
  const id = await make(job(MAIN), 'proven-a', 'enforce');
  expect(await describeSchedule(temporal, id)).toMatchObject({ requester: expect.stringContaining('(ci)') as string });
  expect(await runOfSchedule(id)).toMatchObject({ state: 'converged', corrected: 1 });
  expect(await world.creates()).toEqual({ 'CreateRole deploy': 1 });
});

test('who may not apply makes no schedule that enforces, and may look for drift', async () => {
  const topic = job({ ...MAIN, ref: 'refs/heads/topic' });
  await expect(make(topic, 'proven-b', 'enforce')).rejects.toThrow('may not apply');
  await expect(make({ ...temporal, taskQueue: 'proven' }, 'proven-b', 'enforce')).rejects.toThrow('has no OIDC token');
  const id = await make(topic, 'proven-b', 'detect');
  expect(await runOfSchedule(id)).toMatchObject({ state: 'pending', inDrift: 1 });
  expect(world.proxy.writes()).toEqual([]);
});

test('a schedule ends to write when its maker loses the right', async () => {
  const id = await make(job(MAIN), 'proven-c', 'enforce');
  await allow('acme/other');
  try {
    expect(await runOfSchedule(id)).toMatchObject({
      state: 'refused',
      reason: expect.stringContaining('may not apply') as string,
    });
    expect(world.proxy.writes()).toEqual([]);
  } finally {
    await allow('acme/iam');
  }
});

test('a copy of a permit starts nothing, and a permit lets nobody do something else', async () => {
  const id = await make(job(MAIN), 'proven-d', 'enforce');
  const { request } = await argumentOf(id);
  const lock = bootstrapWorkflowId(ACCOUNT, 'proven-d');
  const bootstrap = (argument: object): Promise<string> =>
    startedByHand(WorkflowType.Bootstrap, lock, 'proven', argument);
  expect(await bootstrap(request)).toContain('its permit lets schedule');
  const changed = { ...request, manifest: 'another.yaml' };
  expect(await bootstrap(changed)).toContain('no worker has signed its permit for this request');
  const other = await argumentOf(await make(job(MAIN), 'proven-e', 'enforce'));
  const mixed = { ...request, proof: other.request.proof ?? {} };
  expect(await bootstrap(mixed)).toContain('no worker has signed its permit for this request');
  expect(world.proxy.writes()).toEqual([]);
});

test('with a request key, schedules are signed when they are made, and not otherwise', async () => {
  await expect(make(keyHolder(), 'signed-a', 'detect')).rejects.toThrow('it is not signed');
  await expect(make(keyHolder('a wrong key of thirty-two characters'), 'signed-a', 'detect')).rejects.toThrow(
    'its signature is not that of this schedule',
  );
  const looking = await make(keyHolder(REQUEST_KEY), 'signed-a', 'detect');
  expect(await runOfSchedule(looking)).toMatchObject({ state: 'pending', inDrift: 1 });
  const enforcing = await make(keyHolder(REQUEST_KEY), 'signed-a', 'enforce');
  expect(await runOfSchedule(enforcing)).toMatchObject({ state: 'converged', corrected: 1 });

  const argument = await argumentOf(looking);
  const unsigned = { ...argument, request: { ...argument.request, proof: {} } };
  expect(await startedByHand(WorkflowType.ScheduledRun, 'by-hand', 'signed', unsigned)).toContain(
    'cannot be signed for',
  );
  const lock = bootstrapWorkflowId(ACCOUNT, 'signed-a');
  expect(await startedByHand(WorkflowType.Bootstrap, lock, 'signed', argument.request)).toContain(
    'lets schedule iam-bootstrap-schedule:111111111111:signed-a:test:detect detect drift only',
  );
});

test('making a schedule again renews a permit that the workers no longer take, and never lets its runs go back', async () => {
  const content = await requestOf(world, { namespace: 'renewed', account: ACCOUNT, entities: [role('renewed')] });
  const wanted = { request: { ...content, allowOlder: true }, command: 'enforce', timing: HOURLY } as const;
  const { id } = await createSchedule(keyHolder(REQUEST_KEY), wanted);
  expect((await argumentOf(id)).request).not.toHaveProperty('allowOlder');
  expect(await createSchedule(keyHolder(REQUEST_KEY), wanted)).toMatchObject({ outcome: 'unchanged' });
  const renewed = await createSchedule(job(MAIN), wanted);
  expect(renewed).toMatchObject({ outcome: 'updated', changes: ['permit: signed anew'] });
  expect(await runOfSchedule(id)).toMatchObject({ state: 'converged', corrected: 1 });
});
