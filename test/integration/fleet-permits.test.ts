import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WorkflowFailedError } from '@temporalio/client';
import type { ApplicationFailure } from '@temporalio/common';
import { applyFleet, planFleet } from '../../src/client/fleet/apply.js';
import { decideWave } from '../../src/client/fleet/runs.js';
import { createSchedule } from '../../src/client/schedule/create.js';
import { loadFleetRequest } from '../../src/client/fleet-request.js';
import type { FleetEvent } from '../../src/client/fleet/events.js';
import type { FleetReport, FleetRequest } from '../../src/contract/fleet.js';
import type { BootstrapRequest } from '../../src/contract/request.js';
import {
  bootstrapWorkflowId,
  fleetPlanWorkflowId,
  fleetWorkflowId,
  WorkflowType,
} from '../../src/contract/workflow-ids.js';
import type { TemporalConnection } from '../../src/temporal/connect.js';
import { role } from '../support/manifests-of.js';
import { runOfSchedule } from '../support/schedules.js';
import { TokenIssuer, type Claims } from '../support/token-issuer.js';
import { temporal, useWorld, world } from '../support/use-world.js';

/** Fleets where workers ask who asks: for an OIDC token, or for a signature with a shared key. */

const PERMIT_KEY = 'a key of at least thirty-two characters';
const REQUEST_KEY = 'another key of at least thirty-two characters';
const MAIN = { repository: 'acme/iam', ref: 'refs/heads/main' };
const ACCOUNTS = ['300000000001', '300000000002', '300000000003'] as const;
const [OPEN, GUARDED, OTHER] = ACCOUNTS;

let issuer: TokenIssuer;

useWorld({ worker: false });

beforeAll(async () => {
  issuer = await TokenIssuer.start();
  const guardrails = join(world.directory, 'guardrails.yaml');
  const only = 'only: [{ issuer: ci, repository: acme/iam, ref: refs/heads/main }]';
  const rules = ACCOUNTS.map((account) => {
    const apply = account === OPEN ? '' : `, apply: { ${only} }`;
    return `"${account}": { assumeRole: "arn:aws:iam::${account}:role/iam-bootstrap"${apply} }`;
  });
  await writeFile(
    guardrails,
    `version: 1
identity: { issuers: { ci: { issuer: "${issuer.url}" } } }
accounts: { ${rules.join(', ')} }
`,
  );
  const permits = { IAM_BOOTSTRAP_PERMIT_KEY: PERMIT_KEY };
  await world.startWorker({ ...permits, IAM_BOOTSTRAP_TASK_QUEUE: 'proven', IAM_BOOTSTRAP_GUARDRAILS: guardrails });
  await world.startWorker({ ...permits, IAM_BOOTSTRAP_TASK_QUEUE: 'signed', IAM_BOOTSTRAP_REQUEST_KEY: REQUEST_KEY });
});

afterAll(() => issuer.stop());

/** Returns the connection of a job that gets tokens with these claims. */
function job(claims: Claims): TemporalConnection {
  const token = (audience: string): Promise<string> => issuer.sign({ aud: audience, ...claims });
  const source = { title: 'a test', choosesAudience: true, token };
  return { ...temporal, taskQueue: 'proven', idTokens: () => Promise.resolve(source) };
}

function keyHolder(requestKey?: string): TemporalConnection {
  return { ...temporal, taskQueue: 'signed', requestKey };
}

/** Writes a manifest with a fleet of that name, and returns a request for it. */
async function requestFor(name: string, command: FleetRequest['command'], fields: object = {}): Promise<FleetRequest> {
  const assumeRole = 'arn:{{partition}}:iam::{{account}}:role/iam-bootstrap';
  const path = await world.manifest(`${name}.json`, {
    version: 1,
    namespace: name,
    fleets: { [name]: { accounts: { ids: ACCOUNTS }, assumeRole, ...fields } },
    entities: [role(`${name}-deploy`)],
  });
  const pipeline = { provider: 'local', url: null, commit: null, actor: 'test' };
  const approveWaves = 'waves' in fields;
  const loaded = await loadFleetRequest([path], { variables: {}, pipeline, fleet: name, command, approveWaves });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems, null, 2));
  return loaded.request;
}

const resultsOf = ({ accounts }: FleetReport): Record<string, string> =>
  Object.fromEntries(accounts.map(({ account, result }) => [account, result]));

async function createdIn(name: string): Promise<Record<string, number>> {
  const counts = await Promise.all(
    ACCOUNTS.map(
      async (account) => [account, (await world.creates(account))[`CreateRole ${name}-deploy`] ?? 0] as const,
    ),
  );
  return Object.fromEntries(counts);
}

