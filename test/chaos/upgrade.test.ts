import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { connectTemporal } from '../../src/temporal/connect.js';
import type { TemporalConnection } from '../../src/temporal/connect.js';
import { apply, plan } from '../../src/client/run/start.js';
import { loadConfig } from '../../src/config/config.js';
import { entityId } from '../../src/contract/entity.js';
import type { JsonObject } from '../../src/contract/entity.js';
import { bootstrapWorkflowId } from '../../src/contract/workflow-ids.js';
import type { Report } from '../../src/contract/report.js';
import { findTemporalCli } from '../../src/embedded/temporal-cli.js';
import { lockTimers } from '../support/lock-timers.js';
import { forEachConcurrently } from '../support/concurrency.js';
import { startFaultProxy } from '../support/fault-proxy.js';
import type { FaultProxy, Match } from '../support/fault-proxy.js';
import { hold } from '../support/hold.js';
import type { Held } from '../support/hold.js';
import { allowing, requestOf, role, tenEntities } from '../support/manifests-of.js';
import { LONG_FORM, record, Tally } from '../support/trials.js';
import { startWorld } from '../support/world.js';
import type { CommandResult, WorkerProcess, World } from '../support/world.js';

/** Changes of workers: from the workflow code of a recorded version to the present code, and back. */

jest.setTimeout(600_000);

/** The workflow code of the last recorded version, bundled, without its source map. */
const HISTORIES = resolve(__dirname, '../replay/histories');
const OLD_BUNDLE = join(HISTORIES, readdirSync(HISTORIES).sort().at(-1) ?? '', 'workflow-bundle.js.gz');
/** The worker requires a source map at the end of the bundle. */
const NO_SOURCE_MAP = `//# sourceMappingURL=data:application/json;charset=utf-8;base64,${Buffer.from(
  JSON.stringify({ version: 3, sources: [], names: [], mappings: '' }),
).toString('base64')}`;
const DIST = resolve(__dirname, '../../dist');
const MODULES = resolve(__dirname, '../../node_modules');

/** Cases that run at a time. */
const LANES = 6;

let world: World;
let temporal: TemporalConnection;
/** The command line of workers with the old workflow code. */
let oldCommandLine: string;
const tally = new Tally();

beforeAll(async () => {
  world = await startWorld();
  temporal = await connectTemporal(loadConfig(world.env));
  const folder = join(world.directory, 'old');
  await mkdir(folder);
  await cp(DIST, join(folder, 'dist'), { recursive: true });
  await symlink(MODULES, join(folder, 'node_modules'));
  await cp(resolve(DIST, '../package.json'), join(folder, 'package.json'));
  const code = gunzipSync(await readFile(OLD_BUNDLE)).toString();
  await writeFile(join(folder, 'dist/workflow-bundle.js'), `${code}\n${NO_SOURCE_MAP}`);
  oldCommandLine = join(folder, 'dist/cli/main.js');
}, 300_000);

afterAll(async () => {
  await record({
    id: 'upgrades',
    title: 'Upgrades',
    what:
      'A worker with the workflow code of a recorded version starts a run. At a given moment it is killed ' +
      'or drained, or a worker with the present code joins it. A case survives if the new worker finished ' +
      'the run, each entity was created once, and a plan finds no changes.',
    command: 'IAM_BOOTSTRAP_CHAOS=long npx jest test/chaos/upgrade.test.ts',
    trials: tally.trials,
  });
  await temporal.close();
  await world.stop();
}, 300_000);

/** An account with its own task queue and proxy. */
interface Scene {
  readonly account: string;
  readonly proxy: FaultProxy;
  /** Environment of workers and commands of the scene. */
  readonly env: Readonly<Record<string, string>>;
  readonly temporal: TemporalConnection;
  oldWorker(env?: Readonly<Record<string, string>>): Promise<WorkerProcess>;
  newWorker(env?: Readonly<Record<string, string>>): Promise<WorkerProcess>;
  /** Applies entities, by default in the namespace `upgraded`. */
  apply(entities: readonly JsonObject[], namespace?: string): Promise<Report>;
  /** Returns the processes that completed the workflow tasks of the namespace's last run, in order. */
  taskWorkers(namespace?: string): Promise<number[]>;
}

