import { CreateRoleCommand } from '@aws-sdk/client-iam';
import { connectTemporal } from '../../src/temporal/connect.js';
import type { TemporalConnection } from '../../src/temporal/connect.js';
import { apply, plan } from '../../src/client/run/start.js';
import { loadConfig } from '../../src/config/config.js';
import { entityId } from '../../src/contract/entity.js';
import type { JsonObject } from '../../src/contract/entity.js';
import { ledgerWorkflowId } from '../../src/contract/workflow-ids.js';
import type { Report } from '../../src/contract/report.js';
import { forEachConcurrently } from '../support/concurrency.js';
import { callIdentity } from '../support/fault-proxy.js';
import { startFaultProxy } from '../support/fault-proxy.js';
import type { Call, FaultProxy, Rule } from '../support/fault-proxy.js';
import { requestOf, role, tenEntities, trusting } from '../support/manifests-of.js';
import { iamClient } from '../support/sandbox.js';
import { LONG_FORM, record, Tally } from '../support/trials.js';
import { startWorld } from '../support/world.js';
import type { WorkerProcess, World } from '../support/world.js';

jest.setTimeout(900_000);

/** Runs that one `kill -9` interrupts, each at its own call: a dead worker is noticed after seconds. */
const KILLED_AT_ONCE = 22;

/** The short form kills the worker at each fifth call, before or after. */
const STRIDE = LONG_FORM ? 1 : 5;

/** A call of a run at which the worker dies. */
interface CrashPoint {
  /** `before`: the call never arrives. `after`: AWS executes it, and the reply is lost. */
  readonly when: 'before' | 'after';
  /** The call, as {@link callIdentity} names it. */
  readonly call: string;
  /** The number of the call among those of that name. */
  readonly nth: number;
}

/** Runs with their own worker and proxy. */
interface Stage {
  readonly proxy: FaultProxy;
  readonly temporal: TemporalConnection;
  startWorker(): Promise<WorkerProcess>;
}

let world: World;
let temporal: TemporalConnection;

beforeAll(async () => {
  world = await startWorld({ secured: true });
  temporal = await connectTemporal(loadConfig(world.env));
}, 300_000);

const deaths = new Tally();

afterAll(async () => {
  await record({
    id: 'worker-death',
    title: 'The worker dies in a run of ten entities',
    what:
      'Each case kills the worker (kill -9) right before or right after one call of a run of ten entities ' +
      'that refer to each other, or while a run asks the ledger whether its revision may be applied. ' +
      'Another worker finishes the run. A case survives if the run converges, AWS executed each Create ' +
      'once, and a plan finds no changes.',
    command: 'IAM_BOOTSTRAP_CHAOS=long npx jest test/chaos/worker-death.test.ts',
    trials: deaths.trials,
  });
  await temporal.close();
  await world.stop();
});

let accounts = 0;

function newAccount(): string {
  accounts += 1;
  return String(300_000_000_000 + accounts);
}

