import { setTimeout as pause } from 'node:timers/promises';
import { drift } from '../../src/client/drift.js';
import { apply } from '../../src/client/run/start.js';
import { pauseSchedule, resumeSchedule, triggerSchedule } from '../../src/client/schedule/change.js';
import { createSchedule, type WantedSchedule } from '../../src/client/schedule/create.js';
import { deleteSchedule } from '../../src/client/schedule/delete.js';
import { describeSchedule, listSchedules, type ScheduleRun } from '../../src/client/schedule/read.js';
import type { DriftRecord, WatchedEnvironment } from '../../src/contract/drift-record.js';
import type { JsonObject } from '../../src/contract/entity.js';
import { bootstrapWorkflowId, driftRecordWorkflowId } from '../../src/contract/workflow-ids.js';
import { IamDrift } from '../../src/contract/search-attributes.js';
import { freePort } from '../../src/embedded/ports.js';
import { driftSchema } from '../../src/report/drift-schema.js';
import { DOCUMENTED_QUERIES, OF_SCHEDULES } from '../support/documented-queries.js';
import { hold } from '../support/hold.js';
import { manifestOf, requestOf, role } from '../support/manifests-of.js';
import { scrape } from '../support/metrics-page.js';
import { createRole, iam, temporal, useWorld, worker, world } from '../support/use-world.js';
import { ACCOUNT, type WorkerProcess } from '../support/world.js';

/** Schedules on a real server: what they find, record and correct, and what becomes of runs that overlap or are missed. */

useWorld({ databaseFile: true });

const HOURLY = { every: 3_600_000 };
/** As often as Temporal starts runs in good time. */
const OFTEN = { every: 10_000 };
/** The pause between two looks at Temporal. */
const POLL_MS = 100;

let namespaces = 0;
let namespace = '';
/** The worker that a test has started in place of the first one. */
let restarted: WorkerProcess | undefined;

beforeEach(() => {
  namespaces += 1;
  namespace = `watched-${String(namespaces)}`;
});

afterEach(async () => {
  for (const { id } of await listSchedules(temporal, { namespace })) await deleteSchedule(temporal, id);
});

type Wanted = Partial<Omit<WantedSchedule, 'request'>> & { readonly revision?: number };

async function schedule(
  entities: readonly JsonObject[],
  { command = 'detect', timing = HOURLY, revision, ...more }: Wanted = {},
): ReturnType<typeof createSchedule> {
  const request = await requestOf(world, { namespace, account: ACCOUNT, entities });
  const revised =
    revision === undefined ? request : { ...request, revision: { value: revision, source: 'given' as const } };
  return createSchedule(temporal, { request: revised, command, timing, ...more });
}

/** Waits until something holds. What it waits for is an event of other processes. */
async function until<T>(read: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await read();
    if (found !== undefined) return found;
    await pause(POLL_MS);
  }
}

/** Triggers a schedule, and returns its run once it has ended. */
async function look(id: string): Promise<ScheduleRun> {
  const started = await triggerSchedule(temporal, id);
  return ended(id, started?.runId ?? '');
}

function ended(id: string, runId: string): Promise<ScheduleRun> {
  return until(async () => {
    const { runs } = await describeSchedule(temporal, id);
    return runs.find((run) => run.runId === runId && run.state !== 'running');
  });
}

async function watched(): Promise<WatchedEnvironment> {
  const { environments } = await drift(temporal, { account: ACCOUNT, namespace });
  const [environment] = environments;
  if (environment === undefined || environments.length > 1)
    throw new Error(`${String(environments.length)} are watched`);
  return environment;
}

/** Returns the record once a list shows the look of a run. */
function recordOf(runId: string): Promise<DriftRecord> {
  return until(async () => {
    const { record } = await watched();
    return record?.lookedBy?.runId === runId ? record : undefined;
  });
}

