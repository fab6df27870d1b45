import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { IAM } from '@aws-sdk/client-iam';
import { Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { loadConfig } from '../../src/config/config.js';
import type { Report } from '../../src/contract/report.js';
import type { BootstrapRequest, ReconcileRequest } from '../../src/contract/request.js';
import { bootstrapWorkflowId, WorkflowType } from '../../src/contract/workflow-ids.js';
import { lockOf } from '../../src/activities/plan/entity-lock.js';
import { freePort } from '../../src/embedded/ports.js';
import { dataConverter } from '../../src/temporal/payload-codec.js';
import { manifestOf, role } from '../support/manifests-of.js';
import { runScript, type Ended } from '../support/processes.js';
import { iamClient } from '../support/sandbox.js';
import { ACCOUNT, CLI } from '../support/world.js';

/** A worker that takes only signed requests, as that of `dev`, and clients without and with the key. */

const LOCK = bootstrapWorkflowId(ACCOUNT, 'ci');

let folder: string;
let server: ChildProcess;
let address: string;
let sandbox: string;
let keyFile: string;
let iam: IAM;
let client: Client;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'iam-bootstrap-signed-'));
  const [port, uiPort] = [await freePort(), await freePort()].map(String);
  const { cacheDirectory, environment } = loadConfig();
  const env = {
    PATH: environment['PATH'] ?? '',
    HOME: folder,
    IAM_BOOTSTRAP_CACHE: cacheDirectory,
    IAM_BOOTSTRAP_LOG: 'fatal',
  };
  server = spawn(process.execPath, [CLI, 'dev', '--sandbox', '--port', port ?? '', '--ui-port', uiPort ?? ''], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (server.stdout === null) throw new Error('no output');
  for await (const line of createInterface({ input: server.stdout })) {
    keyFile = /^ {2}export IAM_BOOTSTRAP_REQUEST_KEY_FILE=(\/\S+request\.key)$/.exec(line)?.[1] ?? keyFile;
    sandbox = /^IAM sandbox +(\S+?),/.exec(line)?.[1] ?? sandbox;
    if (line.startsWith('Press Ctrl-C')) break;
  }
  address = `127.0.0.1:${port ?? ''}`;
  iam = iamClient(sandbox);
  client = new Client({ connection: await Connection.connect({ address }), dataConverter });
  writeFileSync(
    join(folder, 'iam.json'),
    JSON.stringify(manifestOf({ namespace: 'ci', account: ACCOUNT, entities: [role('a')] })),
  );
}, 120_000);