async function onStage<T>(act: (stage: Stage) => Promise<T>): Promise<T> {
  const taskQueue = `chaos-${newAccount()}`;
  const proxy = await startFaultProxy(world.sandbox.url);
  const env = {
    IAM_BOOTSTRAP_TASK_QUEUE: taskQueue,
    AWS_ENDPOINT_URL_IAM: proxy.url,
    AWS_ENDPOINT_URL_STS: proxy.url,
    // Each run is held at its call until all have reached theirs.
    IAM_BOOTSTRAP_AWS_TIMEOUT: '120',
  };
  const workers: WorkerProcess[] = [];
  try {
    return await act({
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

async function run({ temporal: its }: Stage, account: string, entities = tenEntities()): Promise<Report> {
  return apply(its, await requestOf(world, { namespace: 'chaos', account, assumed: true, entities }));
}

/** Returns the calls of a run without faults. */
function rehearse(): Promise<readonly Call[]> {
  return onStage(async (stage) => {
    await stage.startWorker();
    expect((await run(stage, newAccount())).result).toBe('converged');
    return [...stage.proxy.calls];
  });
}

/** A run that is held at its call until the worker is dead. */
interface Dying {
  readonly point: CrashPoint;
  readonly account: string;
  readonly rule: Rule;
  readonly running: Promise<Report>;
}

/** Starts a run and waits until it has reached its call. */
async function bringTo(stage: Stage, point: CrashPoint, death: Promise<void>): Promise<Dying> {
  const account = newAccount();
  let arrive = (): void => undefined;
  const arrived = new Promise<void>((resolve) => (arrive = resolve));
  const hold = async (): Promise<'drop'> => {
    arrive();
    await death;
    return 'drop';
  };
  const isHere = (call: Call): boolean =>
    call.account === account || call.params['RoleArn']?.includes(account) === true;
  const rule = stage.proxy.on(
    { predicate: (call) => isHere(call) && callIdentity(call) === point.call, nth: point.nth },
    { kind: 'hook', [point.when]: hold },
  );
  const running = run(stage, account);
  // A run that ends before its call does not block the others: its rule has not fired.
  running.then(arrive, arrive);
  await arrived;
  return { point, account, rule, running };
}

/** Checks a run whose worker died and that another worker finished. */
async function expectSurvived(stage: Stage, { point, account, rule, running }: Dying): Promise<void> {
  const report = await running;
  expect(rule.fired).toBe(1);

  // This run created all entities, however it learned of it.
  expect(report.result).toBe('converged');
  expect(report.entities.map(({ outcome }) => outcome)).toEqual(report.entities.map(() => 'created'));
  for (const { kind, confirmedBy } of report.entities) {
    expect(kind === 'Group' ? ['reply', 'recorded-attempt'] : ['reply', 'intent-tag']).toContain(confirmedBy);
  }
  const victim = report.entities.find(({ kind, name }) => point.call === `Create${kind} ${name}`);
  if (victim !== undefined && point.when === 'after') expect(victim.confirmedBy).not.toBe('reply');

  // AWS counted one Create per entity.
  const creates = report.entities.map(
    ({ kind, name }) => `Create${kind} ${kind === 'OpenIDConnectProvider' ? `https://${name}` : name}`,
  );
  expect(await world.creates(account)).toEqual(Object.fromEntries(creates.map((create) => [create, 1])));

  // A plan finds no changes.
  const parts = { namespace: 'chaos', account, assumed: true, entities: tenEntities() };
  const after = await plan(stage.temporal, await requestOf(world, parts));
  expect(after.entities.map((entity) => [entityId(entity), entity.decision, entity.drift])).toEqual(
    report.entities.map((entity) => [entityId(entity), 'no-op', []]),
  );
}

/** Kills the worker after AWS executed a call, and starts another. */
async function runThroughDeath(
  stage: Stage,
  worker: WorkerProcess,
  account: string,
  action: string,
  entity: JsonObject,
): Promise<Report> {
  const after = async (): Promise<'drop'> => {
    await worker.kill();
    return 'drop';
  };
  stage.proxy.on({ action }, { kind: 'hook', times: 1, after });
  const running = run(stage, account, [entity]);
  const early = running.then(() => {
    throw new Error('the run ended before it came to the point');
  });
  early.catch(() => undefined);
  await Promise.race([worker.exited, early]);
  await stage.startWorker();
  return running;
}

/** Returns points before and after each call. */
function pointsOf(calls: readonly Call[]): CrashPoint[] {
  const seen = new Map<string, number>();
  return calls.flatMap((one) => {
    const call = callIdentity(one);
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

/** Brings a run to each point, kills the shared worker and starts another. Returns a line per point. */
async function surviveTogether(points: readonly CrashPoint[]): Promise<string[]> {
  return onStage(async (stage) => {
    const doomed = await stage.startWorker();
    let dead = (): void => undefined;
    const death = new Promise<void>((resolve) => (dead = resolve));
    const dying = await Promise.all(points.map((point) => bringTo(stage, point, death)));
    await doomed.kill();
    dead();
    await stage.startWorker();
    return Promise.all(
      dying.map(async (one) => {
        const { point } = one;
        let loss: string | null = null;
        try {
          await expectSurvived(stage, one);
        } catch (error) {
          loss = error instanceof Error ? error.message : String(error);
        }
        const action = point.call.split(' ')[0] ?? '';
        deaths.count(`kill -9 of the worker ${point.when} it is done`, action, loss === null);
        return loss === null ? `survived  ${nameOf(point)}` : `LOST      ${nameOf(point)}: ${loss}`;
      }),
    );
  });
}

/** Runs all points, several at a time. Returns a line per point. */
async function surviveAll(points: readonly CrashPoint[]): Promise<string[]> {
  const lines: string[] = [];
  // Interleaved, so that each batch has different calls.
  const batches = Math.ceil(points.length / KILLED_AT_ONCE);
  for (let batch = 0; batch < batches; batch += 1) {
    lines.push(...(await surviveTogether(points.filter((_point, index) => index % batches === batch))));
  }
  return lines.sort();
}

describe('a worker killed in a run of ten entities', () => {
  let writes: readonly CrashPoint[];
  let reads: readonly CrashPoint[];
  let lines: readonly string[];

  beforeAll(async () => {
    const points = pointsOf(await rehearse());
    const isRead = ({ call }: CrashPoint): boolean => /^(Get|List|AssumeRole)/.test(call);
    writes = points.filter((point) => !isRead(point));
    // The point before a read equals the point after the previous call.
    reads = points.filter((point) => isRead(point) && point.when === 'after');
    lines = await surviveAll([...writes, ...reads].filter((_point, index) => index % STRIDE === 0));
    console.log(lines.join('\n'));
  });

  function lostOf(points: readonly CrashPoint[]): string[] {
    const names = new Set(points.map(nameOf));
    return lines.filter((line) => line.startsWith('LOST') && names.has(line.slice(10).split(': ')[0] ?? ''));
  }

  test('at any write: each entity is created once, and another worker finishes the run', () => {
    expect(lostOf(writes)).toEqual([]);
    expect(writes.length).toBeGreaterThanOrEqual(50);
  });

  test('while it only reads: another worker finishes the run', () => {
    expect(lostOf(reads)).toEqual([]);
    expect(reads.length).toBeGreaterThan(0);
  });

  test('every point was tested, or every fifth one in the short form', () => {
    expect(lines).toHaveLength(Math.ceil((writes.length + reads.length) / STRIDE));
  });
});

test('a worker killed after its last write to a role: the report says that the role was updated', async () => {
  const cases = [
    ['updated', 'UpdateRole', role('old', { description: 'before' }), role('old', { description: 'after' })],
    ['deleted', 'DeleteRole', role('old'), { kind: 'Role', roleName: 'old', state: 'absent' }],
    ['adopted', 'TagRole', null, role('old')],
  ] as const;
  await forEachConcurrently(cases, cases.length, ([outcome, action, first, then]) =>
    onStage(async (stage) => {
      const account = newAccount();
      const worker = await stage.startWorker();
      if (first === null) {
        const trust = JSON.stringify(trusting());
        const byHand = new CreateRoleCommand({ RoleName: 'old', AssumeRolePolicyDocument: trust });
        await iamClient(world.sandbox.url, account).send(byHand);
      } else await run(stage, account, [first]);
      const report = await runThroughDeath(stage, worker, account, action, then);
      expect(report).toMatchObject({ result: 'converged', entities: [{ outcome, attempts: 2 }] });
      expect(stage.proxy.count(action)).toBe(1);
    }),
  );
});

test('a worker killed while a run claims its revision: it is claimed once, and an older revision is refused', async () => {
  const cases = Array.from({ length: LONG_FORM ? 12 : 4 }, (_, index) => index);
  await forEachConcurrently(cases, cases.length, () =>
    onStage(async (stage) => {
      const account = newAccount();
      const worker = await stage.startWorker();
      const revised = async (value: number): Promise<Report> => {
        const entities = [role('revised', { description: String(value) })];
        const request = await requestOf(world, { namespace: 'chaos', account, assumed: true, entities });
        return apply(stage.temporal, { ...request, revision: { value, source: 'given' } });
      };
      expect(await revised(1)).toMatchObject({ result: 'converged', entities: [{ outcome: 'created' }] });
      const running = revised(2);
      await Promise.race([claims(account, 2), running]);
      await worker.kill();
      await stage.startWorker();
      const report = await running;
      const survived =
        report.result === 'converged' &&
        report.revision?.last?.value === 1 &&
        stage.proxy.count('UpdateRole') === 1 &&
        (await revised(1)).result === 'refused';
      deaths.count('kill -9 of the worker while it is asked', 'the ledger', survived);
      expect(report).toMatchObject({
        result: 'converged',
        revision: { value: 2, last: { value: 1 } },
        entities: [{ outcome: 'updated' }],
      });
      expect(stage.proxy.count('UpdateRole')).toBe(1);
      expect(await revised(1)).toMatchObject({ result: 'refused', revision: { last: { value: 2 } } });
      // Refused runs claim too: twice.
      await claims(account, 4);
    }),
  );
});

/** Resolves when the ledger of the namespace has that many claims. */
async function claims(account: string, count: number): Promise<void> {
  const { workflowService, options } = temporal.client;
  const execution = { workflowId: ledgerWorkflowId(account, 'chaos') };
  let nextPageToken: Uint8Array | null = null;
  for (let seen = 0; seen < count;) {
    const page: { history?: { events?: unknown[] | null } | null; nextPageToken: Uint8Array } =
      await workflowService.getWorkflowExecutionHistory({
        namespace: options.namespace,
        execution,
        waitNewEvent: true,
        nextPageToken,
      });
    const events = (page.history?.events ?? []) as { workflowExecutionUpdateAcceptedEventAttributes?: unknown }[];
    seen += events.filter((event) => event.workflowExecutionUpdateAcceptedEventAttributes != null).length;
    ({ nextPageToken } = page);
  }
}
