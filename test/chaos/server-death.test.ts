import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectTemporal } from '../../src/temporal/connect.js';
import type { TemporalConnection } from '../../src/temporal/connect.js';
import { apply, plan } from '../../src/client/run/start.js';
import { recentRuns } from '../../src/client/runs.js';
import { loadConfig } from '../../src/config/config.js';
import { bootstrapWorkflowId } from '../../src/contract/workflow-ids.js';
import type { Report } from '../../src/contract/report.js';
import { randomOf } from '../support/concurrency.js';
import { startFaultProxy } from '../support/fault-proxy.js';
import { hold } from '../support/hold.js';
import { allowing, manifestOf, requestOf, role, tenEntities, trusting } from '../support/manifests-of.js';
import { LONG_FORM, record, Tally } from '../support/trials.js';
import { ACCOUNT, startWorld } from '../support/world.js';
import type { WorkerProcess, World } from '../support/world.js';

jest.setTimeout(LONG_FORM ? 900_000 : 240_000);

const ROLES = ['first', 'second', 'third'];
const ONCE = Object.fromEntries(ROLES.map((name) => [`CreateRole ${name}`, 1]));

let world: World;
let worker: WorkerProcess;
const tally = new Tally();

beforeAll(async () => {
  world = await startWorld({ databaseFile: true, secured: true });
  worker = await world.startWorker();
}, 300_000);

beforeEach(async () => {
  await world.sandbox.reset();
  world.proxy.clear();
});

afterEach(() => {
  world.proxy.clearRules();
});

afterAll(async () => {
  await record({
    id: 'process-deaths',
    title: 'Process deaths',
    what:
      'A process is killed (kill -9) and started again while several runs are in progress: the worker, the ' +
      'Temporal server with its database, both, or a command that follows its run. A case survives if every ' +
      'run converges, AWS created each entity once, each is reported as created, and a plan finds no ' +
      'changes.',
    command: 'IAM_BOOTSTRAP_CHAOS=long npx jest test/chaos/server-death.test.ts',
    trials: tally.trials,
  });
  await world.stop();
}, 300_000);

/** A command that runs in the background of the test. */
interface Follower {
  /** Resolves when standard error contains a matching line. */
  said(pattern: RegExp): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<{ readonly code: number | null; readonly stderr: string; report(): Report }>;
}

/** Starts to apply a manifest of three roles. Each trusts the one before and so waits for it. */
async function follow(
  namespace: string,
  description = 'made in chaos',
  env: Readonly<Record<string, string>> = {},
): Promise<Follower> {
  const entities = ROLES.map((name, index) =>
    role(name, {
      description,
      inlinePolicies: { work: allowing('s3:GetObject') },
      ...(index === 0 ? {} : { assumeRolePolicyDocument: trusting({ AWS: `{{arn Role/${ROLES[index - 1] ?? ''}}}` }) }),
    }),
  );
  const content = manifestOf({ namespace, account: ACCOUNT, entities });
  const path = await world.manifest(`${namespace}-${description.replaceAll(' ', '-')}.json`, content);
  return followed(path, env);
}

function followed(path: string, env: Readonly<Record<string, string>> = {}): Follower {
  const child = world.spawnCli(['apply', '-f', path, '-o', 'json'], env);
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const closed = once(child, 'close');
  return {
    said: async (pattern) => {
      while (!pattern.test(output.stderr)) {
        const [more] = await Promise.race([closed.then(() => [false]), once(child.stderr ?? child, 'data')]);
        if (more === false) throw new Error(`never said ${String(pattern)}: ${output.stderr}`);
      }
    },
    kill: (signal) => child.kill(signal),
    ended: closed.then(() => ({
      code: child.exitCode,
      stderr: output.stderr,
      report: () => JSON.parse(output.stdout) as Report,
    })),
  };
}