afterAll(async () => {
  await client.connection.close();
  const ended = once(server, 'exit');
  server.kill('SIGINT');
  await ended;
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a command in the folder of `dev`, or in another one. */
function command(line: string, cwd = folder, more: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const manifest = join(folder, 'iam.json');
  return runScript(`$CLI ${line} -f ${manifest} -o json`, {
    cwd,
    env: { HOME: cwd, TEMPORAL_ADDRESS: address, ...more },
  });
}

/** Starts a workflow as any client can, and returns its failure. */
async function failureOf(type: string, workflowId: string, request: object): Promise<string> {
  try {
    await client.workflow.execute(type, { taskQueue: 'iam-bootstrap', workflowId, args: [request] });
    return 'none';
  } catch (error) {
    if (!(error instanceof WorkflowFailedError) || !(error.cause instanceof ApplicationFailure)) throw error;
    return error.cause.message;
  }
}

/** Returns the argument of a run, which every client can read. */
async function argumentOf<T>(workflowId: string): Promise<T> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  const payloads = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  const [payload] = await dataConverter.payloadCodecs.reduce(
    async (decoded, codec) => codec.decode(await decoded),
    Promise.resolve(payloads),
  );
  return JSON.parse(Buffer.from(payload?.data ?? '').toString()) as T;
}

async function roles(): Promise<readonly string[]> {
  return ((await iam.listRoles()).Roles ?? []).map(({ RoleName }) => RoleName ?? '');
}

/** Returns the writes that the sandbox has seen. */
async function writes(): Promise<readonly string[]> {
  const response = await fetch(`${new URL(sandbox).origin}/sandbox/journal`);
  const journal = (await response.json()) as readonly { readonly action: string }[];
  return journal.map(({ action }) => action).filter((action) => !/^(Get|List|AssumeRole)/.test(action));
}

test('a request is taken from a client with the key only, for its own run, and a reset of that run goes on', async () => {
  // A client without the key is one in another folder.
  const elsewhere = mkdtempSync(join(folder, 'elsewhere-'));
  const unsigned = await command('apply', elsewhere);
  expect(unsigned.code).toBe(3);
  const refused = JSON.parse(unsigned.stdout) as Report;
  expect(refused.remedy).toContain(`\`export IAM_BOOTSTRAP_REQUEST_KEY_FILE=${keyFile}\``);
  expect(refused.reason).toContain(
    `the worker takes only requests that are signed with the key in ${join(folder, '.iam-bootstrap', 'request.key')}, and this one is refused: it is not signed`,
  );
  expect((JSON.parse((await command('plan', elsewhere)).stdout) as Report).reason).toContain('it is not signed');
  expect(await writes()).toEqual([]);
  // As `dev` says.
  const key = { IAM_BOOTSTRAP_REQUEST_KEY_FILE: keyFile };
  const planned = await command('plan', elsewhere, key);
  expect((JSON.parse(planned.stdout) as Report).entities[0]?.decision).toBe('create');

  const applied = await command('apply');
  expect((JSON.parse(applied.stdout) as Report).result).toBe('converged');
  expect(await roles()).toEqual(['a']);

  // What a client copies from histories starts nothing.
  const before = await writes();
  const request = await argumentOf<BootstrapRequest>(LOCK);
  expect(request.proof?.signature).toMatch(/^1\./);
  const entity = request.entities[0];
  if (entity === undefined) throw new Error('no entity');
  const entityRun = lockOf(ACCOUNT, entity);
  const reconcile = await argumentOf<ReconcileRequest>(entityRun);
  await iam.deleteRole({ RoleName: 'a' });
  const { runId } = await client.workflow.getHandle(LOCK).describe();
  expect(await failureOf(WorkflowType.Bootstrap, LOCK, request)).toContain('its signature was used for another run');
  expect(await failureOf(WorkflowType.Bootstrap, LOCK, { ...request, command: 'destroy' })).toContain(
    'its signature is not that of this bootstrap',
  );
  expect(await failureOf(WorkflowType.ReconcileEntity, entityRun, reconcile)).toContain(
    'is written by entity runs of its bootstrap run',
  );
  expect(await failureOf(WorkflowType.ReconcileEntity, entityRun, { ...reconcile, permit: '' })).toContain(
    'no plan of this worker',
  );
  expect(await writes()).toEqual([...before, 'DeleteRole']);

  // Reset to the task after the plan: the run starts its entity runs anew, with the permits that it has.
  const reset = (await client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: LOCK, runId },
    workflowTaskFinishEventId: (await taskAfterPlan(runId)) as never,
    requestId: 'reset',
    reason: 'the role was deleted by hand',
  })) as unknown as { readonly runId: string };
  const report = (await client.workflow.getHandle(LOCK, reset.runId).result()) as Report;
  expect([report.result, report.entities[0]?.outcome]).toEqual(['converged', 'created']);
  expect(await roles()).toEqual(['a']);

  const state = join(folder, '.iam-bootstrap');
  const modes = ['', ...readdirSync(state)].map((name) => [
    name,
    (statSync(join(state, name)).mode & 0o077).toString(8),
  ]);
  expect(modes.filter(([, others]) => others !== '0')).toEqual([]);
  expect(modes.map(([name]) => name)).toEqual(expect.arrayContaining(['dev.db', 'dev-server.log', 'request.key']));
});

/** Returns the ID of the event that ends the workflow task after the plan. */
async function taskAfterPlan(runId: string): Promise<number> {
  const { events } = await client.workflow.getHandle(LOCK, runId).fetchHistory();
  const planned = (events ?? []).find(({ activityTaskCompletedEventAttributes: completed }) =>
    Buffer.from(completed?.result?.payloads?.[0]?.data ?? '').includes('"decision"'),
  );
  const task = (events ?? []).find(
    (event) => Number(event.eventId) > Number(planned?.eventId) && event.workflowTaskCompletedEventAttributes != null,
  );
  return Number(task?.eventId);
}
