import { CreateRoleCommand } from '@aws-sdk/client-iam';
import { connectTemporal } from '../../src/client/connect.js';
import type { TemporalConnection } from '../../src/client/connect.js';
import { apply, plan } from '../../src/client/run.js';
import { loadConfig } from '../../src/config.js';
import { entityId } from '../../src/contract/entity.js';
import type { JsonObject } from '../../src/contract/entity.js';
import type { Report } from '../../src/contract/report.js';
import { startFaultProxy } from '../support/fault-proxy.js';
import type { Call, FaultProxy } from '../support/fault-proxy.js';
import { requestOf, role, tenEntities, trusting } from '../support/manifests-of.js';
import { iamClient } from '../support/sandbox.js';
import { startWorld } from '../support/world.js';
import type { WorkerProcess, World } from '../support/world.js';

jest.setTimeout(900_000);

/** Cases at a time: a dead worker is noticed after seconds, in which the others can work. */
const LANES = 6;

/** A place in a run at which the worker dies. */
interface CrashPoint {
  /** `before`: the call never arrives. `after`: it is carried out, and nobody hears of it. */
  readonly when: 'before' | 'after';
  /** The call, as {@link identityOf} names it. */
  readonly call: string;
  /** Which of several calls of that name. */
  readonly nth: number;
}

/** One run in an account of its own, with a worker and a proxy of its own. */
interface Stage {
  readonly account: string;
  readonly proxy: FaultProxy;
  readonly temporal: TemporalConnection;
  startWorker(): Promise<WorkerProcess>;
}

let world: World;
let temporal: TemporalConnection;

beforeAll(async () => {
  world = await startWorld();
  temporal = await connectTemporal(loadConfig(world.env));
}, 300_000);

afterAll(async () => {
  await temporal.close();
  await world.stop();
});

let accounts = 0;

async function onStage<T>(act: (stage: Stage) => Promise<T>): Promise<T> {
  accounts += 1;
  const account = String(300_000_000_000 + accounts);
  const taskQueue = `chaos-${account}`;
  const proxy = await startFaultProxy(world.sandbox.url);
  const env = {
    IAM_BOOTSTRAP_TASK_QUEUE: taskQueue,
    AWS_ENDPOINT_URL_IAM: proxy.url,
    AWS_ENDPOINT_URL_STS: proxy.url,
  };
  const workers: WorkerProcess[] = [];
  try {
    return await act({
      account,
      proxy,
      temporal: { ...temporal, taskQueue },
      startWorker: async () => {
        const worker = await world.startWorker(env);
        workers.push(worker);
        return worker;
      },
    });
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()));
    await proxy.stop();
  }
}

/** A call's action and what it is about, the same in every account: `PutRolePolicy ten-deploy state`. */
function identityOf({ action, params }: Call): string {
  const about = Object.entries(params).filter(([name]) => /^(\w+Name|\w*Arn|Url|ClientID)$/.test(name));
  const values = about.map(([, value]) => value.replace(/^.*:\d{12}:/, '').replace(/^.*:aws:/, ''));
  return [action, ...values.sort()].join(' ');
}

async function run({ account, temporal: its }: Stage, entities = tenEntities()): Promise<Report> {
  return apply(its, await requestOf(world, { namespace: 'chaos', account, assumed: true, entities }));
}

/** The calls of a run that nothing disturbs. */
function rehearse(): Promise<readonly Call[]> {
  return onStage(async (stage) => {
    await stage.startWorker();
    expect((await run(stage)).result).toBe('converged');
    return [...stage.proxy.calls];
  });
}

/** Waits for a worker's end, which comes before that of the run. */
async function deathOf(worker: WorkerProcess, running: Promise<Report>): Promise<void> {
  const early = running.then(() => {
    throw new Error('the run ended before it came to the point');
  });
  await Promise.race([worker.exited, early]);
  early.catch(() => undefined);
}