/** Holds back the Create of the second role until it is released or dropped. */
function holdBack(then?: 'drop'): { readonly reached: Promise<void>; letGo(): void } {
  const { reached, release: letGo } = hold(world.proxy, { action: 'CreateRole', params: { RoleName: 'second' } });
  return {
    reached,
    letGo: () => {
      letGo(then);
    },
  };
}

async function withTemporal<T>(act: (temporal: TemporalConnection) => Promise<T>): Promise<T> {
  const temporal = await connectTemporal(loadConfig(world.env));
  try {
    return await act(temporal);
  } finally {
    await temporal.close();
  }
}

async function expectConverged(follower: Follower): Promise<Report> {
  const end = await follower.ended;
  expect([end.code, end.stderr]).toEqual([0, expect.anything()]);
  const report = end.report();
  expect(report.result).toBe('converged');
  return report;
}

test('the Temporal server is killed: after a restart the run and the command that follows it continue', async () => {
  const middle = holdBack();
  const follower = await follow('server');
  await middle.reached;
  await world.crashTemporal();
  // AWS executes it while the server is down.
  middle.letGo();
  await world.resumeTemporal();

  const report = await expectConverged(follower);
  expect(report.entities.map(({ outcome }) => outcome)).toEqual(['created', 'created', 'created']);
  expect(await world.creates()).toEqual(ONCE);
});

test('server and worker are killed: after a restart they finish the run', async () => {
  const middle = holdBack();
  const follower = await follow('both');
  await middle.reached;
  await Promise.all([world.crashTemporal(), worker.kill()]);
  middle.letGo();
  await world.resumeTemporal();
  worker = await world.startWorker();

  const report = await expectConverged(follower);
  expect(report.entities.map(({ outcome }) => outcome)).toEqual(['created', 'created', 'created']);
  expect(await world.creates()).toEqual(ONCE);
});

test('a command is killed while it follows: the run continues, the next command joins it, and the one after finds no changes', async () => {
  const middle = holdBack();
  const killed = await follow('command');
  await killed.said(/^run /m);
  await middle.reached;
  killed.kill('SIGKILL');
  await killed.ended;

  const next = await follow('command');
  await next.said(/^an equal request is already running/m);
  middle.letGo();
  const joined = await expectConverged(next);
  expect(joined.summary).toMatchObject({ created: 3 });

  const last = await expectConverged(await follow('command'));
  expect(last.summary).toMatchObject({ created: 0, unchanged: 3 });
  expect(await world.creates()).toEqual(ONCE);
});

test('a worker asked to stop finishes its activity, and the next worker finishes the run', async () => {
  const middle = holdBack();
  const follower = await follow('drain');
  await middle.reached;
  const stopped = worker.stop();
  while (await worker.isPolling());
  middle.letGo();
  await stopped;
  expect(await worker.exited).toEqual([0, null]);
  worker = await world.startWorker();

  const report = await expectConverged(follower);
  expect(report.entities.map(({ outcome, confirmedBy }) => [outcome, confirmedBy])).toEqual(
    ROLES.map(() => ['created', 'reply']),
  );
  // No write was sent twice.
  expect(world.proxy.count('CreateRole')).toBe(3);
});

test('an interrupted command says that the run continues, and it does', async () => {
  const middle = holdBack();
  const follower = await follow('interrupted');
  await follower.said(/^run /m);
  await middle.reached;
  const asked = Date.now();
  follower.kill('SIGINT');
  const { code, stderr } = await follower.ended;
  expect(code).toBe(130);
  expect(stderr).toMatch(/interrupted; run \S+ goes on in Temporal without this command/);
  // It does not wait for a long poll to finish.
  expect(Date.now() - asked).toBeLessThan(5_000);

  middle.letGo();
  await withTemporal(({ client }) => client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, 'interrupted')).result());
  expect(await world.creates()).toEqual(ONCE);
});