let scenes = 0;

async function withScene(
  act: (scene: Scene) => Promise<void>,
  { replaysOnOldCode = true }: { readonly replaysOnOldCode?: boolean } = {},
): Promise<void> {
  scenes += 1;
  const account = String(600_000_000_000 + scenes);
  const taskQueue = `upgrade-${account}`;
  const proxy = await startFaultProxy(world.sandbox.url);
  const own = {
    IAM_BOOTSTRAP_TASK_QUEUE: taskQueue,
    AWS_ENDPOINT_URL_IAM: proxy.url,
    AWS_ENDPOINT_URL_STS: proxy.url,
  };
  const workers: WorkerProcess[] = [];
  const started = async (starting: Promise<WorkerProcess>): Promise<WorkerProcess> => {
    const worker = await starting;
    workers.push(worker);
    return worker;
  };
  const scoped = { ...temporal, taskQueue };
  try {
    await act({
      account,
      proxy,
      env: own,
      temporal: scoped,
      oldWorker: (env) => started(world.startWorker({ ...own, ...env }, oldCommandLine)),
      newWorker: (env) => started(world.startWorker({ ...own, ...env })),
      apply: async (entities, namespace = 'upgraded') =>
        apply(scoped, await requestOf(world, { namespace, account, assumed: true, entities })),
      taskWorkers: async (namespace = 'upgraded') => {
        const { events } = await temporal.client.workflow
          .getHandle(bootstrapWorkflowId(account, namespace))
          .fetchHistory();
        return (events ?? []).flatMap(({ workflowTaskCompletedEventAttributes: task }) =>
          task == null ? [] : [Number.parseInt(task.identity ?? '', 10)],
        );
      },
    });
    // A task that does not replay fails and is retried. Only the log shows it.
    if (replaysOnOldCode)
      for (const worker of workers) expect(worker.log()).not.toMatch(/nondeterminis|DeterminismViolation/i);
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()));
    await proxy.stop();
  }
}

/** Expects that AWS counted one Create per entity, and that a plan finds no changes. */
async function expectCreatedOnce(scene: Scene, report: Report, entities: readonly JsonObject[]): Promise<void> {
  expect(report.result).toBe('converged');
  expect(report.entities.map(({ outcome }) => outcome)).toEqual(report.entities.map(() => 'created'));
  const once = Object.fromEntries(
    report.entities.map(({ kind, name }) => [
      `Create${kind} ${kind === 'OpenIDConnectProvider' ? `https://${name}` : name}`,
      1,
    ]),
  );
  expect(scene.proxy.successfulCreates()).toEqual(once);
  expect(await world.creates(scene.account)).toEqual(once);
  const parts = { namespace: 'upgraded', account: scene.account, assumed: true, entities };
  const after = await plan(scene.temporal, await requestOf(world, parts));
  expect(after.entities.map((entity) => [entityId(entity), entity.decision, entity.drift])).toEqual(
    report.entities.map((entity) => [entityId(entity), 'no-op', []]),
  );
}

/** Runs a case and counts whether it survives. */
async function counted(fault: string, at: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
    tally.count(fault, at, true);
  } catch (error) {
    tally.count(fault, at, false);
    throw new Error(`${fault}, ${at}`, { cause: error });
  }
}

const CHAIN: readonly JsonObject[] = [
  { kind: 'Policy', policyName: 'read', policyDocument: allowing('s3:GetObject') },
  role('deploy', { managedPolicyArns: ['{{arn Policy/read}}'], inlinePolicies: { own: allowing('sqs:SendMessage') } }),
  { kind: 'InstanceProfile', instanceProfileName: 'machines', roles: ['deploy'] },
];