/** Returns the argument of a run, which every client can read. */
async function argumentOf(workflowId: string): Promise<BootstrapRequest> {
  const { events } = await temporal.client.workflow.getHandle(workflowId).fetchHistory();
  const payloads = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  const { payloadCodecs, payloadConverter } = temporal.client.options.loadedDataConverter;
  const [payload] = await payloadCodecs.reduce(
    async (decoded, codec) => codec.decode(await decoded),
    Promise.resolve(payloads),
  );
  if (payload === undefined) throw new Error('the run has no argument');
  return payloadConverter.fromPayload<BootstrapRequest>(payload);
}

/** Starts what a client of ours would start, and returns why the worker refuses it. */
async function startedByHand(type: string, workflowId: string, taskQueue: string, argument: object): Promise<string> {
  const options = { taskQueue, workflowId, args: [argument] };
  const failed: unknown = await temporal.client.workflow.execute(type, options).catch((error: unknown) => error);
  if (!(failed instanceof WorkflowFailedError)) throw new Error('it was not refused');
  return failed.cause?.message ?? '';
}

test('who may apply in the accounts of a fleet applies to all of them by one token', async () => {
  expect(await applyFleet(job(MAIN), await requestFor('proven-a', 'apply'))).toMatchObject({ result: 'converged' });
  expect(await createdIn('proven-a')).toEqual({ [OPEN]: 1, [GUARDED]: 1, [OTHER]: 1 });
});

test('who may not is refused in the accounts whose guardrails say so, and may plan', async () => {
  const topic = job({ ...MAIN, ref: 'refs/heads/topic' });
  expect(await planFleet(topic, await requestFor('proven-b', 'plan'))).toMatchObject({ result: 'pending' });
  const report = await applyFleet(topic, await requestFor('proven-b', 'apply'));
  expect(resultsOf(report)).toEqual({ [OPEN]: 'converged', [GUARDED]: 'refused', [OTHER]: 'refused' });
  expect(report.accounts[1]?.reason).toContain('may not apply: only issuer ci, repository acme/iam');
  const untold = await applyFleet({ ...temporal, taskQueue: 'proven' }, await requestFor('proven-c', 'apply'));
  expect(resultsOf(untold)).toEqual({ [OPEN]: 'converged', [GUARDED]: 'refused', [OTHER]: 'refused' });
  expect(untold.accounts[1]?.reason).toContain('the request has no OIDC token');
  expect(await createdIn('proven-b')).toEqual({ [OPEN]: 1, [GUARDED]: 0, [OTHER]: 0 });
  expect(await createdIn('proven-c')).toEqual({ [OPEN]: 1, [GUARDED]: 0, [OTHER]: 0 });
});

test('a copy of what a fleet sends starts nothing', async () => {
  const request = await requestFor('proven-d', 'apply');
  await applyFleet(job(MAIN), request);
  const lock = bootstrapWorkflowId(GUARDED, 'proven-d');
  const copy = await argumentOf(lock);
  const bootstrap = (argument: object): Promise<string> =>
    startedByHand(WorkflowType.Bootstrap, lock, 'proven', argument);
  world.proxy.clear();
  expect(await bootstrap(copy)).toContain('the fleet of its permit has not started this run');
  const own = { key: 'mine', manifest: 'mine.yaml' };
  expect(await bootstrap({ ...copy, ...own })).toContain('no worker has signed its permit for this request');
  // The same request with the same token, by another run: its proof was used.
  const sent = await argumentOf(fleetWorkflowId('proven-d', 'proven-d'));
  const again = startedByHand(WorkflowType.Fleet, fleetWorkflowId('proven-d', 'proven-d'), 'proven', sent);
  expect(await again).toContain('its token has proved another run before');
  expect(world.proxy.writes()).toEqual([]);
});

test('a run that was reset does not do once more what was proven once', async () => {
  await applyFleet(job(MAIN), await requestFor('proven-f', 'apply'));
  const { client } = temporal;
  const workflowId = fleetWorkflowId('proven-f', 'proven-f');
  const { events = [] } = await client.workflow.getHandle(workflowId).fetchHistory();
  const tasks = (events ?? []).filter(({ workflowTaskCompletedEventAttributes: task }) => task != null);
  world.proxy.clear();
  // After the activity that has verified the token and found the accounts.
  await client.workflowService.resetWorkflowExecution({
    namespace: client.options.namespace,
    workflowExecution: { workflowId },
    reason: 'a test',
    requestId: randomUUID(),
    workflowTaskFinishEventId: tasks[1]?.eventId ?? null,
  });
  const failed: unknown = await client.workflow
    .getHandle(workflowId)
    .result()
    .catch((error: unknown) => error);
  if (!(failed instanceof WorkflowFailedError)) throw new Error('it was not refused');
  const [report] = (failed.cause as ApplicationFailure).details as [FleetReport];
  for (const account of report.accounts) {
    expect(account).toMatchObject({
      result: 'refused',
      reason: expect.stringContaining('goes on from a reset') as string,
    });
  }
  expect(report.accounts).toHaveLength(3);
  expect(world.proxy.countBy()).toEqual({});
});

