import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { FleetReport } from '../../src/contract/fleet.js';
import { allowing, role } from '../support/manifests-of.js';
import { LONG_FORM, record, Tally } from '../support/trials.js';
import type { Figure } from '../support/trials.js';
import { startWorld } from '../support/world.js';
import type { CommandResult, WorkerProcess, World } from '../support/world.js';

jest.setTimeout(LONG_FORM ? 1_800_000 : 240_000);

const [ACCOUNTS, ENTITIES, WORKER_DEATHS] = LONG_FORM ? [100, 30, 10] : [12, 5, 3];
const IDS = Array.from({ length: ACCOUNTS }, (_, index) => String(310_000_000_001 + index));
const NAMES = Array.from({ length: ENTITIES }, (_, index) => `deploy-${String(index).padStart(2, '0')}`);
const FLAGS = ['--namespace', 'deaths', '--fleet', 'deaths'];

type Victim = 'worker' | 'server' | 'command';

let world: World;
let worker: WorkerProcess;
const tally = new Tally();
const figures: Figure[] = [];

beforeAll(async () => {
  world = await startWorld({ databaseFile: true });
  worker = await world.startWorker();
}, 300_000);

afterAll(async () => {
  await record({
    id: 'fleet-deaths',
    title: 'Processes die in a run of a fleet',
    what:
      'One fleet is applied while its worker is killed (kill -9) again and again, the Temporal server with its ' +
      'database once, and the command that follows the run once; each is started again. A case survives if every ' +
      'account converges, AWS created each entity once, the command that joins the run gets a report of all ' +
      'entities as created, and a plan finds no changes.',
    command: 'IAM_BOOTSTRAP_CHAOS=long npx jest test/chaos/fleet-death.test.ts',
    trials: tally.trials,
    figures,
  });
  await world.stop();
}, 300_000);

/** A command in the background of the test. */
interface Follower {
  readonly child: ChildProcess;
  readonly ended: Promise<Pick<CommandResult, 'code' | 'stdout' | 'stderr'>>;
}

function follow(path: string): Follower {
  const child = world.spawnCli(['apply', '-f', path, '--fleet', 'deaths', '--output', 'json']);
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  return { child, ended: once(child, 'close').then(() => ({ code: child.exitCode, ...output })) };
}

/** Returns who dies, in order: the worker, and between its first deaths the command and the server. */
function victims(): Victim[] {
  const all: Victim[] = Array.from({ length: WORKER_DEATHS }, () => 'worker');
  all.splice(1, 0, 'command');
  all.splice(3, 0, 'server');
  return all;
}

/** Returns how often AWS executed each Create, by account and name. */
async function creates(): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { account, action, params, code } of await world.sandbox.journal()) {
    if (action !== 'CreateRole' || code !== null) continue;
    const key = `${account} ${params['RoleName'] ?? ''}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

async function report(...args: readonly string[]): Promise<FleetReport> {
  const { code, stdout, stderr } = await world.cli([...args, '--output', 'json']);
  expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as FleetReport;
}

test('a fleet is applied to the end while its processes die, and no entity is created twice', async () => {
  const path = await world.manifest('deaths.json', {
    version: 1,
    namespace: 'deaths',
    fleets: {
      deaths: { accounts: { ids: IDS }, assumeRole: 'arn:{{partition}}:iam::{{account}}:role/iam-bootstrap' },
    },
    entities: NAMES.map((name) => role(name, { inlinePolicies: { state: allowing('dynamodb:PutItem') } })),
  });
  let command = follow(path);
  const death: Readonly<Record<Victim, () => Promise<unknown>>> = {
    worker: async () => {
      await worker.kill();
      worker = await world.startWorker();
    },
    server: async () => {
      await world.crashTemporal();
      await world.resumeTemporal();
    },
    command: async () => {
      const killed = command;
      killed.child.kill('SIGKILL');
      await killed.ended;
      command = follow(path);
    },
  };
  const dying = victims();
  // One after the other, even if the next is due during a restart. The call at which a process dies never arrives.
  let died: Promise<unknown> = Promise.resolve();
  const share = (ACCOUNTS * ENTITIES) / (dying.length + 1);
  const rules = dying.map((victim, index) =>
    world.proxy.on(
      { action: 'CreateRole', nth: Math.floor((index + 1) * share) },
      {
        kind: 'hook',
        before: async () => {
          died = died.then(death[victim]);
          await died;
          return 'drop';
        },
      },
    ),
  );
  const startedAt = Date.now();
  let survived = false;
  try {
    const { code, stdout, stderr } = await lastOf(() => command);
    figures.push({ what: 'time of the run', value: Math.round((Date.now() - startedAt) / 1_000), unit: 's' });
    expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
    expect(rules.map(({ fired }) => fired)).toEqual(dying.map(() => 1));
    expect(stderr).toContain('an equal request is already running');

    const joined = JSON.parse(stdout) as FleetReport;
    expect(joined.accounts.map(({ account, result }) => [account, result])).toEqual(IDS.map((id) => [id, 'converged']));
    for (const { account, entities } of joined.accounts) {
      const created = entities.map(({ name, outcome }) => [account, name, outcome]);
      expect(created.sort()).toEqual(NAMES.map((name) => [account, name, 'created']));
    }
    expect(joined.summary).toMatchObject({ created: ACCOUNTS * ENTITIES, unchanged: 0, failed: 0 });
    const each = IDS.flatMap((id) => NAMES.map((name) => [`${id} ${name}`, 1]));
    expect(Object.fromEntries(await creates())).toEqual(Object.fromEntries(each));
    const sent = world.proxy.count('CreateRole');
    figures.push({ what: 'entities', value: ACCOUNTS * ENTITIES, unit: '' });
    figures.push({ what: 'Creates that were sent, with those that were lost', value: sent, unit: '' });

    const { stdout: status } = await world.cli(['status', ...FLAGS, '--output', 'json']);
    const { run } = JSON.parse(status) as { readonly run: { readonly report: FleetReport } };
    expect(run.report).toEqual(joined);
    const planned = await report('plan', '-f', path, '--fleet', 'deaths');
    expect([planned.result, planned.summary.unchanged]).toEqual(['converged', ACCOUNTS * ENTITIES]);
    survived = true;
  } finally {
    for (const victim of dying) {
      tally.count(`kill -9 while ${String(ACCOUNTS)} accounts are under way`, victim, survived);
    }
  }
});

/** Awaits the command that was not killed. */
async function lastOf(current: () => Follower): Promise<Awaited<Follower['ended']>> {
  for (;;) {
    const follower = current();
    const ended = await follower.ended;
    if (follower.child.signalCode !== 'SIGKILL') return ended;
    while (follower === current()) await new Promise(setImmediate);
  }
}