/** Moments of a run, each with the call that is in flight. */
const MOMENTS: readonly { readonly at: string; readonly call: Match }[] = [
  { at: 'while it plans', call: { action: 'GetAccountSummary' } },
  { at: 'in a create', call: { action: 'CreateRole' } },
  { at: 'between a create and its update', call: { action: 'AttachRolePolicy' } },
  { at: 'between two entities', call: { action: 'CreateInstanceProfile' } },
  { at: 'while it verifies', call: { action: 'GetAccountAuthorizationDetails', nth: 2 } },
];

const ENDS = ['killed', 'drained'] as const;

const CASES = MOMENTS.flatMap((moment) => ENDS.map((end) => ({ ...moment, end })));
/** The short form: each moment once, and each end. */
const SAMPLE = CASES.filter((_one, index) => index % 4 === 0 || index % 4 === 3);

/** Ends the old worker while a call is in flight and starts a new one. Returns the process IDs of both. */
async function replaceWorker(
  scene: Scene,
  old: WorkerProcess,
  end: (typeof ENDS)[number],
  held: Held,
): Promise<readonly [number, number]> {
  if (end === 'killed') {
    await old.kill();
    held.release('drop');
  } else {
    const stopped = old.stop();
    while (await old.isPolling());
    held.release();
    await stopped;
  }
  return [old.pid, (await scene.newWorker()).pid];
}

/** Returns the processes that completed the first and the last task of a run. */
async function firstAndLast(scene: Scene, namespace?: string): Promise<readonly (number | undefined)[]> {
  const tasks = await scene.taskWorkers(namespace);
  return [tasks[0], tasks.at(-1)];
}

test('a run that old workflow code started is finished by the present code, at every moment and however the old worker ends', async () => {
  const during = (LONG_FORM ? CASES : SAMPLE).map(
    ({ at, call, end }) =>
      () =>
        counted(`the old worker is ${end}, and a new one starts`, at, () =>
          withScene(async (scene) => {
            const old = await scene.oldWorker();
            const held = hold(scene.proxy, call);
            const running = scene.apply(CHAIN);
            await held.reached;
            const both = await replaceWorker(scene, old, end, held);
            await expectCreatedOnce(scene, await running, CHAIN);
            expect(await firstAndLast(scene)).toEqual(both);
          }),
        ),
  );
  const waiting = ENDS.map(
    (end) => () =>
      counted(`the old worker is ${end}, and a new one starts`, 'while it waits for a lock', () =>
        withScene(async (scene) => {
          const old = await scene.oldWorker();
          const wanted = [role('wanted')];
          const held = hold(scene.proxy, { action: 'CreateRole' });
          const running = scene.apply(wanted);
          await held.reached;
          const other = scene.apply(wanted, 'other');
          await timerStarted(scene, 'other');
          const both = await replaceWorker(scene, old, end, held);
          await expectCreatedOnce(scene, await running, wanted);
          // The other namespace owns the role by now.
          expect(await other).toMatchObject({ result: 'refused', entities: [{ outcome: 'refused' }] });
          expect(await firstAndLast(scene, 'other')).toEqual(both);
        }),
      ),
  );
  await forEachConcurrently([...during, ...waiting], LANES, (play) => play());
});

/** Resolves when the run of a namespace waits for an entity. */
async function timerStarted({ account }: Scene, namespace: string): Promise<void> {
  const handle = temporal.client.workflow.getHandle(bootstrapWorkflowId(account, namespace));
  for (;;) {
    const history = await handle.fetchHistory().catch(() => undefined);
    if (history !== undefined && lockTimers(history).length > 0) return;
  }
}

test('old and new workers on one task queue execute a run together', async () => {
  await counted('a new worker starts beside the old one', 'in a create', () =>
    withScene(async (scene) => {
      const old = await scene.oldWorker();
      const held = hold(scene.proxy, { action: 'CreateRole' });
      const running = scene.apply(tenEntities());
      await held.reached;
      const newer = await scene.newWorker();
      held.release();
      await expectCreatedOnce(scene, await running, tenEntities());
      // Either worker begins the next run, and the new one finishes it when the old one stops.
      const next = hold(scene.proxy, { action: 'CreateUser' });
      const later = scene.apply([{ kind: 'User', userName: 'late' }], 'later');
      await next.reached;
      const stopped = old.stop();
      while (await old.isPolling());
      next.release();
      await stopped;
      expect(await later).toMatchObject({ result: 'converged', entities: [{ outcome: 'created' }] });
      expect((await scene.taskWorkers('later')).at(-1)).toBe(newer.pid);
    }),
  );
});