test('a look finds what was changed by hand, since when and by whom, and later that it is gone', async () => {
  await createRole('deploy', {});
  const { id } = await schedule([role('deploy', { adopt: 'own', observe: true, maxSessionDuration: 3600 })]);
  const first = await look(id);
  expect(first).toMatchObject({ state: 'converged', inDrift: 0 });
  await recordOf(first.runId);

  await iam.updateRole({ RoleName: 'deploy', MaxSessionDuration: 7200 });
  const second = await look(id);
  expect(second).toMatchObject({ state: 'pending', inDrift: 1 });
  const { drifted, inDrift, lookedAt } = await recordOf(second.runId);
  expect(inDrift).toBe(1);
  expect(drifted).toMatchObject([{ kind: 'Role', name: 'deploy', lines: [expect.stringContaining('7200')] }]);
  expect(drifted[0]?.cause).toMatchObject({
    operation: 'UpdateRole',
    principal: expect.stringContaining('arn:') as string,
  });
  const since = drifted[0]?.since ?? '';
  expect(since).toBe(lookedAt);
  expect(await watched()).toMatchObject({ state: 'drift', problem: null });

  const third = await look(id);
  const again = await recordOf(third.runId);
  expect(again.drifted).toMatchObject([{ name: 'deploy', since }]);
  expect(again.lookedAt).not.toBe(since);

  await iam.updateRole({ RoleName: 'deploy', MaxSessionDuration: 3600 });
  const fourth = await look(id);
  const gone = await recordOf(fourth.runId);
  expect(gone).toMatchObject({ inDrift: 0, drifted: [], ended: [{ name: 'deploy', since, how: 'gone' }] });
  expect(world.proxy.writes()).toEqual([]);
});

test('the documented queries find environments in drift, and the runs of schedules', async () => {
  const { id } = await schedule([role('missing')]);
  const { runId, inDrift } = await look(id);
  expect(inDrift).toBe(1);
  const record = await temporal.client.workflow
    .getHandle(driftRecordWorkflowId({ account: ACCOUNT, namespace, environment: 'test' }))
    .describe();
  const found = [record.runId, runId];
  const queries = OF_SCHEDULES.map((name) => DOCUMENTED_QUERIES.find(([lookingFor]) => lookingFor === name)?.[1] ?? '');
  for (const [index, query] of queries.entries()) {
    await until(async () => {
      for await (const one of temporal.client.workflow.list({ query })) if (one.runId === found[index]) return one;
      return undefined;
    });
  }
});

test('an enforcement writes only where something differs, under the lock of the namespace, and the record says so', async () => {
  const { id } = await schedule([role('deploy')], { command: 'enforce' });
  const first = await look(id);
  expect(first).toMatchObject({ state: 'converged', inDrift: 0, corrected: 1 });
  expect(await world.creates()).toEqual({ 'CreateRole deploy': 1 });
  expect(await recordOf(first.runId)).toMatchObject({ ended: [{ name: 'deploy', how: 'enforced' }] });
  const lock = temporal.client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, namespace));
  const { runId, memo } = await lock.describe();
  expect(memo).toMatchObject({ requestKey: id });

  expect(await look(id)).toMatchObject({ state: 'converged', inDrift: 0, corrected: 0 });
  expect((await lock.describe()).runId).toBe(runId);

  await iam.updateRole({ RoleName: 'deploy', MaxSessionDuration: 7200 });
  await iam.deleteRole({ RoleName: 'deploy' });
  expect(await look(id)).toMatchObject({ state: 'converged', inDrift: 0, corrected: 1 });
  expect(await world.creates()).toEqual({ 'CreateRole deploy': 2 });
});

test('what an enforcement may not write stays in drift, and its run has failed', async () => {
  await createRole('theirs', { 'pulumi:project': 'infra' });
  const { id } = await schedule([role('mine'), role('theirs')], { command: 'enforce' });
  const run = await look(id);
  expect(run).toMatchObject({ state: 'refused', inDrift: 2 });
  const { drifted } = await recordOf(run.runId);
  expect(drifted.map(({ name, action }) => [name, action])).toEqual(
    expect.arrayContaining([
      ['mine', 'create'],
      ['theirs', 'refuse'],
    ]),
  );
  expect(world.proxy.writes()).toEqual([]);
});