test('a command interrupted while it waits for its turn has started no run', async () => {
  const middle = holdBack();
  const holder = await follow('queue');
  await middle.reached;
  const waiting = await follow('queue', 'another description');
  await waiting.said(/^waiting for the namespace/m);
  waiting.kill('SIGINT');
  const { code, stderr } = await waiting.ended;
  expect(code).toBe(130);
  expect(stderr).toContain('interrupted before the run started; nothing was written');

  middle.letGo();
  await expectConverged(holder);
  const runs = await withTemporal((temporal) =>
    recentRuns(temporal, { account: ACCOUNT, namespace: 'queue', limit: 10 }),
  );
  expect(runs).toHaveLength(1);
});

test('a command interrupted while Temporal is down exits in good order', async () => {
  const middle = holdBack();
  const follower = await follow('away');
  await follower.said(/^run /m);
  await middle.reached;
  await world.crashTemporal();
  // It polls the progress every second, so it has noticed the outage by then.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  follower.kill('SIGINT');
  const { code, stderr } = await follower.ended;
  expect(code).toBe(130);
  expect(stderr).toMatch(/interrupted; run \S+ goes on in Temporal without this command/);
  expect(stderr).not.toMatch(/^\s+at /m);

  await world.resumeTemporal();
  middle.letGo();
  await withTemporal(({ client }) => client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, 'away')).result());
  expect(await world.creates()).toEqual(ONCE);
});

/** Ways to interrupt an embedded run. The worker dies with the command. */
const EMBEDDED_DEATHS = ['the command', 'the command and its server'];

test.each(EMBEDDED_DEATHS)(
  '%s of an embedded apply is killed: the next apply continues the same run',
  async (victim) => {
    const state = join(world.directory, `state-${String(EMBEDDED_DEATHS.indexOf(victim))}`);
    const env = { TEMPORAL_ADDRESS: '', IAM_BOOTSTRAP_STATE: state };
    const middle = holdBack('drop');
    const killed = await follow('embedded', victim, env);
    await killed.said(/an embedded one, with a worker in this process/);
    await middle.reached;
    const server = JSON.parse(await readFile(join(state, 'server.json'), 'utf8')) as { readonly pid: number };
    killed.kill('SIGKILL');
    if (victim !== 'the command') process.kill(server.pid, 'SIGKILL');
    await killed.ended;
    middle.letGo();

    let survived = false;
    try {
      const next = await follow('embedded', victim, env);
      await next.said(/^an equal request is already running/m);
      const report = await expectConverged(next);
      expect(report.entities.map(({ outcome }) => outcome)).toEqual(['created', 'created', 'created']);
      expect(await world.creates()).toEqual(ONCE);
      survived = true;
    } finally {
      tally.count('kill -9 of an embedded run', victim, survived);
    }
  },
);

/** The processes that die. */
const VICTIMS = ['worker', 'server', 'server and worker', 'command'] as const;
type Victim = (typeof VICTIMS)[number];

/** A process dies when the nth call is about to be sent to AWS. */
interface Death {
  readonly victim: Victim;
  readonly call: number;
}

/** Concurrent runs, of ten entities each. */
const RUNS = 6;

/** The number of runs that a command follows; this process follows the others. */
const COMMANDS = 2;

/** One process dies in each share of this many calls. The runs of a round make more calls than all shares. */
const CALLS_PER_DEATH = 60;

const SEEDS = LONG_FORM ? Array.from({ length: 8 }, (_, index) => index + 1) : [1];

/** Returns each victim once, in random order, at a random call of its share. */
function deathsOf(seed: number): Death[] {
  const random = randomOf(seed);
  const order = VICTIMS.map((victim) => ({ victim, rank: random() })).sort((a, b) => a.rank - b.rank);
  return order.map(({ victim }, index) => ({
    victim,
    call: 1 + Math.floor((index + random()) * CALLS_PER_DEATH),
  }));
}

/** Runs a command again each time it is killed: it joins its run, or finds no changes. */
class Persistent {
  readonly #start: () => Follower;
  #follower: Follower;