test('where no run is open, old workflow code goes on with the namespaces and ledgers of the present code, and back again', async () => {
  await counted('the new worker is drained, and an old one starts', 'between two runs', () =>
    withScene(async (scene) => {
      const first = [...CHAIN, { kind: 'Group', groupName: 'readers' }];
      const second = [...first, role('later'), { kind: 'Group', groupName: 'writers' }];
      const newer = await scene.newWorker();
      expect((await scene.apply(first)).result).toBe('converged');
      await newer.stop();
      const old = await scene.oldWorker();
      const outcomes = (report: Report): string[] =>
        report.entities.map((entity) => `${entityId(entity)} ${entity.outcome}`).sort();
      const unchanged = ['Group/readers', 'InstanceProfile/machines', 'Policy/read', 'Role/deploy'];
      expect(outcomes(await scene.apply(second))).toEqual(
        [...unchanged.map((id) => `${id} unchanged`), 'Group/writers created', 'Role/later created'].sort(),
      );
      await old.stop();
      await scene.newWorker();
      expect(new Set(outcomes(await scene.apply(second)).map((line) => line.split(' ').at(-1)))).toEqual(
        new Set(['unchanged']),
      );
      expect(Object.values(await world.creates(scene.account))).toEqual(second.map(() => 1));
    }),
  );
});

test('a run that the present code started waits on old workflow code, and the present code finishes it', async () => {
  await counted('the new worker is killed, and an old one starts', 'in a create', () =>
    withScene(
      async (scene) => {
        const newer = await scene.newWorker();
        const held = hold(scene.proxy, { action: 'CreateRole' });
        const running = scene.apply(CHAIN);
        await held.reached;
        await newer.kill();
        held.release('drop');
        const old = await scene.oldWorker();
        // Its replay fails, which Temporal retries; nothing is written meanwhile.
        while (!/nondeterminism/i.test(old.log())) await old.isPolling();
        const status = (): Promise<CommandResult> => world.cli(['status', '--account', scene.account], scene.env);
        while (!/cannot go on with the run: its workflow task was tried \d+ times/.test((await status()).stdout));
        await old.stop();
        await scene.newWorker();
        await expectCreatedOnce(scene, await running, CHAIN);
      },
      { replaysOnOldCode: false },
    ),
  );
});

