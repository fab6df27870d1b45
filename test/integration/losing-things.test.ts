import { cp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/config.js';
import type { JsonObject } from '../../src/contract/entity.js';
import { bootstrapWorkflowId } from '../../src/contract/workflow-ids.js';
import { connectTemporal } from '../../src/temporal/connect.js';
import { hold } from '../support/hold.js';
import { role } from '../support/manifests-of.js';
import { decisionsOf, outcomesOf, writesIn } from '../support/runs.js';
import { runCommand, tagsOfRole, useWorld, world } from '../support/use-world.js';
import { ACCOUNT, type CommandResult, type WorkerProcess } from '../support/world.js';

/** docs/losing-things.md: what the next run does after each loss, with the writes counted on the side of AWS. */

useWorld({ databaseFile: true, worker: false, replay: { notBecause: 'the database is replaced' } });

let worker: WorkerProcess;

beforeEach(async () => {
  worker = await world.startWorker();
});

afterEach(() => worker.kill());

function apply(
  namespace: string,
  entities: readonly JsonObject[],
  ...options: readonly string[]
): Promise<CommandResult> {
  return runCommand('apply', entities, ['--output', 'json', '--wait-timeout', '5m', ...options], namespace);
}

async function databaseFiles(): Promise<string[]> {
  return (await readdir(world.directory)).filter((name) => name.startsWith('temporal.db'));
}

/** Stops worker and server, changes the files of the database, and starts both again. */
async function whileStopped(change: () => Promise<unknown>): Promise<void> {
  await worker.kill();
  await world.crashTemporal();
  await change();
  await world.resumeTemporal();
  worker = await world.startWorker();
}

async function copyDatabase(from: string, to: string): Promise<void> {
  const names = (await readdir(from)).filter((name) => name.startsWith('temporal.db'));
  for (const name of names) await cp(join(from, name), join(to, name));
}

async function dropDatabase(): Promise<void> {
  for (const name of await databaseFiles()) await rm(join(world.directory, name));
}

test("Temporal's database is lost: what has tags is ours without a write, and the order of revisions is forgotten", async () => {
  expect(await apply('ci', [role('kept'), role('left')], '--revision', '5')).toMatchObject({ code: 0 });
  expect(await apply('ci', [role('kept')], '--revision', '4')).toMatchObject({ code: 3 });
  const waiting = await apply('gated', [role('gated')], '--require-approval', '--no-wait');
  expect(waiting.code).toBe(4);
  const tags = await tagsOfRole('kept');

  await whileStopped(dropDatabase);
  world.proxy.clear();

  const older = await apply('ci', [role('kept')], '--revision', '4');
  expect([older.code, outcomesOf(older.report())]).toEqual([0, { 'Role/kept': 'unchanged' }]);
  expect(older.report().orphans).toMatchObject([{ kind: 'Role', name: 'left', foundBy: ['tags'] }]);
  expect(writesIn(world)).toEqual([]);
  expect(await tagsOfRole('kept')).toEqual(tags);
  expect(await world.cli(['approve', '--account', ACCOUNT, '--namespace', 'gated', '--yes'])).toMatchObject({
    code: 3,
  });
});

test('the database of yesterday is restored: a run that was open then ends without a second Create and without a write', async () => {
  const yesterday = join(world.directory, 'yesterday');
  expect(await apply('ci', [role('a'), role('b')], '--revision', '5')).toMatchObject({ code: 0 });
  const held = hold(world.proxy, { action: 'CreateRole', params: { RoleName: 'open' } });
  const open = apply('open', [role('open')]);
  await held.reached;
  await whileStopped(async () => {
    held.release('drop');
    await cp(join(world.directory, 'temporal.db'), join(yesterday, 'temporal.db'));
    await copyDatabase(world.directory, yesterday);
  });
  expect(await open).toMatchObject({ code: 0 });
  const newest = [role('a', { maxSessionDuration: 7200 }), role('c')];
  const today = await apply('ci', newest, '--revision', '9', '--orphans', 'remove');
  expect(outcomesOf(today.report())).toEqual({ 'Role/a': 'updated', 'Role/c': 'created', 'Role/b': 'deleted' });
  expect(await apply('ci', [role('a')], '--revision', '7')).toMatchObject({ code: 3 });

  await whileStopped(async () => {
    await dropDatabase();
    await copyDatabase(yesterday, world.directory);
  });
  world.proxy.clear();

  const temporal = await connectTemporal(loadConfig(world.env));
  await temporal.client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, 'open')).result();
  await temporal.close();
  expect(writesIn(world)).toEqual([]);
  expect((await world.creates())['CreateRole open']).toBe(1);
});

const KEY: JsonObject = { kind: 'AccessKey', userName: 'bot', secret: { file: 'key' } };
const PASSWORD: JsonObject = { kind: 'LoginProfile', userName: 'bot', secret: { file: 'password' } };
const BOT: JsonObject = { kind: 'User', userName: 'bot' };

test("the worker's secrets folder is lost: the plan shows a second access key, and keeps the password that AWS has", async () => {
  const secrets = join(world.directory, 'secrets');
  expect(await apply('ci', [BOT, KEY, PASSWORD])).toMatchObject({ code: 0 });

  await rm(secrets, { recursive: true });
  world.proxy.clear();
  const plan = await runCommand('plan', [BOT, KEY, PASSWORD], ['--output', 'json'], 'ci');
  // AWS has the password still, which nobody knows any more: `reset` asks for another one.
  expect(decisionsOf(plan.report())).toEqual({
    'User/bot': 'no-op',
    'AccessKey/bot': 'create',
    'LoginProfile/bot': 'no-op',
  });
  expect(writesIn(world)).toEqual([]);
});

test.each([
  ['InvalidClientTokenId', "renew the worker's AWS credentials and apply again"],
  ['AccessDenied', expect.stringMatching(/^grant the action to the worker's role/) as string],
])('the account is closed, STS answers %s: the run fails, and nothing is written', async (code, remedy) => {
  expect(await apply('ci', [role('kept')])).toMatchObject({ code: 0 });
  await worker.kill();
  world.proxy.on({}, { kind: 'error', status: 403, code });
  worker = await world.startWorker();
  world.proxy.clear();
  const closed = await apply('ci', [role('kept'), role('more')]);
  expect(closed.code).toBe(1);
  expect(closed.report()).toMatchObject({
    result: 'failed',
    reason: expect.stringContaining(`GetCallerIdentity answered ${code}: `) as string,
    remedy,
  });
  expect(writesIn(world)).toEqual([]);
});