test('makes a schedule once: the same again changes nothing, and other content says what it changes', async () => {
  const made = await schedule([role('deploy')], { revision: 4, paused: true });
  expect(made).toMatchObject({ outcome: 'created', paused: true, nextAt: null });
  const { id } = made;
  expect(await schedule([role('deploy')], { revision: 4 })).toMatchObject({ id, outcome: 'unchanged', changes: [] });

  const timing = { every: 7_200_000, jitter: 60_000 };
  const changed = await schedule([role('deploy', { maxSessionDuration: 7200 }), role('more')], { revision: 5, timing });
  expect(changed).toMatchObject({ id, outcome: 'updated', paused: true });
  expect(changed.changes).toEqual([
    'every 1h -> every 2h, within 1m',
    '1 entity added: Role/more',
    '1 entity changed: Role/deploy',
    'revision: given 4 (commit unknown) -> given 5 (commit unknown)',
  ]);
  await expect(schedule([role('deploy')], { revision: 4 })).rejects.toThrow('older than that of the schedule');
  expect(await describeSchedule(temporal, id)).toMatchObject({
    timing,
    entities: 2,
    runs: [],
    request: { revision: { value: 5 } },
  });

  const other = await schedule([role('deploy')], { name: 'other' });
  expect(other.id).toBe(`${id}:other`);
  expect((await listSchedules(temporal, { namespace })).map((one) => one.id)).toEqual([id, other.id]);
});

test('pauses, resumes, triggers and deletes a schedule, and its record ends with it', async () => {
  const { id } = await schedule([role('deploy')]);
  const first = await look(id);
  await recordOf(first.runId);
  await pauseSchedule(temporal, id, 'by alice: incident 42');
  await until(async () => ((await watched()).problem === 'paused by alice: incident 42' ? true : undefined));
  expect(await describeSchedule(temporal, id)).toMatchObject({ paused: true, note: 'by alice: incident 42', next: [] });
  // It can still be triggered.
  expect(await look(id)).toMatchObject({ state: 'pending' });
  await resumeSchedule(temporal, id, 'by alice');
  expect((await describeSchedule(temporal, id)).next).not.toEqual([]);
  await deleteSchedule(temporal, id);
  await until(async () => {
    const { environments } = await drift(temporal, { namespace });
    return environments.length === 0 ? true : undefined;
  });
  const of = { account: ACCOUNT, namespace, environment: 'test' };
  const record = temporal.client.workflow.getHandle(driftRecordWorkflowId(of));
  await expect(record.result()).rejects.toThrow(/cancel/i);
  await expect(pauseSchedule(temporal, id, '')).rejects.toThrow(`there is no schedule ${id}`);
  await expect(describeSchedule(temporal, id)).rejects.toThrow(`there is no schedule ${id}`);
});

test('deleting a schedule ends its open run, which writes nothing more and leaves no record', async () => {
  const { id } = await schedule([role('deploy')], { command: 'enforce' });
  const held = hold(world.proxy, { action: 'GetAccountAuthorizationDetails' });
  const { workflowId = '' } = (await triggerSchedule(temporal, id)) ?? {};
  await held.reached;
  const deleted = await world.cli(['schedule', 'delete', id]);
  held.release();
  await expect(temporal.client.workflow.getHandle(workflowId).result()).rejects.toThrow(/cancel/i);
  expect(world.proxy.writes()).toEqual([]);
  const record = driftRecordWorkflowId({ account: ACCOUNT, namespace, environment: 'test' });
  await expect(temporal.client.workflow.getHandle(record).describe()).rejects.toThrow(/not found/i);
  expect(deleted).toMatchObject({ code: 0, stdout: `Deleted ${id}\n` });
  expect(deleted.stderr).toContain('Cancelled its open run, which ends between two writes: ');
  expect(await world.cli(['schedule', 'delete', id])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`there is no schedule ${id}`) as string,
  });
});

