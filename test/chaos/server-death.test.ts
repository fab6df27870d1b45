import { once } from 'node:events';
import { connectTemporal } from '../../src/client/connect.js';
import type { TemporalConnection } from '../../src/client/connect.js';
import { recentRuns } from '../../src/client/run.js';
import { loadConfig } from '../../src/config.js';
import { bootstrapWorkflowId } from '../../src/contract/messages.js';
import type { Report } from '../../src/contract/report.js';
import { allowing, manifestOf, role, trusting } from '../support/manifests-of.js';
import { ACCOUNT, startWorld } from '../support/world.js';
import type { WorkerProcess, World } from '../support/world.js';

jest.setTimeout(240_000);

const ROLES = ['first', 'second', 'third'];
const ONCE = Object.fromEntries(ROLES.map((name) => [`CreateRole ${name}`, 1]));

let world: World;
let worker: WorkerProcess;

beforeAll(async () => {
  world = await startWorld({ databaseFile: true });
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
  await world.stop();
});

/** A command that goes on while the test does something. */
interface Follower {
  /** Resolves when standard error has such a line. */
  said(pattern: RegExp): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<{ readonly code: number | null; readonly stderr: string; report(): Report }>;
}

/** Starts to apply a manifest of three roles, each of which trusts the one before, and so waits for it. */
async function follow(namespace: string, description = 'made in chaos'): Promise<Follower> {
  const entities = ROLES.map((name, index) =>
    role(name, {
      description,
      inlinePolicies: { work: allowing('s3:GetObject') },
      ...(index === 0 ? {} : { assumeRolePolicyDocument: trusting({ AWS: `{{arn Role/${ROLES[index - 1] ?? ''}}}` }) }),
    }),
  );
  const content = manifestOf({ namespace, account: ACCOUNT, entities });
  const path = await world.manifest(`${namespace}-${description.replaceAll(' ', '-')}.json`, content);
  const child = world.spawnCli(['apply', '-f', path, '-o', 'json']);
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

/** Holds the Create of the second role back: the run is in its middle until it is let go. */
function holdBack(): { readonly reached: Promise<void>; letGo(): void } {
  let letGo = (): void => undefined;
  let reach = (): void => undefined;
  const reached = new Promise<void>((resolve) => (reach = resolve));
  const held = new Promise<void>((resolve) => (letGo = resolve));
  const before = (): Promise<void> => {
    reach();
    return held;
  };
  world.proxy.on({ action: 'CreateRole', params: { RoleName: 'second' } }, { kind: 'hook', times: 1, before });
  return { reached, letGo };
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

test('the Temporal server is killed in the middle: started again, it goes on, and so does the command that follows', async () => {
  const middle = holdBack();
  const follower = await follow('server');
  await middle.reached;
  await world.crashTemporal();
  // AWS carries it out while nobody can be told.
  middle.letGo();
  await world.resumeTemporal();

  const report = await expectConverged(follower);
  expect(report.entities.map(({ outcome }) => outcome)).toEqual(['created', 'created', 'created']);
  expect(await world.creates()).toEqual(ONCE);
});

test('server and worker are killed in the middle: started again, they end the run', async () => {
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

test('a command killed while it follows: the run goes on, the next one joins it, and the one after has nothing to do', async () => {
  const middle = holdBack();
  const killed = await follow('command');
  await killed.said(/^run /m);
  await middle.reached;
  killed.kill('SIGKILL');
  await killed.ended;

  const next = await follow('command');
  await next.said(/^the same request is under way/m);
  middle.letGo();
  const joined = await expectConverged(next);
  expect(joined.summary).toMatchObject({ created: 3 });

  const last = await expectConverged(await follow('command'));
  expect(last.summary).toMatchObject({ created: 0, unchanged: 3 });
  expect(await world.creates()).toEqual(ONCE);
});

test('a worker asked to stop ends the step that it is in, and the next worker ends the run', async () => {
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
  // Nothing was sent twice.
  expect(world.proxy.count('CreateRole')).toBe(3);
});

test('a command that is interrupted says that the run goes on, and it does', async () => {
  const middle = holdBack();
  const follower = await follow('interrupted');
  await follower.said(/^run /m);
  await middle.reached;
  const asked = Date.now();
  follower.kill('SIGINT');
  const { code, stderr } = await follower.ended;
  expect(code).toBe(1);
  expect(stderr).toContain('interrupted: the run goes on without this command');
  // It does not wait for a long poll to come to its end.
  expect(Date.now() - asked).toBeLessThan(5_000);

  middle.letGo();
  await withTemporal(({ client }) => client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, 'interrupted')).result());
  expect(await world.creates()).toEqual(ONCE);
});

test('a command that is interrupted while it waits for its turn has asked for nothing', async () => {
  const middle = holdBack();
  const holder = await follow('queue');
  await middle.reached;
  const waiting = await follow('queue', 'another description');
  await waiting.said(/^waiting for the namespace/m);
  waiting.kill('SIGINT');
  const { code, stderr } = await waiting.ended;
  expect(code).toBe(1);
  expect(stderr).toContain('interrupted while waiting: nothing was asked for');

  middle.letGo();
  await expectConverged(holder);
  const runs = await withTemporal((temporal) => recentRuns(temporal, bootstrapWorkflowId(ACCOUNT, 'queue'), 10));
  expect(runs).toHaveLength(1);
});

test('a command that is interrupted while Temporal is away ends in good order', async () => {
  const middle = holdBack();
  const follower = await follow('away');
  await follower.said(/^run /m);
  await middle.reached;
  await world.crashTemporal();
  // Its progress is asked for every second: it has met the outage by then.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  follower.kill('SIGINT');
  const { code, stderr } = await follower.ended;
  expect(code).toBe(1);
  expect(stderr).toContain('interrupted: the run goes on without this command');
  expect(stderr).not.toMatch(/^\s+at /m);

  await world.resumeTemporal();
  middle.letGo();
  await withTemporal(({ client }) => client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, 'away')).result());
  expect(await world.creates()).toEqual(ONCE);
});