describe('with worker deployment versioning', () => {
  /** Names a build by our own variables, or as Temporal's worker controller does. */
  const deployment = (name: string, buildId: string, byController = false): Readonly<Record<string, string>> =>
    byController
      ? { TEMPORAL_DEPLOYMENT_NAME: name, TEMPORAL_WORKER_BUILD_ID: buildId }
      : { IAM_BOOTSTRAP_DEPLOYMENT: name, IAM_BOOTSTRAP_BUILD_ID: buildId };

  async function temporalCli(...args: readonly string[]): Promise<string> {
    const { cacheDirectory, environment, temporalCli: path } = loadConfig();
    const cli = await findTemporalCli({ cacheDirectory, environment, path });
    const { address } = world.temporal;
    const { stdout } = await promisify(execFile)(cli.path, [...args, '--address', address], { env: world.env });
    return stdout;
  }

  async function makeCurrent(name: string, buildId: string): Promise<void> {
    const options = ['--deployment-name', name, '--build-id', buildId, '--yes'];
    // The server knows a version after its first poll.
    for (let left = 100; ; left -= 1) {
      try {
        await temporalCli('worker', 'deployment', 'set-current-version', ...options);
        return;
      } catch (error) {
        if (left === 0) throw error;
      }
    }
  }

  test('a run finishes on the build that started it, and the next run uses the current build', async () => {
    await counted('the new build is made the current one', 'in a create', () =>
      withScene(async (scene) => {
        const old = await scene.oldWorker(deployment('stays', 'old'));
        await makeCurrent('stays', 'old');
        const held = hold(scene.proxy, { action: 'CreateRole' });
        const running = scene.apply(CHAIN);
        await held.reached;
        const newer = await scene.newWorker(deployment('stays', 'new', true));
        await makeCurrent('stays', 'new');
        held.release();
        const report = await running;
        expect(new Set(await scene.taskWorkers())).toEqual(new Set([old.pid]));
        await expectCreatedOnce(scene, report, CHAIN);
        const next = await scene.apply([{ kind: 'User', userName: 'late' }], 'later');
        expect(next.result).toBe('converged');
        expect(new Set(await scene.taskWorkers('later'))).toEqual(new Set([newer.pid]));
      }),
    );
  });

  test('a run whose build is gone waits, and continues after an upgrade override', async () => {
    await counted('the last worker of the old build is killed', 'in a create', () =>
      withScene(async (scene) => {
        const old = await scene.oldWorker(deployment('gone', 'old'));
        await makeCurrent('gone', 'old');
        const held = hold(scene.proxy, { action: 'CreateRole' });
        const running = scene.apply(CHAIN);
        await held.reached;
        const newer = await scene.newWorker(deployment('gone', 'new'));
        await makeCurrent('gone', 'new');
        await old.kill();
        held.release('drop');
        const query = `ExecutionStatus = "Running" AND IamAccount = "${scene.account}"`;
        const upgrade = ['--versioning-override-behavior', 'auto_upgrade', '--query', query, '--yes'];
        await temporalCli('workflow', 'update-options', ...upgrade);
        await expectCreatedOnce(scene, await running, CHAIN);
        expect(await firstAndLast(scene)).toEqual([old.pid, newer.pid]);
      }),
    );
  });

  test('an approval whose run stays on a build that is gone ends with 4, and the command that it prints rescues the run', () =>
    withScene(async (scene) => {
      const { account } = scene;
      const old = await scene.newWorker(deployment('asks', 'old'));
      await makeCurrent('asks', 'old');
      const request = await requestOf(world, { namespace: 'upgraded', account, assumed: true, entities: CHAIN });
      let tell: (digest: string) => void = () => undefined;
      const asks = new Promise<string>((resolve) => (tell = resolve));
      const running = apply(
        scene.temporal,
        { ...request, approval: { timeoutMs: 600_000 } },
        {
          onEvent: (event) => {
            if (event.type === 'awaiting-approval') tell(event.approval.plan);
          },
        },
      );
      const digest = await Promise.race([
        asks,
        running.then(() => Promise.reject(new Error('the run asked for nothing'))),
      ]);
      await scene.newWorker(deployment('asks', 'new'));
      await makeCurrent('asks', 'new');
      await old.stop();

      const where = ['--account', account, '--namespace', 'upgraded'];
      const env = { IAM_BOOTSTRAP_TASK_QUEUE: scene.temporal.taskQueue };
      const approve = (): Promise<CommandResult> =>
        world.cli(['approve', ...where, '--plan', digest, '--as', 'alice'], env);
      const unanswered = await approve();
      expect(unanswered.code).toBe(4);
      expect(unanswered.stderr).toContain('the run stays on build old of');
      expect((await world.cli(['status', ...where], env)).stdout).toContain(
        'the run stays on build old of deployment asks',
      );
      const [, rescue] = /: temporal (workflow update-options .*)/.exec(unanswered.stderr) ?? [];
      const words = (rescue ?? '').match(/'[^']*'|\S+/g) ?? [];
      await temporalCli(...words.map((word) => word.replace(/^'|'$/g, '')), '--yes');
      expect(await approve()).toMatchObject({ code: 0 });
      await expectCreatedOnce(scene, await running, CHAIN);
    }));
});