test('a schedule is deleted while no worker runs, and its run does nothing once one does', async () => {
  const { id } = await schedule([role('deploy')], { command: 'enforce' });
  await (restarted ?? worker).stop();
  const { workflowId = '' } = (await triggerSchedule(temporal, id)) ?? {};
  const { code, stdout } = await world.cli(['schedule', 'delete', id]);
  expect(code).toBe(0);
  expect(stdout).toContain(`Deleted ${id}\n  its run ends once a worker takes it: `);
  restarted = await world.startWorker();
  await expect(temporal.client.workflow.getHandle(workflowId).result()).rejects.toThrow(/cancel/i);
  expect(world.proxy.calls).toEqual([]);
  expect((await drift(temporal, { namespace })).environments).toEqual([]);
});

test('a schedule whose manifest is older than what was applied looks at nothing, and says so', async () => {
  const { id } = await schedule([role('deploy')], { revision: 4 });
  const run = await look(id);
  expect((await recordOf(run.runId)).drifted).toHaveLength(1);
  const request = await requestOf(world, {
    namespace,
    account: ACCOUNT,
    entities: [role('deploy', { maxSessionDuration: 7200 })],
  });
  await apply(temporal, { ...request, revision: { value: 5, source: 'given' } });
  world.proxy.clear();
  const outdated = await look(id);
  expect(outdated).toMatchObject({ state: 'outdated', reason: expect.stringContaining('out of date') as string });
  expect(world.proxy.calls).toEqual([]);
  await until(async () => {
    const { problem, record } = await watched();
    return problem?.includes('out of date') === true && record?.drifted.length === 1 ? true : undefined;
  });
});

test('a run that is held is not overlapped, and its schedule goes on after it', async () => {
  const held = hold(world.proxy, { action: 'GetAccountAuthorizationDetails' });
  const { id } = await schedule([role('deploy')], { timing: OFTEN });
  await held.reached;
  const { runs } = await describeSchedule(temporal, id);
  await until(async () => ((await describeSchedule(temporal, id)).skipped > 0 ? true : undefined));
  await expect(triggerSchedule(temporal, id)).rejects.toThrow('a run of it is open');
  const [open] = (await describeSchedule(temporal, id)).runs;
  expect(open).toMatchObject({ state: 'running', runId: runs[0]?.runId ?? open?.runId });
  held.release();
  expect(await ended(id, open?.runId ?? '')).toMatchObject({ state: 'pending', inDrift: 1 });
  await until(async () => {
    const [newest] = (await describeSchedule(temporal, id)).runs;
    return newest?.runId !== open?.runId && newest?.state === 'pending' ? true : undefined;
  });
});

test('a time at which no worker ran is looked at once it runs again, and meanwhile drift says so', async () => {
  const { id } = await schedule([role('deploy')], { timing: OFTEN });
  await until(async () => ((await describeSchedule(temporal, id)).runs[0]?.state === 'pending' ? true : undefined));
  await (restarted ?? worker).stop();
  const { problem } = await until(async () => {
    const one = await watched();
    return one.problem === null ? undefined : one;
  });
  expect(problem).toMatch(/^the run of .* waits for .*: no worker of task queue .* takes it$/);
  const { code, stdout } = await world.cli(['drift', '--namespace', namespace]);
  expect(code).toBe(2);
  expect(stdout).toContain('not looked at since');
  restarted = await world.startWorker();
  await until(async () => ((await watched()).problem === null ? true : undefined));
});

test('times that the server has missed are caught up by one run', async () => {
  const { id } = await schedule([role('deploy')], { timing: OFTEN });
  const before = await until(async () => {
    const { runs } = await describeSchedule(temporal, id);
    return runs[0]?.state === 'pending' ? runs[0] : undefined;
  });
  await world.crashTemporal();
  const due = Date.parse(before.scheduledAt) + OFTEN.every;
  while (Date.now() < due + 3_000) await pause(POLL_MS);
  await world.resumeTemporal();
  const resumedAt = Date.now();
  const caughtUp = await until(async () => {
    const { runs } = await describeSchedule(temporal, id);
    return runs.find(({ scheduledAt }) => Date.parse(scheduledAt) === due);
  });
  expect(Date.parse(caughtUp.startedAt)).toBeGreaterThan(due + 2_000);
  expect(Date.parse(caughtUp.startedAt)).toBeLessThan(resumedAt + OFTEN.every);
  await ended(id, caughtUp.runId);
  const { runs } = await describeSchedule(temporal, id);
  expect(runs.filter(({ scheduledAt }) => Date.parse(scheduledAt) === due)).toHaveLength(1);
});