/** Kills the worker at a point, starts another, and looks at what came of the run. */
async function survive(point: CrashPoint): Promise<number> {
  return onStage(async (stage) => {
    const { proxy } = stage;
    const doomed = await stage.startWorker();
    const die = async (): Promise<'drop'> => {
      await doomed.kill();
      return 'drop';
    };
    const rule = proxy.on(
      { predicate: (call) => identityOf(call) === point.call, nth: point.nth },
      { kind: 'hook', [point.when]: die },
    );
    const running = run(stage);
    await deathOf(doomed, running);
    const diedAt = Date.now();
    if (rule.fired !== 1)
      throw new Error(`the worker ended by itself (${String(await doomed.exited)}): ${doomed.log()}`);
    await stage.startWorker();
    const report = await running;

    // Truthful: all of it was made by this run, however the news came through.
    expect(report.result).toBe('converged');
    expect(report.entities.map(({ outcome }) => outcome)).toEqual(report.entities.map(() => 'created'));
    for (const { kind, confirmedBy } of report.entities) {
      expect(kind === 'Group' ? ['reply', 'recorded-attempt'] : ['reply', 'intent-tag']).toContain(confirmedBy);
    }
    const victim = report.entities.find(({ kind, name }) => point.call === `Create${kind} ${name}`);
    if (victim !== undefined && point.when === 'after') expect(victim.confirmedBy).not.toBe('reply');

    // Once: as AWS counts.
    const creates = report.entities.map(
      ({ kind, name }) => `Create${kind} ${kind === 'OpenIDConnectProvider' ? `https://${name}` : name}`,
    );
    const once = Object.fromEntries(creates.map((create) => [create, 1]));
    expect(proxy.successfulCreates()).toEqual(once);
    expect(await world.creates(stage.account)).toEqual(once);

    // Whole: there is nothing left to do.
    const parts = { namespace: 'chaos', account: stage.account, assumed: true, entities: tenEntities() };
    const after = await plan(stage.temporal, await requestOf(world, parts));
    expect(after.entities.map((entity) => [entityId(entity), entity.decision, entity.drift])).toEqual(
      report.entities.map((entity) => [entityId(entity), 'no-op', []]),
    );
    return Date.now() - diedAt;
  });
}

/** Kills the worker when AWS has carried out a call, and starts another. */
async function runThroughDeath(
  stage: Stage,
  worker: WorkerProcess,
  action: string,
  entity: JsonObject,
): Promise<Report> {
  const after = async (): Promise<'drop'> => {
    await worker.kill();
    return 'drop';
  };
  stage.proxy.on({ action }, { kind: 'hook', times: 1, after });
  const running = run(stage, [entity]);
  await deathOf(worker, running);
  await stage.startWorker();
  return running;
}

/** Points before and after each of the calls. */
function pointsOf(calls: readonly Call[]): CrashPoint[] {
  const seen = new Map<string, number>();
  return calls.flatMap((one) => {
    const call = identityOf(one);
    const nth = (seen.get(call) ?? 0) + 1;
    seen.set(call, nth);
    return [
      { when: 'before' as const, call, nth },
      { when: 'after' as const, call, nth },
    ];
  });
}

function nameOf({ when, call, nth }: CrashPoint): string {
  return `${when} ${call}${nth === 1 ? '' : ` (${String(nth)})`}`;
}

/** Runs the points, several at a time, and gives a line on each. */
async function surviveAll(points: readonly CrashPoint[]): Promise<string[]> {
  const lines: string[] = [];
  const queue = [...points];
  const lane = async (): Promise<void> => {
    for (let point = queue.shift(); point !== undefined; point = queue.shift()) {
      const name = nameOf(point).padEnd(72);
      try {
        lines.push(`survived  ${name} ${(await survive(point)).toString().padStart(6)} ms`);
      } catch (error) {
        lines.push(`LOST      ${name} ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return lines.sort();
}

test('a worker killed at any write of a run of ten entities: each is made once, and another worker ends the run', async () => {
  const calls = await rehearse();
  const writes = calls.filter(({ action }) => !/^(Get|List|AssumeRole)/.test(action));
  const points = pointsOf(writes);
  const lines = await surviveAll(points);
  const lost = lines.filter((line) => line.startsWith('LOST'));
  console.log(
    [`crash points: ${String(points.length)}, survived: ${String(points.length - lost.length)}`, ...lines].join('\n'),
  );
  expect(lost).toEqual([]);
  expect(points.length).toBeGreaterThanOrEqual(50);
});

test('a worker killed while it only reads: another one ends the run', async () => {
  const reads = (await rehearse()).filter(({ action }) => /^(Get|List|AssumeRole)/.test(action));
  const points = pointsOf(reads).filter(({ when }) => when === 'after');
  const lines = await surviveAll(points);
  console.log(lines.join('\n'));
  expect(lines.filter((line) => line.startsWith('LOST'))).toEqual([]);
});

test.each([
  ['updated', 'UpdateRole', role('old', { description: 'before' }), role('old', { description: 'after' })],
  ['deleted', 'DeleteRole', role('old'), { kind: 'Role', roleName: 'old', state: 'absent' }],
  ['adopted', 'TagRole', null, role('old')],
])(
  'a worker killed when its last write has %s a role: that is what the report says',
  async (outcome, action, first, then) => {
    await onStage(async (stage) => {
      const worker = await stage.startWorker();
      if (first === null) {
        const trust = JSON.stringify(trusting());
        const byHand = new CreateRoleCommand({ RoleName: 'old', AssumeRolePolicyDocument: trust });
        await iamClient(world.sandbox.url, stage.account).send(byHand);
      } else await run(stage, [first]);
      const report = await runThroughDeath(stage, worker, action, then);
      expect(report).toMatchObject({ result: 'converged', entities: [{ outcome, attempts: 2 }] });
      expect(stage.proxy.count(action)).toBe(1);
    });
  },
);