  constructor(path: string, env: Readonly<Record<string, string>>) {
    this.#start = () => followed(path, env);
    this.#follower = this.#start();
  }

  async dies(): Promise<void> {
    const { ended, kill } = this.#follower;
    kill('SIGKILL');
    this.#follower = this.#start();
    await ended;
  }

  async report(): Promise<Report> {
    for (;;) {
      const follower = this.#follower;
      await follower.ended;
      if (follower === this.#follower) return expectConverged(follower);
    }
  }
}

test.each(SEEDS)(
  'several runs converge while each kind of process is killed at some moment (seed %i)',
  async (seed) => {
    const accounts = Array.from({ length: RUNS }, (_, index) => String(700_000_000_000 + seed * 100 + index));
    const requests = await Promise.all(
      accounts.map((account) =>
        requestOf(world, { namespace: 'deaths', account, assumed: true, entities: tenEntities() }),
      ),
    );
    const taskQueue = `deaths-${String(seed)}`;
    const proxy = await startFaultProxy(world.sandbox.url);
    const env = {
      IAM_BOOTSTRAP_TASK_QUEUE: taskQueue,
      AWS_ENDPOINT_URL_IAM: proxy.url,
      AWS_ENDPOINT_URL_STS: proxy.url,
    };
    let mortal = await world.startWorker(env);
    const commands = requests.slice(0, COMMANDS).map(({ manifest }) => new Persistent(manifest, env));
    const workerDies = async (): Promise<void> => {
      await mortal.kill();
      mortal = await world.startWorker(env);
    };
    const serverDies = async (): Promise<void> => {
      await world.crashTemporal();
      await world.resumeTemporal();
    };
    const death: Readonly<Record<Victim, () => Promise<unknown>>> = {
      worker: workerDies,
      server: serverDies,
      'server and worker': async () => {
        await Promise.all([mortal.kill(), world.crashTemporal()]);
        // A worker ends where no server answers for a while; its supervisor starts it again.
        await world.resumeTemporal();
        mortal = await world.startWorker(env);
      },
      command: () => Promise.all(commands.map((command) => command.dies())),
    };
    // One after the other, even if the next is due during a restart. The call at which a process dies never arrives.
    let dying: Promise<unknown> = Promise.resolve();
    const rules = deathsOf(seed).map(({ victim, call }) =>
      proxy.on(
        { nth: call },
        {
          kind: 'hook',
          before: async () => {
            dying = dying.then(death[victim]);
            await dying;
            return 'drop';
          },
        },
      ),
    );
    let survived = false;
    try {
      await withTemporal(async (temporal) => {
        const here = { ...temporal, taskQueue };
        const reports = await Promise.all([
          ...commands.map((command) => command.report()),
          ...requests.slice(COMMANDS).map((request) => apply(here, request)),
        ]);
        await dying;
        expect(rules.map(({ fired }) => fired)).toEqual(rules.map(() => 1));
        for (const [index, { account, entities, result }] of reports.entries()) {
          // A command killed after its run finds no changes.
          const outcomes = index < COMMANDS ? ['created', 'unchanged'] : ['created'];
          expect([account, result]).toEqual([accounts[index], 'converged']);
          for (const { outcome } of entities) expect(outcomes).toContain(outcome);
          const creates = Object.values(await world.creates(account));
          expect(creates).toEqual(entities.map(() => 1));
        }
        const plans = await Promise.all(requests.map((request) => plan(here, request)));
        for (const { entities } of plans) {
          expect(entities.map(({ decision, drift }) => [decision, drift])).toEqual(entities.map(() => ['no-op', []]));
        }
        survived = true;
      });
    } finally {
      for (const victim of VICTIMS) tally.count(`kill -9 while ${String(RUNS)} runs are under way`, victim, survived);
      await mortal.kill();
      await proxy.stop();
    }
  },
);