test('the command line makes a schedule, shows it, and prints drift as text and as JSON', async () => {
  const path = await world.manifest(
    'scheduled.json',
    manifestOf({ namespace, account: ACCOUNT, entities: [role('deploy')] }),
  );
  const created = await world.cli(['schedule', 'create', '-f', path, '--every', '6h', '--jitter', '10m']);
  expect(created).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('every 6h, within 10m; next run') as string,
  });
  const [listed] = await listSchedules(temporal, { namespace });
  const id = listed?.id ?? '';
  expect(created.stdout).toContain(`Created ${id}`);
  expect((await world.cli(['schedule', 'create', '-f', path, '--every', '6h', '--jitter', '10m'])).stdout).toContain(
    'Unchanged',
  );
  expect((await world.cli(['drift', '--namespace', namespace])).stdout).toContain('not looked at yet');

  const triggered = await world.cli(['schedule', 'trigger', id]);
  expect(triggered).toMatchObject({ code: 0, stdout: expect.stringContaining('Started ') as string });
  const run = await until(async () =>
    (await describeSchedule(temporal, id)).runs.find(({ state }) => state === 'pending'),
  );
  await recordOf(run.runId);
  expect((await world.cli(['schedule', 'list', '--namespace', namespace])).stdout).toMatch(
    /active +detect .*iam-bootstrap-schedule/,
  );
  const described = await world.cli(['schedule', 'describe', id]);
  expect(described.stdout).toMatch(
    /looks for drift of .* every 6h[^]*scheduled\.json, 1 entity[^]*pending, .* 1 in drift/,
  );

  const text = await world.cli(['drift', '--account', ACCOUNT, '--namespace', namespace]);
  expect(text.code).toBe(2);
  expect(text.stdout).toMatch(
    /1 of 1 entity in drift[^]*~ Role\/deploy, since [^]*it does not exist[^]*1 entity in drift in 1 env/,
  );
  const json = await world.cli(['drift', '--namespace', namespace, '--output', 'json']);
  expect(json.code).toBe(2);
  expect(driftSchema.parse(JSON.parse(json.stdout))).toMatchObject({ environments: [{ state: 'drift', namespace }] });
  const found: string[] = [];
  const query = `${IamDrift.name} = 1 AND ExecutionStatus = "Running" AND IamNamespace = "${namespace}"`;
  for await (const { workflowId } of temporal.client.workflow.list({ query })) found.push(workflowId);
  expect(found).toHaveLength(1);

  const shown = async (count: number): Promise<true | undefined> => {
    const samples = (await scrape(metrics)).filter(({ name }) => name === 'iam_bootstrap_entities_in_drift');
    const own = samples.find(({ labels }) => labels['iam_namespace'] === namespace);
    return own?.value === count && own.labels['account'] === ACCOUNT ? true : undefined;
  };
  const metrics = `127.0.0.1:${String(await freePort())}`;
  await world.startWorker({ IAM_BOOTSTRAP_METRICS: metrics });
  await until(() => shown(1));

  expect((await world.cli(['apply', '-f', path])).code).toBe(0);
  await look(id);
  await until(async () => ((await watched()).state === 'no-drift' ? true : undefined));
  expect((await world.cli(['drift', '--namespace', namespace])).code).toBe(0);
  expect((await world.cli(['schedule', 'create', '-f', path])).code).toBe(64);
  expect((await world.cli(['schedule', 'pause'])).code).toBe(64);
});