test('with a request key, a fleet is signed, and its accounts need no signature of their own', async () => {
  const planned = await planFleet(keyHolder(REQUEST_KEY), await requestFor('signed-a', 'plan'));
  expect(planned).toMatchObject({ result: 'pending' });
  const request = await requestFor('signed-a', 'apply');
  expect(await applyFleet(keyHolder(), request)).toMatchObject({
    result: 'refused',
    reason: expect.stringContaining('it is not signed') as string,
  });
  expect(await createdIn('signed-a')).toEqual({ [OPEN]: 0, [GUARDED]: 0, [OTHER]: 0 });
  expect(await applyFleet(keyHolder(REQUEST_KEY), request)).toMatchObject({ result: 'converged' });
  expect(await createdIn('signed-a')).toEqual({ [OPEN]: 1, [GUARDED]: 1, [OTHER]: 1 });

  world.proxy.clear();
  const lock = bootstrapWorkflowId(GUARDED, 'signed-a');
  const copied = startedByHand(WorkflowType.Bootstrap, lock, 'signed', await argumentOf(lock));
  expect(await copied).toContain('the fleet of its permit has not started this run');
  const sent = await argumentOf(fleetPlanWorkflowId('signed-a', 'signed-a', planned.request.key));
  const asApply = startedByHand(WorkflowType.Fleet, fleetWorkflowId('signed-a', 'signed-a'), 'signed', {
    ...sent,
    command: 'apply',
  });
  expect(await asApply).toContain('the digest of the request is not that of its content');
  expect(world.proxy.writes()).toEqual([]);
});

test('a schedule for a fleet does what its maker may do in each account', async () => {
  const { request, timing } = { request: await requestFor('proven-e', 'enforce'), timing: { every: 3_600_000 } };
  const topic = job({ ...MAIN, ref: 'refs/heads/topic' });
  const own = await createSchedule(topic, { request, command: 'enforce', timing });
  expect(await runOfSchedule(own.id)).toMatchObject({ state: 'refused' });
  expect(await createdIn('proven-e')).toEqual({ [OPEN]: 1, [GUARDED]: 0, [OTHER]: 0 });
  const renewed = await createSchedule(job(MAIN), { request, command: 'enforce', timing });
  expect(renewed).toMatchObject({ outcome: 'updated', changes: ['permit: signed anew'] });
  expect(await runOfSchedule(own.id)).toMatchObject({ state: 'converged', corrected: 2 });
  expect(await createdIn('proven-e')).toEqual({ [OPEN]: 1, [GUARDED]: 1, [OTHER]: 1 });

  world.proxy.clear();
  const { action } = await temporal.client.schedule.getHandle(own.id).describe();
  const [copy] = action.args as [FleetRequest];
  expect(await startedByHand(WorkflowType.Fleet, 'by-hand', 'proven', copy)).toContain(
    'which has not started this run',
  );
  expect(world.proxy.writes()).toEqual([]);
});

test('with a request key, a schedule for a fleet is signed when it is made', async () => {
  const wanted = {
    request: await requestFor('signed-c', 'detect'),
    command: 'detect',
    timing: { every: 3_600_000 },
  } as const;
  await expect(createSchedule(keyHolder(), wanted)).rejects.toThrow('it is not signed');
  const { id } = await createSchedule(keyHolder(REQUEST_KEY), wanted);
  expect(await runOfSchedule(id)).toMatchObject({ state: 'pending', inDrift: 3 });
  expect(await createdIn('signed-c')).toEqual({ [OPEN]: 0, [GUARDED]: 0, [OTHER]: 0 });
});

test('with a request key, a wave is approved by a signed decision only', async () => {
  const request = await requestFor('signed-b', 'apply', { waves: [{ accounts: 1 }, { percent: 100 }] });
  let applying: Promise<FleetReport> | undefined;
  const plan = await new Promise<string>((resolve) => {
    const onEvent = (event: FleetEvent): void => {
      if (event.type === 'awaiting-approval') resolve(event.wave.plan);
    };
    applying = applyFleet(keyHolder(REQUEST_KEY), request, { onEvent });
  });
  const decision = { plan, by: 'alice', reason: null };
  const fleet = { namespace: 'signed-b', fleet: 'signed-b' };
  await expect(decideWave(keyHolder(), fleet, 'approve', decision)).rejects.toThrow('it is not signed');
  expect(await createdIn('signed-b')).toEqual({ [OPEN]: 1, [GUARDED]: 0, [OTHER]: 0 });
  await decideWave(keyHolder(REQUEST_KEY), fleet, 'approve', decision);
  expect(await applying).toMatchObject({ result: 'converged' });
  expect(await createdIn('signed-b')).toEqual({ [OPEN]: 1, [GUARDED]: 1, [OTHER]: 1 });
});
